//! Source tasks: how they are made.

use std::sync::Arc;

use tidegate_config::connector::ConnectorConfig;
use tidegate_config::grants::Grants;

use super::{ConnectorClass, NewPipeline, Starting, Watched, Worker};
use crate::blocking;
use crate::chain::Chain;
use crate::error::{Stage, WorkerError};
use crate::faults::Isolation;
use crate::record_converters::RecordConverters;
use crate::source_pipeline::SourcePipeline;
use crate::source_rows::JsonLetters;
use crate::source_task::SourceTask;
use crate::submitted::Submitted;
use crate::topic_creator::TopicCreator;

impl Worker {
    pub(super) async fn run_source(
        self: Arc<Self>,
        starting: Starting,
        class: ConnectorClass,
    ) -> Result<(), WorkerError> {
        let Starting {
            pipeline,
            target,
            report,
        } = starting;
        let new = &pipeline.new;
        let task = new.task.clone();
        let offsets = Arc::clone(&self.offsets);
        let config = class.info.definition.resolved(&new.config);
        let (flush_interval, flush_timeout) = (
            self.config.offset_flush_interval,
            self.config.offset_flush_timeout,
        );
        let granted = self.grants(new, &class)?;
        self.cap(&pipeline.turns, &granted);
        let file_changes = self.files.changes_of(&granted.files);
        let (turns, abandoned) = (pipeline.turns.clone(), pipeline.watched.abandoned.clone());
        let make = move || self.source_pipeline(pipeline, &class, &granted);
        let pipeline = blocking::make(&turns, make).await?;
        let task = SourceTask {
            task,
            config,
            submitted: Arc::clone(&pipeline.submitted),
            progress: Arc::clone(&pipeline.progress),
            pipeline: Some(pipeline),
            offsets,
            target,
            file_changes,
            flush_interval,
            flush_timeout,
            abandoned,
            report,
        };
        task.run().await
    }

    fn source_pipeline(
        &self,
        pipeline: NewPipeline,
        class: &ConnectorClass,
        granted: &Grants,
    ) -> Result<SourcePipeline, WorkerError> {
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
            asked,
        } = watched;
        let producer = self.producer_of(&new)?;
        let errors = new.connector.errors()?;
        let tolerant = errors.tolerance_all;
        let isolation = Isolation::of(&errors, new.trial_until, &abandoned);
        let offsets = self.offsets.of(&new.task.connector);
        let instance = class
            .plugin
            .source(&identity, &class.info.class_name, granted, offsets)
            .map_err(|error| WorkerError::Guest {
                stage: Stage::TaskLifecycle,
                error,
            })?;
        let failures = self.failures(&new, &errors, &producer, &progress, &abandoned)?;
        let json = failures.keep_originals().then(JsonLetters::new);
        Ok(SourcePipeline {
            turns,
            instance,
            chain: Chain::of(
                &new.connector,
                &self.registry,
                &identity,
                &isolation,
                &progress,
            )?,
            converters: RecordConverters::of(&new.connector, &self.config, &new.policy)?,
            producer,
            own_topics: self.own_topics(),
            creator: self.topic_creator(&new.connector)?,
            submitted: Arc::new(Submitted::new(
                Arc::clone(&progress),
                tolerant,
                self.config.in_flight,
            )),
            progress,
            topics,
            asked,
            failures,
            json: json.transpose()?,
            left: None,
            abandoned,
            poll_failed: false,
        })
    }

    /// What creates the topics of a source task.
    fn topic_creator(&self, connector: &ConnectorConfig) -> Result<TopicCreator, WorkerError> {
        let creation = match self.config.topic_creation_enable {
            true => connector.topic_creation()?,
            false => None,
        };
        Ok(TopicCreator::new(creation, self.broker.admin()))
    }
}
