//! Large releases: rows in batches, and Magento's own queue.
