//! Where a worker's keys come from: its file, or `CONNECT_…` variables. What is wrong with one is said with its place.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::error::ConfigError;

/// The file, and the variables that count more than it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Origin {
    /// The worker's file.
    pub(crate) file: Option<PathBuf>,
    /// Keys with the variables that set them.
    pub(crate) variables: BTreeMap<String, String>,
}

impl Origin {
    /// The error with the variable or the file that is to be mended.
    #[must_use]
    pub fn blame(&self, error: ConfigError) -> ConfigError {
        let variable = error.key().and_then(|key| self.variables.get(key));
        match (variable, &self.file) {
            (Some(variable), _) => ConfigError::InVariable {
                variable: variable.clone(),
                error: Box::new(error),
            },
            (None, Some(path)) => ConfigError::InFile {
                path: path.clone(),
                error: Box::new(error),
            },
            (None, None) => error,
        }
    }
}
