//! Products: values per scope, attributes of the store's own, creation and deletion.
