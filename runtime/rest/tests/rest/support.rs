//! A herder's stand-in and an HTTP client of a few lines.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use tidegate_config::Properties;
use tidegate_config::connector::ConnectorConfig;
use tidegate_config::worker::Listener;
use tidegate_herder::component_info::ComponentInfo;
use tidegate_herder::control::{Change, LogScope};
use tidegate_herder::info::*;
use tidegate_herder::loggers::LoggerLevel;
use tidegate_herder::{Control, Health, LogLevel, Loggers};
use tidegate_herder::{Created, HerderError, InitialState};
use tidegate_rest::Server;
use tidegate_rest::limits::Limits;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{Notify, oneshot};

/// Connectors in memory; each that is not stopped has one task.
#[derive(Default)]
pub struct Fake {
    /// By name, with what they do.
    pub connectors: Mutex<BTreeMap<String, (Properties, StateName)>>,
    /// The components that were uploaded.
    pub uploaded: Mutex<Vec<Vec<u8>>>,
    /// When set, `GET /` and uploads wait for it.
    pub wait: Option<Arc<Notify>>,
    /// The uploads that have reached it.
    pub uploads_begun: Arc<AtomicUsize>,
    pub loggers: Loggers,
}

fn not_found<T>(name: &str) -> Result<T, HerderError> {
    Err(HerderError::NotFound(format!("Connector {name} not found")))
}

impl Fake {
    fn of<T>(
        &self,
        name: &str,
        f: impl FnOnce(&mut (Properties, StateName)) -> T,
    ) -> Result<T, HerderError> {
        match self.connectors.lock().unwrap().get_mut(name) {
            Some(connector) => Ok(f(connector)),
            None => not_found(name),
        }
    }

    fn put(&self, config: &ConnectorConfig, state: StateName) -> ConnectorInfo {
        let mut connectors = self.connectors.lock().unwrap();
        let entry = connectors
            .entry(config.name.to_string())
            .or_insert((Properties::new(), state));
        entry.0 = config.properties.clone();
        info(config.name.as_str(), entry)
    }

    fn set(&self, name: &str, state: StateName) -> Result<(), HerderError> {
        self.of(name, |connector| connector.1 = state)
    }
}

fn info(name: &str, (config, state): &(Properties, StateName)) -> ConnectorInfo {
    let is_sink = config
        .get("connector.class")
        .is_some_and(|class| class == "SINK_CLASS");
    let task = TaskRef {
        connector: name.to_owned(),
        task: 0,
    };
    ConnectorInfo {
        name: name.to_owned(),
        config: config.clone(),
        tasks: if *state == StateName::Stopped {
            vec![]
        } else {
            vec![task]
        },
        kind: if is_sink {
            ConnectorKind::Sink
        } else {
            ConnectorKind::Source
        },
    }
}

fn status(name: &str, connector: &(Properties, StateName), shown: StateName) -> ConnectorStatus {
    let info = info(name, connector);
    let status = |state| Status {
        state,
        worker_id: "w:1".into(),
        version: Some("1".into()),
        trace: None,
    };
    ConnectorStatus {
        name: info.name,
        connector: status(shown),
        tasks: info
            .tasks
            .iter()
            .map(|task| TaskStatus {
                id: task.task,
                status: status(shown),
            })
            .collect(),
        kind: info.kind,
        upgrade: None,
    }
}

fn component_info(bytes: &[u8]) -> ComponentInfo {
    ComponentInfo {
        digest: "d1".to_owned(),
        bytes: bytes.len(),
        uploaded: true,
        owner: None,
        imports: vec![],
        plugins: vec![],
        connectors: vec![],
    }
}

