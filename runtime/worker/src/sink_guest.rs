//! A sink task's guest, and what it is made of: after a fault it is made anew.

use std::collections::BTreeSet;

use tidegate_config::Properties;
use tidegate_config::grants::Grants;
use tidegate_model::TopicPartition;
use tidegate_sandbox::{Identity, Plugin, SandboxError, SinkInstance};

/// The guest.
pub struct SinkGuest {
    pub instance: SinkInstance,
    new: NewSink,
}

/// What it is made of.
pub struct NewSink {
    pub plugin: Plugin,
    pub identity: Identity,
    pub class: String,
    pub granted: Grants,
    /// The task's configuration.
    pub config: Properties,
}

impl SinkGuest {
    /// Makes it, without starting it. Blocks.
    pub fn make(new: NewSink) -> Result<Self, SandboxError> {
        Ok(Self {
            instance: new.instance()?,
            new,
        })
    }

    pub fn start(&mut self) -> Result<(), SandboxError> {
        self.instance.start(&self.new.config)
    }

    /// Makes it anew, starts it, and has it open the partitions that the task has.
    pub fn make_anew(&mut self, assigned: &BTreeSet<TopicPartition>) -> Result<(), SandboxError> {
        self.instance = self.new.instance()?;
        self.start()?;
        if assigned.is_empty() {
            return Ok(());
        }
        let partitions: Vec<_> = assigned.iter().cloned().collect();
        self.instance.open(&partitions)
    }
}

impl NewSink {
    fn instance(&self) -> Result<SinkInstance, SandboxError> {
        self.plugin.sink(&self.identity, &self.class, &self.granted)
    }
}
