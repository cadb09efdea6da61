//! What can go wrong. Messages say what was asked of whom, what came back, and what helps.

use tidegate_model::ErrorClass;

/// A request that did not succeed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RegistryError {
    /// Nobody answered, or not in time.
    #[error("the schema registry at {at} could not be asked to {what}: {reason}")]
    Away {
        /// The address, without secrets.
        at: String,
        /// What was asked.
        what: String,
        /// Why there was no answer.
        reason: String,
    },
    /// The registry says no.
    #[error("the schema registry at {at} did not {what}: status {status}{message}{hint}")]
    Refused {
        /// The address, without secrets.
        at: String,
        /// What was asked.
        what: String,
        /// The HTTP status.
        status: u16,
        /// The registry's own words, with a colon before them; empty when it had none.
        message: String,
        /// What helps, with a semicolon before it; empty when nothing is known.
        hint: &'static str,
    },
    /// An answer that cannot be used.
    #[error(
        "the schema registry at {at} was asked to {what}, and its answer cannot be used: {problem}"
    )]
    Answer {
        /// The address, without secrets.
        at: String,
        /// What was asked.
        what: String,
        /// What is wrong with the answer.
        problem: String,
    },
    /// An answer of the right form that does not say what it should.
    #[error("the schema registry's answer cannot be used: {problem}")]
    Unusable {
        /// What is wrong with the answer.
        problem: String,
    },
}

impl RegistryError {
    /// Whether the same may succeed later, never does until a person changes something, or concerns this record.
    #[must_use]
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::Away { .. } => ErrorClass::Retriable,
            Self::Refused { status, .. } if is_passing(*status) => ErrorClass::Retriable,
            Self::Refused {
                status: 401 | 403, ..
            } => ErrorClass::Config,
            Self::Refused { .. } | Self::Answer { .. } | Self::Unusable { .. } => ErrorClass::Data,
        }
    }
}

/// Whether a status says that the same may succeed later.
pub(crate) fn is_passing(status: u16) -> bool {
    matches!(status, 408 | 429 | 500 | 502..=504)
}

/// What helps with a status.
pub(crate) fn hint(status: u16) -> &'static str {
    match status {
        300..=399 => {
            "; redirects are not followed: put the address that it leads to into schema.registry.url"
        }
        401 => {
            "; check basic.auth.credentials.source with basic.auth.user.info, or bearer.auth.token"
        }
        403 => "; this user may not do that there",
        404 => "; is it in this registry, and under this subject?",
        409 => {
            "; the schema is not compatible with earlier versions: change one of them, or the subject's compatibility"
        }
        _ => "",
    }
}
