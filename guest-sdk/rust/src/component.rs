//! The calls of the host, put through to the plugins: generated types in, the SDK's types out, and back.
//! Columns are moved, never copied.

use std::cell::RefCell;
use std::io::Write as _;
use std::marker::PhantomData;

use tidegate_model::value::Value;
use tidegate_model::{Batch, Column, Headers};

use crate::bindings::imports::tidegate::connect::{source_offsets, types as wit};
use crate::bindings::{plugin, predicate, sink, source, transform};
use crate::chain::Chain;
use crate::config::Config;
use crate::definition::{Importance, Names, Type, Width};
use crate::error::{Error, ErrorKind};
use crate::plugins::{ConfigPairs, Kind, PluginSet, Plugins, Step, StepCondition};
use crate::predicate::Predicate;
use crate::sink::{AlteredPosition, Failures, SinkTask, TopicPartition, TopicPartitionOffset};
use crate::source::{AlteredOffset, Committed, Offsets, SourceBatch, SourceTask};
use crate::transform::Reads;
use crate::transform_batch::Transformed;

/// A component with the plugins of `P`.
#[derive(Debug)]
pub struct Component<P>(PhantomData<P>);

/// What lives in an instance of a component between two calls. An instance is one task or one chain.
#[derive(Default)]
struct Instance {
    plugins: Option<Plugins>,
    source: Option<Box<dyn SourceTask>>,
    sink: Option<Box<dyn SinkTask>>,
    chain: Option<Chain>,
    predicate: Option<Box<dyn Predicate>>,
}

thread_local! {
    static INSTANCE: RefCell<Instance> = RefCell::default();
}

/// Runs `call` with the instance and its plugins.
fn enter<P: PluginSet, T>(
    call: impl FnOnce(&mut Instance, &Plugins) -> crate::Result<T>,
) -> Result<T, wit::Error> {
    INSTANCE.with(|instance| {
        let Ok(mut instance) = instance.try_borrow_mut() else {
            return Err(error(Error::fatal("the component was called from within")));
        };
        let plugins = instance.plugins.take().unwrap_or_else(|| {
            log_panics();
            P::plugins()
        });
        let answer = call(&mut instance, &plugins).map_err(error);
        instance.plugins = Some(plugins);
        answer
    })
}

/// A panic ends the instance; its message reaches the worker's log first. What is written to standard error is in the
/// message of the trap as well, which the task's status shows.
fn log_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let panic = panic.to_string().replace('\n', " ");
        // Without standard error there is nothing left to say it with.
        writeln!(std::io::stderr(), "the plugin {panic}").ok();
    }));
}

fn not_started(what: &str) -> Error {
    Error::fatal(format_args!("{what} was called before it was started"))
}

impl<P: PluginSet> plugin::exports::tidegate::connect::plugin::Guest for Component<P> {
    fn describe() -> Vec<plugin::exports::tidegate::connect::plugin::Info> {
        use plugin::exports::tidegate::connect::plugin as wit;
        let described = enter::<P, _>(|_, plugins| {
            let infos = plugins.descriptions().map(|(kind, description)| wit::Info {
                class_name: description.class_name.clone(),
                aliases: description.aliases.clone(),
                kind: match kind {
                    Kind::Source => wit::Kind::Source,
                    Kind::Sink => wit::Kind::Sink,
                    Kind::Transform => wit::Kind::Transform,
                    Kind::Predicate => wit::Kind::Predicate,
                },
                version: description.version.clone(),
                documentation: description.documentation.clone(),
                config: description.config.keys().iter().map(config_key).collect(),
            });
            Ok(infos.collect())
        });
        described.unwrap_or_default()
    }

