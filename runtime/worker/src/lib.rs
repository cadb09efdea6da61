//! tidegate-worker
