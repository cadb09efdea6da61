//! Creates the topics that a source task writes to, as its connector says (KIP-158).

use std::collections::HashSet;
use std::sync::Arc;

use tidegate_broker::{Admin, NewTopic};
use tidegate_config::connector::TopicCreation;
use tidegate_model::TopicName;

use crate::error::WorkerError;

/// How many topics are remembered as there; with more, all are looked for again.
const KNOWN_TOPICS_MAX: usize = 10_000;

/// What creates the topics of a task.
pub(crate) struct TopicCreator {
    /// None: the broker creates topics.
    creation: Option<TopicCreation>,
    admin: Arc<dyn Admin>,
    /// The topics that are there.
    known: HashSet<String>,
}

impl TopicCreator {
    pub(crate) fn new(creation: Option<TopicCreation>, admin: Arc<dyn Admin>) -> Self {
        Self {
            creation,
            admin,
            known: HashSet::new(),
        }
    }

    /// Creates those of the topics that are not there. Asks the broker only about topics that are new to the task.
    ///
    /// # Errors
    /// When one cannot be created, or the broker is away.
    pub(crate) fn ensure(&mut self, topics: &[String]) -> Result<(), WorkerError> {
        let Some(creation) = &self.creation else {
            return Ok(());
        };
        let new = topics.iter().filter(|topic| !self.known.contains(*topic));
        // A name that Kafka does not allow is an error of its records, when they are produced.
        let new: Vec<_> = new
            .filter_map(|topic| TopicName::parse(topic).ok())
            .collect();
        if new.is_empty() {
            return Ok(());
        }
        if self.known.len() >= KNOWN_TOPICS_MAX {
            self.known.clear();
        }
        let there = self.admin.topics(true)?;
        for name in new {
            if !there.contains(&name) {
                create(self.admin.as_ref(), creation, &name)?;
            }
            self.known.insert(name.to_string());
        }
        Ok(())
    }
}

fn create(
    admin: &dyn Admin,
    creation: &TopicCreation,
    name: &TopicName,
) -> Result<(), WorkerError> {
    let Some(group) = creation.group_of(name.as_str()) else {
        return Ok(());
    };
    let created = admin.create_topic(&NewTopic {
        name: name.clone(),
        partitions: group.partitions,
        replication_factor: group.replication_factor,
        config: group.config.clone(),
    });
    let created = created.map_err(|error| WorkerError::CreateTopic {
        topic: name.to_string(),
        error,
    })?;
    if created {
        tracing::info!(topic = %name, partitions = group.partitions,
            "A topic was created, as its source connector says.");
    }
    Ok(())
}
