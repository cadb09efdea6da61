//! What the actor is asked for, and what it answers.

use tidegate_config::Properties;
use tidegate_config::connector::ConnectorConfig;
use tidegate_config::grants::Policy;
use tidegate_model::ConnectorName;
use tidegate_sandbox::Digest;
use tidegate_worker::TargetState;
use tidegate_worker::altered_offsets::AlteredOffsets;
use tidegate_worker::progress::{Counts, TransformCounts};
use tokio::sync::oneshot;

use crate::error::HerderError;
use crate::info::{ConnectorInfo, ConnectorStatus};
use crate::loggers::LogLevel;
use crate::preparation::Prepared;

/// What a connector does first (KIP-980).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum InitialState {
    /// Moves records.
    #[default]
    Running,
    /// Its tasks wait.
    Paused,
    /// Has no tasks.
    Stopped,
}

/// Whether a connector was created or updated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Created {
    /// It is new.
    Created(ConnectorInfo),
    /// It was there.
    Updated(ConnectorInfo),
}

/// What the actor is asked for. What a plugin says of it is there already.
pub(crate) enum Request {
    Put(Box<Put>, Reply<Created>),
    Delete(ConnectorName, Reply<()>),
    Target(ConnectorName, TargetState, Option<Prepared>, Reply<()>),
    Restart {
        name: ConnectorName,
        include_tasks: bool,
        only_failed: bool,
        prepared: Option<Prepared>,
        reply: Reply<ConnectorStatus>,
    },
    RestartTask(ConnectorName, u32, Reply<()>),
    /// The configuration that the connector was asked with comes along.
    AlterOffsets(ConnectorName, Properties, AlteredOffsets, Reply<()>),
    ForgetTopics(ConnectorName, Reply<()>),
    /// A task asked for it.
    Reconfigure(ConnectorName, Box<Prepared>),
    ClusterLogger(String, LogLevel, Reply<()>),
    Progress(Reply<Vec<Moved>>),
    RemoveComponent(Digest, Reply<()>),
    Shutdown(Reply<Vec<String>>),
}

/// A configuration to put.
pub(crate) struct Put {
    pub(crate) config: ConnectorConfig,
    pub(crate) policy: Policy,
    pub(crate) mode: PutMode,
    /// The configuration that it changes, when it must still be that.
    pub(crate) changed_from: Option<Properties>,
    pub(crate) prepared: Prepared,
}

/// How a configuration is put.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PutMode {
    /// It must be new.
    Create(InitialState),
    /// It may be there, and is then replaced.
    CreateOrReplace,
}

pub(crate) type Reply<T> = oneshot::Sender<Result<T, HerderError>>;

/// What the tasks of a connector have moved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moved {
    /// The connector.
    pub connector: String,
    /// Whether it is a sink.
    pub sink: bool,
    /// How many tasks it has.
    pub tasks: usize,
    /// How many of its tasks failed, or the connector itself.
    pub failed: usize,
    /// How many of its tasks wait until they are started anew.
    pub restarting: usize,
    /// The counters of its tasks.
    pub counts: Counts,
    /// Those of its transforms, in order.
    pub transforms: Vec<TransformCounts>,
}
