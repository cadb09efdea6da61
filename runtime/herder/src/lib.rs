//! tidegate-herder
