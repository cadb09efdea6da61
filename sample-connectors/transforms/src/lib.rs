//! tidegate-transforms
