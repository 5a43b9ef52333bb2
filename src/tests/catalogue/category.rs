//! Categories, their products, product attributes and their options.