    fn validate(
        class_name: String,
        config: wit::Config,
    ) -> Vec<plugin::exports::tidegate::connect::plugin::ConfigError> {
        let issues = enter::<P, _>(|_, plugins| Ok(plugins.validate(&class_name, config)));
        issues
            .unwrap_or_default()
            .into_iter()
            .map(
                |issue| plugin::exports::tidegate::connect::plugin::ConfigError {
                    key: issue.key,
                    message: issue.message,
                },
            )
            .collect()
    }
}

fn config_key(
    key: &crate::definition::ConfigKey,
) -> plugin::exports::tidegate::connect::plugin::ConfigKey {
    use plugin::exports::tidegate::connect::plugin as wit;
    wit::ConfigKey {
        name: key.name.clone(),
        type_: match key.kind {
            Type::Boolean => wit::ConfigType::Boolean,
            Type::Text => wit::ConfigType::Text,
            Type::Int => wit::ConfigType::Int,
            Type::Short => wit::ConfigType::Short,
            Type::Long => wit::ConfigType::Long,
            Type::Double => wit::ConfigType::Double,
            Type::List => wit::ConfigType::List,
            Type::Class => wit::ConfigType::Class,
            Type::Password => wit::ConfigType::Password,
        },
        default_value: key.default.clone(),
        required: key.required,
        importance: match key.importance {
            Importance::High => wit::Importance::High,
            Importance::Medium => wit::Importance::Medium,
            Importance::Low => wit::Importance::Low,
        },
        documentation: key.documentation.clone(),
        valid_values: key.valid_values.clone(),
        names: match key.names {
            Names::Nothing => wit::Names::Nothing,
            Names::ReadFile => wit::Names::ReadFile,
            Names::WriteFile => wit::Names::WriteFile,
            Names::ReadFolder => wit::Names::ReadFolder,
            Names::WriteFolder => wit::Names::WriteFolder,
            Names::Address => wit::Names::Address,
            Names::Url => wit::Names::Url,
            Names::Secret => wit::Names::Secret,
        },
        group: key.group.clone(),
        width: match key.width {
            Width::None => wit::Width::None,
            Width::Short => wit::Width::Short,
            Width::Medium => wit::Width::Medium,
            Width::Long => wit::Width::Long,
        },
        display_name: key.display_name.clone(),
        recommended_values: key.recommended_values.clone(),
    }
}

impl<P: PluginSet> source::exports::tidegate::connect::source::Guest for Component<P> {
    fn task_configs(
        class_name: String,
        config: wit::Config,
        tasks_max: u32,
    ) -> Result<Vec<wit::Config>, wit::Error> {
        enter::<P, _>(|_, plugins| {
            let offsets = Offsets::new(source_offsets::read);
            let configs = plugins.source_task_configs(&class_name, config, tasks_max, &offsets)?;
            Ok(configs.iter().map(pairs).collect())
        })
    }

    fn alter_offsets(
        class_name: String,
        config: wit::Config,
        offsets: Vec<source::exports::tidegate::connect::source::AlteredOffset>,
    ) -> Result<bool, wit::Error> {
        enter::<P, _>(|_, plugins| {
            let altered = offsets
                .iter()
                .map(|altered| {
                    let offset = altered.source_offset.as_deref();
                    Ok(AlteredOffset {
                        partition: Value::decode(&altered.source_partition)?,
                        offset: offset.map(Value::decode).transpose()?,
                    })
                })
                .collect::<crate::Result<Vec<_>>>()?;
            plugins.alter_source_offsets(&class_name, config, &altered)
        })
    }

    fn start(class_name: String, config: wit::Config) -> Result<(), wit::Error> {
        enter::<P, _>(|instance, plugins| {
            let offsets = Offsets::new(source_offsets::read);
            instance.source = Some(plugins.start_source(&class_name, config, &offsets)?);
            Ok(())
        })
    }