impl Control for Fake {
    async fn server_info(&self) -> Result<ServerInfo, HerderError> {
        if let Some(wait) = &self.wait {
            wait.notified().await;
        }
        Ok(ServerInfo {
            version: "1".into(),
            commit: "c".into(),
            kafka_cluster_id: "k".into(),
        })
    }
    async fn health(&self) -> Health {
        Health::Healthy
    }
    async fn connectors(&self) -> Result<Vec<String>, HerderError> {
        Ok(self.connectors.lock().unwrap().keys().cloned().collect())
    }
    async fn connector(&self, name: &str) -> Result<ConnectorInfo, HerderError> {
        self.of(name, |connector| info(name, connector))
    }
    async fn status(&self, name: &str) -> Result<ConnectorStatus, HerderError> {
        self.of(name, |connector| status(name, connector, connector.1))
    }
    async fn tasks(&self, name: &str) -> Result<Vec<TaskInfo>, HerderError> {
        let info = self.connector(name).await?;
        Ok(info
            .tasks
            .into_iter()
            .map(|id| TaskInfo {
                id,
                config: info.config.clone(),
            })
            .collect())
    }
    async fn task_status(&self, name: &str, task: u32) -> Result<TaskStatus, HerderError> {
        let tasks = self.status(name).await?.tasks;
        tasks
            .into_iter()
            .find(|status| status.id == task)
            .ok_or(HerderError::NotFound("none".into()))
    }
    async fn topics(&self, name: &str) -> Result<Vec<String>, HerderError> {
        self.of(name, |connector| {
            connector.0.get("topic").cloned().into_iter().collect()
        })
    }
    async fn create(
        &self,
        config: ConnectorConfig,
        initial: InitialState,
    ) -> Result<ConnectorInfo, HerderError> {
        if self
            .connectors
            .lock()
            .unwrap()
            .contains_key(config.name.as_str())
        {
            return Err(HerderError::AlreadyExists(config.name.to_string()));
        }
        Ok(self.put(
            &config,
            match initial {
                InitialState::Running => StateName::Running,
                InitialState::Paused => StateName::Paused,
                InitialState::Stopped => StateName::Stopped,
            },
        ))
    }
    async fn put_config(&self, config: ConnectorConfig) -> Result<Created, HerderError> {
        let known = self
            .connectors
            .lock()
            .unwrap()
            .contains_key(config.name.as_str());
        let info = self.put(&config, StateName::Running);
        Ok(if known {
            Created::Updated(info)
        } else {
            Created::Created(info)
        })
    }
    async fn patch_config(
        &self,
        name: &str,
        changes: Vec<Change>,
    ) -> Result<ConnectorInfo, HerderError> {
        self.of(name, |connector| {
            for (key, value) in changes {
                match value {
                    Some(value) => connector.0.insert(key, value),
                    None => connector.0.remove(&key),
                };
            }
            info(name, connector)
        })
    }
    async fn delete(&self, name: &str) -> Result<(), HerderError> {
        self.connectors
            .lock()
            .unwrap()
            .remove(name)
            .map_or_else(|| not_found(name), |_| Ok(()))
    }
    async fn pause(&self, name: &str) -> Result<(), HerderError> {
        self.set(name, StateName::Paused)
    }
    async fn resume(&self, name: &str) -> Result<(), HerderError> {
        self.set(name, StateName::Running)
    }
    async fn stop(&self, name: &str) -> Result<(), HerderError> {
        self.set(name, StateName::Stopped)
    }
    async fn restart(
        &self,
        name: &str,
        _: bool,
        only_failed: bool,
    ) -> Result<ConnectorStatus, HerderError> {
        let shown = if only_failed {
            StateName::Running
        } else {
            StateName::Restarting
        };
        self.of(name, |connector| status(name, connector, shown))
    }
    async fn restart_task(&self, name: &str, task: u32) -> Result<(), HerderError> {
        let missing = || HerderError::NotFound(format!("Task {name}-{task} not found"));
        self.task_status(name, task)
            .await
            .map(drop)
            .map_err(|_| missing())
    }
    async fn reset_topics(&self, name: &str) -> Result<(), HerderError> {
        self.of(name, |_| ())
    }
    async fn loggers(&self) -> Result<BTreeMap<String, LoggerLevel>, HerderError> {
        Ok(self.loggers.all())
    }
    async fn logger(&self, name: &str) -> Result<LoggerLevel, HerderError> {
        self.loggers.get(name)
    }
    async fn set_logger(
        &self,
        name: &str,
        level: LogLevel,
        _: LogScope,
    ) -> Result<Vec<String>, HerderError> {
        self.loggers.set(name, level)
    }
    async fn offsets(&self, name: &str) -> Result<ConnectorOffsets, HerderError> {
        self.of(name, |_| ConnectorOffsets { offsets: vec![] })
    }
    async fn alter_offsets(
        &self,
        name: &str,
        offsets: Vec<ConnectorOffset>,
    ) -> Result<String, HerderError> {
        self.of(name, |_| format!("{offsets:?}"))
    }
    async fn reset_offsets(&self, name: &str) -> Result<String, HerderError> {
        self.of(name, |_| "reset".to_owned())
    }
    async fn upload(
        &self,
        component: Vec<u8>,
        owner: Option<String>,
    ) -> Result<(ComponentInfo, bool), HerderError> {
        self.uploads_begun.fetch_add(1, Ordering::SeqCst);
        if let Some(wait) = &self.wait {
            wait.notified().await;
        }
        let connectors = self.connectors().await?;
        let mut uploaded = self.uploaded.lock().unwrap();
        let new = !uploaded.contains(&component);
        let mut info = component_info(&component);
        info.owner = owner;
        info.connectors = connectors;
        if component.starts_with(b"bad") {
            return Err(HerderError::Unfit("no component".to_owned()));
        }
        uploaded.push(component);
        Ok((info, new))
    }

