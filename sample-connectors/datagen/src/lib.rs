//! tidegate-datagen