    fn poll(
        limits: source::exports::tidegate::connect::source::PollLimits,
    ) -> Result<source::exports::tidegate::connect::source::Polled, wit::Error> {
        enter::<P, _>(|instance, _| {
            let task = instance.source.as_mut();
            let task = task.ok_or_else(|| not_started("poll"))?;
            let mut found =
                SourceBatch::new(limits.records_max as usize, limits.bytes_max as usize);
            task.poll(&mut found)?;
            let found = found.finish();
            Ok(source::exports::tidegate::connect::source::Polled {
                batch: batch_out(found.batch),
                source_partitions: found.source_partitions,
                source_partition_indexes: found.source_partition_indexes,
                source_offsets: column_out(found.source_offsets),
                wait_ms: found.wait_ms,
            })
        })
    }

    fn commit(partitions: Vec<Vec<u8>>, offsets: Vec<Vec<u8>>) -> Result<(), wit::Error> {
        enter::<P, _>(|instance, _| {
            let task = instance.source.as_mut();
            let task = task.ok_or_else(|| not_started("commit"))?;
            let committed = partitions
                .iter()
                .zip(&offsets)
                .map(|(partition, offset)| {
                    Ok(Committed {
                        partition: Value::decode(partition)?,
                        offset: Value::decode(offset)?,
                    })
                })
                .collect::<crate::Result<Vec<_>>>()?;
            task.commit(&committed)
        })
    }

    fn stop() {
        let stopped = enter::<P, _>(|instance, _| {
            if let Some(mut task) = instance.source.take() {
                task.stop();
            }
            Ok(())
        });
        drop(stopped);
    }
}

impl<P: PluginSet> sink::exports::tidegate::connect::sink::Guest for Component<P> {
    fn task_configs(
        class_name: String,
        config: wit::Config,
        tasks_max: u32,
    ) -> Result<Vec<wit::Config>, wit::Error> {
        enter::<P, _>(|_, plugins| {
            let configs = plugins.sink_task_configs(&class_name, config, tasks_max)?;
            Ok(configs.iter().map(pairs).collect())
        })
    }

    fn alter_offsets(
        class_name: String,
        config: wit::Config,
        offsets: Vec<sink::exports::tidegate::connect::sink::AlteredOffset>,
    ) -> Result<bool, wit::Error> {
        enter::<P, _>(|_, plugins| {
            let altered = offsets.into_iter().map(|altered| AlteredPosition {
                topic: altered.topic,
                partition: altered.partition,
                offset: altered.offset,
            });
            let altered: Vec<_> = altered.collect();
            plugins.alter_sink_offsets(&class_name, config, &altered)
        })
    }

    fn start(class_name: String, config: wit::Config) -> Result<wit::Reads, wit::Error> {
        enter::<P, _>(|instance, plugins| {
            let task = plugins.start_sink(&class_name, config)?;
            let answer = reads(task.reads());
            instance.sink = Some(task);
            Ok(answer)
        })
    }

    fn open(partitions: Vec<wit::TopicPartition>) -> Result<(), wit::Error> {
        with_sink::<P, _>("open", |task| task.open(&topic_partitions(partitions)))
    }

    fn put(batch: wit::Batch) -> Result<Vec<wit::RecordError>, wit::Error> {
        with_sink::<P, _>("put", |task| {
            let mut failures = Failures::default();
            task.put(&batch_in(batch), &mut failures)?;
            let failures = failures.into_vec().into_iter();
            Ok(failures
                .map(|(index, failure)| wit::RecordError {
                    index,
                    error: error(failure),
                })
                .collect())
        })
    }

    fn flush(
        offsets: Vec<wit::TopicPartitionOffset>,
    ) -> Result<Vec<wit::TopicPartitionOffset>, wit::Error> {
        with_sink::<P, _>("flush", |task| {
            let offsets = offsets
                .into_iter()
                .map(|offset| TopicPartitionOffset {
                    topic: offset.topic,
                    partition: offset.partition,
                    offset: offset.offset,
                })
                .collect();
            let flushed = task.flush(offsets)?.into_iter();
            Ok(flushed
                .map(|offset| wit::TopicPartitionOffset {
                    topic: offset.topic,
                    partition: offset.partition,
                    offset: offset.offset,
                })
                .collect())
        })
    }

