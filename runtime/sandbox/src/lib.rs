//! tidegate-sandbox
