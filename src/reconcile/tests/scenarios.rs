//! Single histories, each of which went wrong once.
