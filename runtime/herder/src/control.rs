//! What a client may ask of a herder; what it configures is granted what the worker's policy for clients allows.

use std::collections::BTreeMap;
use std::future::Future;

use tidegate_config::Properties;
use tidegate_config::connector::ConnectorConfig;

use crate::component_info::ComponentInfo;
use crate::error::HerderError;
use crate::info::{
    ConfigInfos, ConfigKeyInfo, ConnectorInfo, ConnectorOffset, ConnectorOffsets, ConnectorStatus,
    PluginSummary, ServerInfo, TaskInfo, TaskStatus,
};
use crate::loggers::{LogLevel, LoggerLevel};
use crate::measures::WorkerMeasures;
use crate::requests::{Created, InitialState};

/// Whether a worker can do its work (KIP-1017).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Health {
    /// It can.
    Healthy,
    /// Not yet; it says why.
    Starting(String),
    /// It cannot; it says why.
    Unhealthy(String),
}

/// Where the level of a logger is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogScope {
    /// In this worker.
    Worker,
    /// In all that run now.
    Cluster,
}

/// A key of a patch; no value removes it.
pub type Change = (String, Option<String>);

/// What a client may ask of a herder: [`crate::Herder`], or a stand-in in tests.
///
/// # Errors
/// [`HerderError`] says what each failure is to a client of REST.
pub trait Control: Send + Sync + 'static {
    /// The worker.
    fn server_info(&self) -> impl Future<Output = Result<ServerInfo, HerderError>> + Send;
    /// Whether it can do its work.
    fn health(&self) -> impl Future<Output = Health> + Send;
    /// What is measured; nothing where nothing is.
    fn measures(&self) -> impl Future<Output = Result<WorkerMeasures, HerderError>> + Send {
        async { Ok(WorkerMeasures::default()) }
    }
    /// The names of all connectors.
    fn connectors(&self) -> impl Future<Output = Result<Vec<String>, HerderError>> + Send;
    /// A connector.
    fn connector(
        &self,
        name: &str,
    ) -> impl Future<Output = Result<ConnectorInfo, HerderError>> + Send;
    /// The status of a connector and its tasks.
    fn status(
        &self,
        name: &str,
    ) -> impl Future<Output = Result<ConnectorStatus, HerderError>> + Send;
    /// The tasks of a connector.
    fn tasks(&self, name: &str) -> impl Future<Output = Result<Vec<TaskInfo>, HerderError>> + Send;
    /// The status of a task.
    fn task_status(
        &self,
        name: &str,
        task: u32,
    ) -> impl Future<Output = Result<TaskStatus, HerderError>> + Send;
    /// The topics that the tasks of a connector used since it was created or they were forgotten (KIP-558).
    fn topics(&self, name: &str) -> impl Future<Output = Result<Vec<String>, HerderError>> + Send;
    /// Creates a connector. It is durable when this returns.
    fn create(
        &self,
        config: ConnectorConfig,
        initial: InitialState,
    ) -> impl Future<Output = Result<ConnectorInfo, HerderError>> + Send;
    /// Creates a connector or replaces its configuration. It is durable when this returns.
    fn put_config(
        &self,
        config: ConnectorConfig,
    ) -> impl Future<Output = Result<Created, HerderError>> + Send;
    /// Changes keys of a connector's configuration (KIP-477). What a client changes is the client's, whoever wrote
    /// the rest.
    fn patch_config(
        &self,
        name: &str,
        changes: Vec<Change>,
    ) -> impl Future<Output = Result<ConnectorInfo, HerderError>> + Send;
    /// Deletes a connector; its tasks end first.
    fn delete(&self, name: &str) -> impl Future<Output = Result<(), HerderError>> + Send;
    /// Lets a connector's tasks wait.
    fn pause(&self, name: &str) -> impl Future<Output = Result<(), HerderError>> + Send;
    /// Lets a connector run.
    fn resume(&self, name: &str) -> impl Future<Output = Result<(), HerderError>> + Send;
    /// Ends a connector's tasks until it is resumed.
    fn stop(&self, name: &str) -> impl Future<Output = Result<(), HerderError>> + Send;
    /// Restarts a connector and, when asked, its tasks (KIP-745). The answer is the status with RESTARTING for what
    /// is restarted.
    fn restart(
        &self,
        name: &str,
        include_tasks: bool,
        only_failed: bool,
    ) -> impl Future<Output = Result<ConnectorStatus, HerderError>> + Send;
    /// Restarts a task.
    fn restart_task(
        &self,
        name: &str,
        task: u32,
    ) -> impl Future<Output = Result<(), HerderError>> + Send;
    /// Forgets the topics that a connector used up to now.
    fn reset_topics(&self, name: &str) -> impl Future<Output = Result<(), HerderError>> + Send;
    /// All loggers (KIP-495).
    fn loggers(
        &self,
    ) -> impl Future<Output = Result<BTreeMap<String, LoggerLevel>, HerderError>> + Send;
    /// A logger.
    fn logger(&self, name: &str) -> impl Future<Output = Result<LoggerLevel, HerderError>> + Send;
    /// Sets the level of a logger and of all below it, here or in all workers of the cluster (KIP-976). The answer:
    /// those here that had another one.
    fn set_logger(
        &self,
        name: &str,
        level: LogLevel,
        scope: LogScope,
    ) -> impl Future<Output = Result<Vec<String>, HerderError>> + Send;
    /// Where a connector goes on (KIP-875).
    fn offsets(
        &self,
        name: &str,
    ) -> impl Future<Output = Result<ConnectorOffsets, HerderError>> + Send;
    /// Alters where a stopped connector goes on; those not named stay as they are. The answer is a sentence for the
    /// client. It is durable when this returns.
    fn alter_offsets(
        &self,
        name: &str,
        offsets: Vec<ConnectorOffset>,
    ) -> impl Future<Output = Result<String, HerderError>> + Send;
    /// Lets a stopped connector begin anew. As [`Control::alter_offsets`].
    fn reset_offsets(&self, name: &str)
    -> impl Future<Output = Result<String, HerderError>> + Send;
    /// Keeps a component and makes its plugins known; whether it is new. `owner`: who may not use all connectors.
    fn upload(
        &self,
        component: Vec<u8>,
        owner: Option<String>,
    ) -> impl Future<Output = Result<(ComponentInfo, bool), HerderError>> + Send;
    /// All components.
    fn components(&self) -> impl Future<Output = Result<Vec<ComponentInfo>, HerderError>> + Send;
    /// A component by its digest, or by a class and a version of it.
    fn component(
        &self,
        name: &str,
        version: Option<&str>,
    ) -> impl Future<Output = Result<ComponentInfo, HerderError>> + Send;
    /// Takes away an uploaded component that no connector uses; where there is an `owner`, theirs alone.
    fn remove_component(
        &self,
        name: &str,
        version: Option<&str>,
        owner: Option<&str>,
    ) -> impl Future<Output = Result<(), HerderError>> + Send;
    /// The plugins.
    fn plugins(
        &self,
        connectors_only: bool,
    ) -> impl Future<Output = Result<Vec<PluginSummary>, HerderError>> + Send;
    /// The configuration keys of a plugin, in a version that is asked for.
    fn plugin_config(
        &self,
        class: &str,
        version: Option<&str>,
    ) -> impl Future<Output = Result<Vec<ConfigKeyInfo>, HerderError>> + Send;
    /// Checks a connector's configuration without creating it.
    fn validate(
        &self,
        class: &str,
        config: Properties,
    ) -> impl Future<Output = Result<ConfigInfos, HerderError>> + Send;
}
