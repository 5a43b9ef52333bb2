//! Prices and stock: rows, of which one request takes many.