    fn close(partitions: Vec<wit::TopicPartition>) -> Result<(), wit::Error> {
        with_sink::<P, _>("close", |task| task.close(&topic_partitions(partitions)))
    }

    fn stop() {
        let stopped = enter::<P, _>(|instance, _| {
            if let Some(mut task) = instance.sink.take() {
                task.stop();
            }
            Ok(())
        });
        drop(stopped);
    }
}

fn with_sink<P: PluginSet, T>(
    what: &str,
    call: impl FnOnce(&mut dyn SinkTask) -> crate::Result<T>,
) -> Result<T, wit::Error> {
    enter::<P, _>(|instance, _| {
        let task = instance.sink.as_mut().ok_or_else(|| not_started(what))?;
        call(task.as_mut())
    })
}

fn topic_partitions(partitions: Vec<wit::TopicPartition>) -> Vec<TopicPartition> {
    partitions
        .into_iter()
        .map(|partition| TopicPartition {
            topic: partition.topic,
            partition: partition.partition,
        })
        .collect()
}

impl<P: PluginSet> transform::exports::tidegate::connect::transform::Guest for Component<P> {
    fn configure(
        chain: Vec<transform::exports::tidegate::connect::transform::Step>,
    ) -> Result<wit::Reads, wit::Error> {
        enter::<P, _>(|instance, plugins| {
            let steps = chain
                .into_iter()
                .map(|step| Step {
                    class_name: step.class_name,
                    config: step.config,
                    condition: step.condition.map(|condition| StepCondition {
                        class_name: condition.class_name,
                        config: condition.config,
                        negate: condition.negate,
                    }),
                })
                .collect();
            let chain = Chain::configure(plugins, steps)?;
            let answer = reads(chain.reads());
            instance.chain = Some(chain);
            Ok(answer)
        })
    }

    fn apply(
        batch: wit::Batch,
    ) -> Result<transform::exports::tidegate::connect::transform::Transformed, wit::Error> {
        enter::<P, _>(|instance, _| {
            let chain = instance.chain.as_mut();
            let chain = chain.ok_or_else(|| not_started("apply"))?;
            Ok(transformed_out(chain.apply(batch_in(batch))?))
        })
    }
}

fn transformed_out(
    done: Transformed,
) -> transform::exports::tidegate::connect::transform::Transformed {
    use transform::exports::tidegate::connect::transform as wit_transform;
    let Transformed {
        batch,
        schemas_given,
        inputs,
        changed,
        errors,
        steps,
    } = done;
    let count = batch.count;
    let value_column = |schemas: Vec<i32>, values: Column| wit_transform::ValueColumn {
        schemas,
        values: column_out(values),
    };
    let mut new_schemas = batch.schemas;
    new_schemas.drain(..schemas_given.min(new_schemas.len()));
    wit_transform::Transformed {
        count: u32::try_from(count).unwrap_or(u32::MAX),
        // No outputs at all cannot be told from "output n came from record n" but by the count, which is 0.
        inputs: inputs.unwrap_or_default(),
        topics: changed.topics.then_some(wit_transform::TopicColumn {
            topics: batch.topics,
            indexes: batch.topic_indexes,
        }),
        partitions: changed
            .partitions
            .then(|| full(batch.partitions, count, -1)),
        timestamps: changed
            .timestamps
            .then(|| full(batch.timestamps, count, -1)),
        new_schemas,
        keys: changed
            .keys
            .then(|| value_column(batch.key_schemas, batch.keys)),
        values: changed
            .values
            .then(|| value_column(batch.value_schemas, batch.values)),
        headers: changed.headers.then(|| headers_out(batch.headers)),
        errors: errors
            .into_iter()
            .map(|failure| wit_transform::StepError {
                index: failure.index,
                step: failure.step,
                error: error(failure.error),
            })
            .collect(),
        steps: steps
            .into_iter()
            .map(|step| wit_transform::StepCount {
                records: step.records,
                dropped: step.dropped,
                nanoseconds: step.nanoseconds,
            })
            .collect(),
    }
}