    async fn components(&self) -> Result<Vec<ComponentInfo>, HerderError> {
        let uploaded = self.uploaded.lock().unwrap();
        Ok(uploaded.iter().map(|bytes| component_info(bytes)).collect())
    }

    async fn component(
        &self,
        name: &str,
        version: Option<&str>,
    ) -> Result<ComponentInfo, HerderError> {
        let mut info = component_info(b"");
        info.digest = format!("{name} {}", version.unwrap_or("-"));
        Ok(info)
    }

    async fn remove_component(
        &self,
        name: &str,
        _: Option<&str>,
        owner: Option<&str>,
    ) -> Result<(), HerderError> {
        match name {
            "others" if owner.is_some() => Err(HerderError::Forbidden("not yours".to_owned())),
            "used" => Err(HerderError::Conflict("it is used".to_owned())),
            _ => Ok(()),
        }
    }

    async fn plugins(&self, connectors_only: bool) -> Result<Vec<PluginSummary>, HerderError> {
        let kinds: &[&str] = if connectors_only {
            &["source"]
        } else {
            &["source", "predicate"]
        };
        let plugin = |kind: &&str| PluginSummary {
            class: "C".into(),
            kind: (*kind).into(),
            version: "1".into(),
        };
        Ok(kinds.iter().map(plugin).collect())
    }
    async fn plugin_config(
        &self,
        class: &str,
        _: Option<&str>,
    ) -> Result<Vec<ConfigKeyInfo>, HerderError> {
        Err(HerderError::NotFound(format!("Unknown plugin {class}.")))
    }
    async fn validate(&self, class: &str, config: Properties) -> Result<ConfigInfos, HerderError> {
        Ok(ConfigInfos {
            name: class.into(),
            error_count: config.len(),
            groups: vec![],
            configs: vec![],
        })
    }
}

/// A running server.
pub struct Running {
    pub address: SocketAddr,
    pub stop: Option<oneshot::Sender<()>>,
    pub ended: tokio::task::JoinHandle<()>,
}

pub async fn start(fake: Fake, limits: Limits) -> Running {
    let listener = Listener {
        host: "127.0.0.1".into(),
        port: 0,
        secure: false,
    };
    let server = Server::bind(&[listener]).await.unwrap().with_limits(limits);
    let address = server.addresses()[0];
    let (stop, stopped) = oneshot::channel::<()>();
    let ended = tokio::spawn(server.serve(Arc::new(fake), async move { drop(stopped.await) }));
    Running {
        address,
        stop: Some(stop),
        ended,
    }
}

/// An answer.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or(Value::Null)
    }

    pub fn message(&self) -> String {
        assert_eq!(self.json()["error_code"], self.status, "{self:?}");
        self.json()["message"].as_str().unwrap().to_owned()
    }

    pub fn header(&self, name: &str) -> Option<String> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines
            .into_iter()
            .find(|(found, _)| found.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.to_owned())
    }
}

/// Sends bytes and reads until the server closes the connection.
pub async fn raw(address: SocketAddr, bytes: &[u8]) -> Answer {
    let mut stream = TcpStream::connect(address).await.unwrap();
    // A server that has heard enough may close while this is still being written.
    drop(stream.write_all(bytes).await);
    read(&mut stream).await
}

pub async fn read(stream: &mut (impl AsyncRead + Unpin)) -> Answer {
    let mut answer = Vec::new();
    let mut chunk = [0; 4096];
    let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
    while let Ok(Ok(count @ 1..)) = tokio::time::timeout_at(deadline, stream.read(&mut chunk)).await
    {
        answer.extend_from_slice(&chunk[..count]);
    }
    assert!(
        tokio::time::Instant::now() < deadline,
        "the server did not close the connection"
    );
    let text = String::from_utf8(answer).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let status = head
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok())
        .unwrap_or(0);
    Answer {
        status,
        head: head.to_owned(),
        body: body.to_owned(),
    }
}

/// Sends a request; a body is said to be JSON unless `headers` says otherwise.
pub async fn send(
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: Option<&str>,
) -> Answer {
    let mut request =
        format!("{method} {path} HTTP/1.1\r\nhost: tidegate.test\r\nconnection: close\r\n");
    for (name, value) in headers {
        request.push_str(&format!("{name}: {value}\r\n"));
    }
    if let Some(body) = body {
        if !headers
            .iter()
            .any(|(name, _)| name.eq_ignore_ascii_case("content-type"))
        {
            request.push_str("content-type: application/json\r\n");
        }
        request.push_str(&format!("content-length: {}\r\n", body.len()));
    }
    request.push_str("\r\n");
    request.push_str(body.unwrap_or_default());
    raw(address, request.as_bytes()).await
}
