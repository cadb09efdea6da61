//! tidegate-rest
