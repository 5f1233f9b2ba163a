//! Plans, forges, sends, listens, captures evidence and judges it.
