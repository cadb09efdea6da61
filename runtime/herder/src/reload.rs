//! `config.action.reload`: a connector starts again when a config provider gives something else than before.
//!
//! A provider with a time to live (`param.ttl.ms`) has its values looked at again each time that is over. Kafka Connect
//! restarts a connector then whatever came; here only when a value changed.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tidegate_config::connector::ConnectorConfig;
use tidegate_model::ConnectorName;
use tidegate_worker::Worker;
use tidegate_worker::resolution::Resolution;
use tokio::sync::{mpsc, oneshot, watch};

use crate::checks::blocking;
use crate::connectors::Connectors;
use crate::preparation::Prepared;
use crate::requests::Request;

/// How often it is looked for connectors whose time is over.
const LOOK_INTERVAL: Duration = Duration::from_millis(500);

/// What a connector was started with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Reload {
    /// The values that providers gave.
    fingerprint: u64,
    /// After which time they are looked at again.
    ttl: Duration,
}

impl Reload {
    /// `None`: it does not start again by itself.
    pub(crate) fn of(resolution: &Resolution) -> Option<Self> {
        let action = resolution.connector.properties.get("config.action.reload");
        if action.is_some_and(|action| action.trim() == "none") {
            return None;
        }
        Some(Self {
            fingerprint: resolution.resolved.fingerprint(),
            ttl: resolution.resolved.ttl()?,
        })
    }
}

/// Looks at the connectors until the herder ends.
pub(crate) async fn watch(
    worker: Arc<Worker>,
    connectors: Arc<Connectors>,
    requests: mpsc::WeakSender<Request>,
    mut ending: watch::Receiver<bool>,
) {
    let mut due: BTreeMap<ConnectorName, Instant> = BTreeMap::new();
    loop {
        tokio::select! {
            () = tokio::time::sleep(LOOK_INTERVAL) => {}
            // Told, or dropped.
            _ = ending.changed() => return,
        }
        let watched = connectors.reloads();
        due.retain(|name, _| watched.iter().any(|(config, _)| config.name == *name));
        for (config, reload) in watched {
            let now = Instant::now();
            let next = due.entry(config.name.clone()).or_insert(now + reload.ttl);
            if *next > now {
                continue;
            }
            *next = now + reload.ttl;
            if let Some(prepared) = changed(&worker, &config, reload).await {
                restart(&requests, config.name, prepared).await;
            }
        }
    }
}

/// What the connector is to be started with, when something changed.
async fn changed(
    worker: &Arc<Worker>,
    config: &ConnectorConfig,
    reload: Reload,
) -> Option<Prepared> {
    let (worker, config) = (Arc::clone(worker), config.clone());
    let looked = blocking(move || {
        let resolution = worker.resolve(&config)?;
        let same = Reload::of(&resolution) == Some(reload);
        Ok((!same).then(|| Prepared::of(&worker, &config)))
    });
    looked.await.unwrap_or_else(|error| {
        tracing::warn!(%error, "Values of config providers cannot be looked at again; the connector goes on with those that it has.");
        None
    })
}

async fn restart(requests: &mpsc::WeakSender<Request>, name: ConnectorName, prepared: Prepared) {
    let Some(requests) = requests.upgrade() else {
        return;
    };
    tracing::info!(connector = %name, "A config provider gives other values: the connector starts again.");
    let (reply, answer) = oneshot::channel();
    let request = Request::Restart {
        name,
        include_tasks: true,
        only_failed: false,
        prepared: Some(prepared),
        reply,
    };
    // When the herder has ended, or the connector was changed meanwhile, there is nothing left to do.
    if requests.send(request).await.is_ok() {
        drop(answer.await);
    }
}
