//! New versions of plugins that fail on trial.

use tidegate_config::grants::Policy;
use tidegate_model::ConnectorName;

use super::Actor;
use super::failures::{Event, Failure};
use crate::connectors::Connector;
use crate::upgrade::Trial;

impl Actor {
    /// What ran before is back, if a plugin was on trial and that is not over; whether it was.
    pub(super) async fn take_back(&mut self, failure: &Failure) -> bool {
        let name = &failure.connector;
        let is_of_trial = |trial: &mut Trial| {
            failure.generation >= trial.generation && std::time::Instant::now() < trial.until
        };
        let taken = self.connectors.change(name, |known| {
            let trial = known.trial.take_if(is_of_trial)?;
            Some((
                trial,
                known.upgrade.take()?,
                known.policy.clone(),
                known.target,
            ))
        });
        let Some((trial, upgrade, policy, target)) = taken.flatten() else {
            return false;
        };
        tracing::error!(connector = %name, trace = failure.trace,
            "A new version of a plugin failed on trial. The connector goes back to what it ran before.");
        let from_command_line = policy == Policy::Permissive;
        let properties = &trial.before.properties;
        let written = self
            .log
            .put_connector(name, properties, from_command_line, None);
        let written = written.await;
        self.end_tasks(name).await;
        let tasks = match &trial.prepared.class {
            Ok(class) => class.tasks.as_ref().cloned().unwrap_or_default(),
            Err(_) => Vec::new(),
        };
        let mut connector = Connector::new(trial.before, policy, target, tasks);
        // It goes back also when that could not be written; whatever is put next is written then.
        connector.unsure = written.is_err();
        connector.upgrade = Some(upgrade.rolled_back(failure.trace.clone()));
        self.connectors.insert(connector);
        self.start(name, trial.prepared).await;
        true
    }

    /// The plugin does not let its connector start. On trial, what ran before is back.
    pub(super) fn plugin_failed(&mut self, name: &ConnectorName, error: &dyn std::error::Error) {
        self.fail(name, error);
        let on_trial = |known: &Connector| known.trial.is_some();
        if self.connectors.find(name, on_trial).unwrap_or(false) {
            // The actor itself hears it, once this request is answered.
            drop(self.events_told.send(Event::Failed(Failure {
                connector: name.clone(),
                task: None,
                generation: self.generation,
                trace: error.to_string(),
            })));
        }
    }
}
