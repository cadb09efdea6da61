//! Connectors whose tasks ask for their work to be divided anew.
//!
//! A task that asks tells this through a bounded channel. The connector is asked outside of the actor, as for requests
//! of clients; the actor changes tasks only when the answer is another one.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tidegate_model::ConnectorName;
use tidegate_worker::Worker;
use tokio::sync::mpsc;

use crate::checks::Checks;
use crate::connectors::Connectors;
use crate::preparation::Prepared;
use crate::requests::Request;

/// How long requests are gathered: what is asked for within it is one.
const GATHERING: Duration = Duration::from_secs(1);
/// The most requests that wait; a task that finds no room asks in vain, and may ask again.
pub(crate) const ASKED_MAX: usize = 1_024;

/// Who asks connectors for tasks that were asked for.
pub(crate) struct Reconfiguration {
    pub(crate) worker: Arc<Worker>,
    pub(crate) connectors: Arc<Connectors>,
    pub(crate) checks: Checks,
    /// Weak: it keeps no herder alive.
    pub(crate) requests: mpsc::WeakSender<Request>,
}

impl Reconfiguration {
    /// Runs until no task can ask any more.
    pub(crate) async fn run(self, mut asked: mpsc::Receiver<ConnectorName>) {
        while let Some(first) = asked.recv().await {
            tokio::time::sleep(GATHERING).await;
            let mut names = BTreeSet::from([first]);
            while let Ok(name) = asked.try_recv() {
                names.insert(name);
            }
            for name in names {
                self.reconfigure(name).await;
            }
        }
    }

    async fn reconfigure(&self, name: ConnectorName) {
        let Some(config) = self.connectors.find(&name, |known| known.config.clone()) else {
            return;
        };
        let worker = Arc::clone(&self.worker);
        let prepared = self.checks.run(move || Ok(Prepared::of(&worker, &config)));
        let prepared = match prepared.await {
            Ok(prepared) => prepared,
            Err(error) => {
                tracing::warn!(connector = %name, %error, "The connector could not be asked for other tasks.");
                return;
            }
        };
        if let Some(requests) = self.requests.upgrade() {
            // An actor that is gone has no tasks.
            drop(
                requests
                    .send(Request::Reconfigure(name, Box::new(prepared)))
                    .await,
            );
        }
    }
}
