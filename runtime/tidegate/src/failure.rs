//! Why a command failed, and with which exit code.
//!
//! | code | meaning |
//! | --- | --- |
//! | 0 | done |
//! | 1 | it ran and failed: a connector or task is FAILED when it ends, the broker is away, a component cannot be used |
//! | 2 | it was asked wrongly: arguments, files or configurations |
//! | 3 | it ended, and some tasks did not stop in time, or were not waited for |

use std::process::ExitCode;

use tidegate_broker::BrokerError;
use tidegate_config::ConfigError;
use tidegate_herder::HerderError;
use tidegate_model::ErrorClass;
use tidegate_rest::RestError;
use tidegate_sandbox::SandboxError;
use tidegate_worker::WorkerError;

use crate::output::json_line;

/// The exit code when tasks were not waited for any longer.
pub const LATE: u8 = 3;

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The configuration cannot work.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The broker failed.
    #[error(transparent)]
    Broker(#[from] BrokerError),
    /// The sandbox failed.
    #[error(transparent)]
    Sandbox(#[from] SandboxError),
    /// The worker failed.
    #[error(transparent)]
    Worker(#[from] WorkerError),
    /// The herder failed.
    #[error(transparent)]
    Herder(#[from] HerderError),
    /// The REST server cannot listen.
    #[error(transparent)]
    Rest(#[from] RestError),
    /// Input or output failed.
    #[error("{0}")]
    Io(#[from] std::io::Error),
    /// It was asked wrongly.
    #[error("{0}")]
    Usage(String),
    /// Connectors' configurations cannot work: a line for each fault, and what to do.
    #[error("{}", .0.join("\n"))]
    Refused(Vec<String>),
    /// What is wrong is on standard output already.
    #[error("{text}")]
    Shown {
        /// The exit code.
        code: u8,
        /// How much is wrong.
        text: String,
    },
    /// It ran and failed.
    #[error("{0}")]
    Failed(String),
    /// Tasks did not stop in time.
    #[error("these tasks did not stop within task.shutdown.graceful.timeout.ms: {}", .0.join(", "))]
    Late(Vec<String>),
}

impl Failure {
    /// Prints the failure, on standard output as JSON too where that was asked for, and gives its exit code.
    pub fn report(&self, as_json: bool) -> ExitCode {
        let (text, code) = (self.to_string(), self.exit_code());
        for line in text.lines() {
            eprintln!("tidegate: {line}");
        }
        if as_json && !matches!(self, Self::Shown { .. }) {
            let error = serde_json::json!({ "error": text, "exit_code": code });
            // A reader that went away does not hear of it; the exit code says the same.
            drop(json_line(&error));
        }
        ExitCode::from(code)
    }

    fn exit_code(&self) -> u8 {
        match self {
            Self::Config(_) | Self::Usage(_) | Self::Refused(_) => 2,
            Self::Shown { code, .. } => *code,
            Self::Late(_) => LATE,
            Self::Broker(error) => code(error.class()),
            Self::Sandbox(error) => code(error.class()),
            Self::Worker(error) => code(error.class()),
            Self::Herder(error) => code(error.class()),
            Self::Io(_) | Self::Rest(RestError::Bind { .. }) | Self::Failed(_) => 1,
            Self::Rest(error) => code(error.class()),
        }
    }
}

fn code(class: ErrorClass) -> u8 {
    if class == ErrorClass::Config { 2 } else { 1 }
}
