//! What a client may ask of a herder; what it configures is granted what the worker's policy for clients allows.

use std::future::Future;

use tidegate_config::Properties;
use tidegate_config::connector::ConnectorConfig;

use crate::error::HerderError;
use crate::herder::{Created, InitialState};
use crate::info::{
    ConfigInfos, ConfigKeyInfo, ConnectorInfo, ConnectorStatus, PluginSummary, ServerInfo,
    TaskInfo, TaskStatus,
};
use crate::measures::WorkerMeasures;

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
    /// The topics that the configuration names: `topics` of a sink, `topic` of a source.
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
    /// The plugins.
    fn plugins(
        &self,
        connectors_only: bool,
    ) -> impl Future<Output = Result<Vec<PluginSummary>, HerderError>> + Send;
    /// The configuration keys of a plugin.
    fn plugin_config(
        &self,
        class: &str,
    ) -> impl Future<Output = Result<Vec<ConfigKeyInfo>, HerderError>> + Send;
    /// Checks a connector's configuration without creating it.
    fn validate(
        &self,
        class: &str,
        config: Properties,
    ) -> impl Future<Output = Result<ConfigInfos, HerderError>> + Send;
}
