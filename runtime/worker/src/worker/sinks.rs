//! Sink tasks: what they subscribe to, and how they are made.

use std::sync::Arc;

use tidegate_broker::{Subscription, TopicPattern};
use tidegate_config::connector::SinkTopics;
use tidegate_config::grants::Policy;
use tidegate_model::{Batch, TopicName};

use super::{ConnectorClass, NewPipeline, NewTask, Starting, Watched, Worker};
use crate::altered_offsets::sink_group;
use crate::blocking;
use crate::chain::Chain;
use crate::error::{Stage, WorkerError};
use crate::faults::Isolation;
use crate::positions::Positions;
use crate::record_converters::RecordConverters;
use crate::sink_guest::{NewSink, SinkGuest};
use crate::sink_pipeline::SinkPipeline;
use crate::sink_task::SinkTask;
use crate::suspects::Suspects;

impl Worker {
    pub(super) async fn run_sink(
        self: Arc<Self>,
        starting: Starting,
        class: ConnectorClass,
    ) -> Result<(), WorkerError> {
        let Starting {
            pipeline,
            target,
            report,
        } = starting;
        let subscription = match pipeline.new.connector.topics()? {
            SinkTopics::List(topics) => Subscription::Topics(topics),
            SinkTopics::Regex(regex) => Subscription::Pattern(TopicPattern::parse(&regex)?),
        };
        self.check_subscription(&pipeline.new, &subscription)?;
        let flush_interval = self.config.offset_flush_interval;
        let (turns, abandoned) = (pipeline.turns.clone(), pipeline.watched.abandoned.clone());
        let make = move || self.sink_pipeline(pipeline, &class);
        let pipeline = Some(blocking::make(&turns, make).await?);
        let task = SinkTask {
            subscription,
            pipeline,
            target,
            flush_interval,
            abandoned,
            report,
        };
        task.run().await
    }

    /// The topics that a sink may not read: the worker's own, which hold the configurations of other connectors.
    /// None when the operator asks for it.
    fn refused_topics(&self, new: &NewTask) -> Vec<TopicName> {
        match new.policy {
            Policy::Permissive => Vec::new(),
            _ => self.own_topics().to_vec(),
        }
    }

    /// Refuses a sink that would read topics which it may not read.
    fn check_subscription(
        &self,
        new: &NewTask,
        subscription: &Subscription,
    ) -> Result<(), WorkerError> {
        let refused = self.refused_topics(new);
        let read = refused.iter().find(|topic| match subscription {
            Subscription::Topics(topics) => topics.contains(topic),
            Subscription::Pattern(pattern) => pattern.matches(topic),
        });
        match read {
            None => Ok(()),
            Some(topic) => Err(WorkerError::OwnTopic(topic.to_string())),
        }
    }

    fn sink_pipeline(
        &self,
        pipeline: NewPipeline,
        class: &ConnectorClass,
    ) -> Result<SinkPipeline, WorkerError> {
        let NewPipeline {
            new,
            identity,
            turns,
            watched,
        } = pipeline;
        let Watched {
            progress,
            abandoned,
            topics,
            ..
        } = watched;
        let errors = new.connector.errors()?;
        let isolation = Isolation::of(&errors, new.trial_until, &abandoned);
        let granted = self.grants(&new, class)?;
        self.cap(&turns, &granted);
        let overrides = new.connector.client_overrides("consumer.override.");
        let group = sink_group(&new.connector);
        let guest = SinkGuest::make(NewSink {
            plugin: class.plugin.clone(),
            identity: identity.clone(),
            class: class.info.class_name.clone(),
            granted,
            config: class.info.definition.resolved(&new.config),
        });
        let guest = guest.map_err(|error| WorkerError::Guest {
            stage: Stage::TaskLifecycle,
            error,
        })?;
        let producer = match &errors.dlq {
            Some(_) => self.producer_of(&new)?,
            None => Arc::clone(&self.producer),
        };
        let failures = self.failures(&new, &errors, &producer, &progress, &abandoned)?;
        Ok(SinkPipeline {
            turns,
            consumer: self.broker.consumer(&group, &overrides)?,
            guest,
            converters: RecordConverters::of(&new.connector, &self.config, &new.policy)?,
            chain: Chain::of(
                &new.connector,
                &self.registry,
                &identity,
                &isolation,
                &progress,
            )?,
            progress,
            topics,
            failures,
            assigned: Default::default(),
            positions: Positions::default(),
            suspects: Suspects::new(isolation),
            ahead: Batch::default(),
            refused_topics: self.refused_topics(&new),
            abandoned,
            held: false,
        })
    }
}
