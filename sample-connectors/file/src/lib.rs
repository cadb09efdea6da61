//! tidegate-file