fn full<T: Copy>(mut list: Vec<T>, count: usize, default: T) -> Vec<T> {
    list.resize(count, default);
    list
}

impl<P: PluginSet> predicate::exports::tidegate::connect::predicate::Guest for Component<P> {
    fn configure(class_name: String, config: wit::Config) -> Result<wit::Reads, wit::Error> {
        enter::<P, _>(|instance, plugins| {
            let predicate = plugins.predicate(&class_name, config)?;
            let answer = reads(predicate.reads());
            instance.predicate = Some(predicate);
            Ok(answer)
        })
    }

    fn test(batch: wit::Batch) -> Result<Vec<u8>, wit::Error> {
        enter::<P, _>(|instance, _| {
            let predicate = instance.predicate.as_mut();
            let predicate = predicate.ok_or_else(|| not_started("test"))?;
            let holds = predicate.test_batch(&batch_in(batch))?;
            Ok(holds.into_iter().map(u8::from).collect())
        })
    }
}

fn pairs(config: &Config) -> ConfigPairs {
    config
        .iter()
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect()
}

fn reads(reads: Reads) -> wit::Reads {
    wit::Reads {
        keys: reads.keys,
        values: reads.values,
        headers: reads.headers,
        map_shapes: reads.map_shapes,
    }
}

fn error(error: Error) -> wit::Error {
    wit::Error {
        kind: match error.kind() {
            ErrorKind::Config => wit::ErrorKind::Config,
            ErrorKind::Data => wit::ErrorKind::Data,
            ErrorKind::Retriable => wit::ErrorKind::Retriable,
            ErrorKind::Fatal => wit::ErrorKind::Fatal,
        },
        message: match error.exception() {
            Some(exception) => format!("{exception}: {}", error.message()),
            None => error.message().to_owned(),
        },
    }
}

fn column_in(column: wit::Column) -> Column {
    Column {
        bytes: column.bytes,
        lengths: column.lengths,
    }
}

fn column_out(column: Column) -> wit::Column {
    wit::Column {
        bytes: column.bytes,
        lengths: column.lengths,
    }
}

fn headers_out(headers: Headers) -> wit::Headers {
    wit::Headers {
        counts: headers.counts,
        keys: column_out(headers.keys),
        schemas: headers.schemas,
        values: column_out(headers.values),
    }
}

fn batch_in(batch: wit::Batch) -> Batch {
    Batch {
        count: batch.count as usize,
        topics: batch.topics,
        topic_indexes: batch.topic_indexes,
        partitions: batch.partitions,
        offsets: batch.offsets,
        timestamps: batch.timestamps,
        schemas: batch.schemas,
        key_schemas: batch.key_schemas,
        keys: column_in(batch.keys),
        value_schemas: batch.value_schemas,
        values: column_in(batch.values),
        headers: Headers {
            counts: batch.headers.counts,
            keys: column_in(batch.headers.keys),
            schemas: batch.headers.schemas,
            values: column_in(batch.headers.values),
        },
    }
}

fn batch_out(batch: Batch) -> wit::Batch {
    wit::Batch {
        count: u32::try_from(batch.count).unwrap_or(u32::MAX),
        topics: batch.topics,
        topic_indexes: batch.topic_indexes,
        partitions: batch.partitions,
        offsets: batch.offsets,
        timestamps: batch.timestamps,
        schemas: batch.schemas,
        key_schemas: batch.key_schemas,
        keys: column_out(batch.keys),
        value_schemas: batch.value_schemas,
        values: column_out(batch.values),
        headers: headers_out(batch.headers),
    }
}
