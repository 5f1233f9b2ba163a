//! Bytes to structure and back: MIME, safe XML, canonical form, XML signature, gzip, limits.
