//! tidegate-convert
