//! The embedded log: Tidegate's own broker, in this process, in one folder.
//!
//! For standalone use, tests and trying things out: one process, one copy, no other Kafka tools. It keeps what
//! Kafka promises to a client: order and offsets per partition, groups, committed positions, compaction,
//! retention; and refuses what Kafka refuses. Other than in Kafka, a write to several topics is atomic.
//!
//! | module | what |
//! | --- | --- |
//! | [`settings`] | settings of the log and of topics |
//! | `log` | the topics of a folder |
//! | `records`, `positions` | the log's records and committed positions |
//! | `store` | the database that keeps them |
//! | `chunk`, `cursor` | how records are stored, and taken out again |
//! | `topic` | a topic in memory |
//! | `partitioner` | the partition of a key |
//! | `producer`, `consumer`, `reader`, `admin` | the broker's traits |
//! | `group`, `assign` | consumer groups |
//! | `maintenance`, `compaction` | sync, retention, compaction |
//! | `signal` | waking those who wait |

mod admin;
mod assign;
mod chunk;
mod compaction;
mod consumer;
mod cursor;
mod group;
mod log;
mod maintenance;
mod partitioner;
mod positions;
mod producer;
mod reader;
mod records;
pub mod settings;
mod signal;
mod store;
mod topic;

use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;

use tidegate_model::TopicName;

pub use settings::{EmbeddedSettings, SyncPolicy};

use self::admin::EmbeddedAdmin;
use self::consumer::EmbeddedConsumer;
use self::log::Log;
use self::producer::EmbeddedProducer;
use self::reader::EmbeddedReader;
use crate::settings_refused::refuse_overrides;
use crate::{Admin, Broker, BrokerError, Consumer, Producer, Properties, Reader};

/// The broker of one folder. Dropping it, and all that it made, closes the folder.
pub struct EmbeddedBroker {
    log: Arc<Log>,
    maintenance: Option<JoinHandle<()>>,
}

impl EmbeddedBroker {
    /// Opens the log of a folder, which is created when it is not there.
    ///
    /// # Errors
    /// [`BrokerError::Locked`] when another process uses the folder; others when it cannot be read.
    pub fn open(folder: &Path, settings: EmbeddedSettings) -> Result<Self, BrokerError> {
        let log = Arc::new(Log::open(folder, settings)?);
        let maintenance = Some(maintenance::start(&log)?);
        Ok(Self { log, maintenance })
    }

    /// Compacts compacted topics, removes old records and gives space back now instead of in the background.
    ///
    /// # Errors
    /// When the store fails.
    pub fn maintain(&self) -> Result<(), BrokerError> {
        self.log.compact(|state| state.bytes > 0)?;
        self.log.remove_old()?;
        self.log.give_space_back(|| false)
    }
}

impl Drop for EmbeddedBroker {
    fn drop(&mut self) {
        self.log.bell.close();
        if let Some(thread) = self.maintenance.take()
            && thread.join().is_err()
        {
            tracing::error!(folder = %self.log.folder.display(), "the thread of the embedded log broke");
        }
        if let Err(error) = self.log.store.sync() {
            tracing::error!(folder = %self.log.folder.display(), %error, "the embedded log could not be brought to the disk");
        }
    }
}

impl Broker for EmbeddedBroker {
    fn producer(&self, overrides: &Properties) -> Result<Arc<dyn Producer>, BrokerError> {
        refuse_overrides(overrides)?;
        Ok(Arc::new(EmbeddedProducer::new(Arc::clone(&self.log))))
    }

    fn consumer(
        &self,
        group: &str,
        overrides: &Properties,
    ) -> Result<Box<dyn Consumer>, BrokerError> {
        refuse_overrides(overrides)?;
        if group.is_empty() || group.contains('\0') {
            return Err(BrokerError::Name(format!(
                "the group name {group:?} is not allowed; give it at least one character, none of them zero"
            )));
        }
        Ok(Box::new(EmbeddedConsumer::new(
            Arc::clone(&self.log),
            group,
        )))
    }

    fn reader(&self, topic: &TopicName) -> Result<Box<dyn Reader>, BrokerError> {
        let found = self.log.topic(topic);
        let found = found.ok_or_else(|| BrokerError::unknown(topic))?;
        Ok(Box::new(EmbeddedReader::new(Arc::clone(&self.log), found)))
    }

    fn admin(&self) -> Arc<dyn Admin> {
        Arc::new(EmbeddedAdmin::new(Arc::clone(&self.log)))
    }
}
