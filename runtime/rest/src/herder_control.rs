//! A herder behind the REST API: what comes over it runs under the worker's policy for it.

use tidegate_config::Properties;
use tidegate_config::connector::{ConnectorConfig, SinkTopics};
use tidegate_config::policy::Policy;
use tidegate_herder::info::{
    ConfigInfos, ConfigKeyInfo, ConnectorInfo, ConnectorKind, ConnectorStatus, PluginSummary,
    ServerInfo, TaskInfo, TaskStatus,
};
use tidegate_herder::{Created, Herder, HerderError, InitialState};
use tidegate_worker::TargetState;

use crate::control::{Change, Control, Health};

/// A herder, with the policy of what comes over REST.
#[derive(Clone)]
pub struct HerderControl {
    herder: Herder,
    policy: Policy,
}

impl HerderControl {
    /// Puts a herder behind the REST API; `policy` says what connectors configured there may be granted.
    #[must_use]
    pub fn new(herder: Herder, policy: Policy) -> Self {
        Self { herder, policy }
    }

    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Herder) -> Result<T, HerderError> + Send + 'static,
    ) -> Result<T, HerderError> {
        let herder = self.herder.clone();
        tokio::task::spawn_blocking(move || work(&herder))
            .await
            .unwrap_or(Err(HerderError::Stopped))
    }
}

impl Control for HerderControl {
    async fn server_info(&self) -> Result<ServerInfo, HerderError> {
        self.blocking(Herder::server_info).await
    }

    async fn health(&self) -> Health {
        match self.herder.connectors().await {
            Ok(_) => Health::Healthy,
            Err(error) => Health::Unhealthy(error.to_string()),
        }
    }

    async fn connectors(&self) -> Result<Vec<String>, HerderError> {
        self.herder.connectors().await
    }

    async fn connector(&self, name: &str) -> Result<ConnectorInfo, HerderError> {
        self.herder.connector(name).await
    }

    async fn status(&self, name: &str) -> Result<ConnectorStatus, HerderError> {
        self.herder.status(name).await
    }

    async fn tasks(&self, name: &str) -> Result<Vec<TaskInfo>, HerderError> {
        self.herder.tasks(name).await
    }

    async fn task_status(&self, name: &str, task: u32) -> Result<TaskStatus, HerderError> {
        self.herder.task_status(name, task).await
    }

    /// The topics that the configuration names: `topics` of a sink, `topic` of a source.
    async fn topics(&self, name: &str) -> Result<Vec<String>, HerderError> {
        let info = self.herder.connector(name).await?;
        if info.kind == ConnectorKind::Source {
            return Ok(info.config.get("topic").cloned().into_iter().collect());
        }
        match ConnectorConfig::unnamed(name, info.config).topics() {
            Ok(SinkTopics::List(topics)) => Ok(topics.iter().map(ToString::to_string).collect()),
            Ok(SinkTopics::Regex(_)) | Err(_) => Ok(Vec::new()),
        }
    }

    async fn create(
        &self,
        config: ConnectorConfig,
        initial: InitialState,
    ) -> Result<ConnectorInfo, HerderError> {
        self.herder
            .create(config, self.policy.clone(), initial)
            .await
    }

    async fn put_config(&self, config: ConnectorConfig) -> Result<Created, HerderError> {
        self.herder.put_config(config, self.policy.clone()).await
    }

    async fn patch_config(
        &self,
        name: &str,
        changes: Vec<Change>,
    ) -> Result<ConnectorInfo, HerderError> {
        self.herder.patch_config(name, changes).await
    }

    async fn delete(&self, name: &str) -> Result<(), HerderError> {
        self.herder.delete(name).await
    }

    async fn pause(&self, name: &str) -> Result<(), HerderError> {
        self.herder.set_target(name, TargetState::Paused).await
    }

    async fn resume(&self, name: &str) -> Result<(), HerderError> {
        self.herder.set_target(name, TargetState::Running).await
    }

    async fn stop(&self, name: &str) -> Result<(), HerderError> {
        self.herder.set_target(name, TargetState::Stopped).await
    }

    async fn restart(
        &self,
        name: &str,
        include_tasks: bool,
        only_failed: bool,
    ) -> Result<ConnectorStatus, HerderError> {
        self.herder.restart(name, include_tasks, only_failed).await
    }

    async fn restart_task(&self, name: &str, task: u32) -> Result<(), HerderError> {
        self.herder.restart_task(name, task).await
    }

    async fn plugins(&self, connectors_only: bool) -> Result<Vec<PluginSummary>, HerderError> {
        Ok(self.herder.plugins(connectors_only))
    }

    async fn plugin_config(&self, class: &str) -> Result<Vec<ConfigKeyInfo>, HerderError> {
        let class = class.to_owned();
        self.blocking(move |herder| herder.plugin_config(&class))
            .await
    }

    async fn validate(&self, class: &str, config: Properties) -> Result<ConfigInfos, HerderError> {
        let class = class.to_owned();
        self.blocking(move |herder| herder.validate(&class, &config))
            .await
    }
}
