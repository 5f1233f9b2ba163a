//! What customs do with a document: declaration first.
