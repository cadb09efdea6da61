//! A component that is loaded, and making guests of it.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use tidegate_config::Properties;
use tidegate_config::definition::Names;
use tidegate_config::grants::Grants;
use tidegate_model::TopicPartition;
use wasmtime::Store;
use wasmtime::component::types::ComponentItem;
use wasmtime::component::{Component, Instance, InstancePre, Linker};
use wasmtime::error::Context as _;

use crate::bindings::{plugin, predicate, sink, source, transform, types};
use crate::cache::About;
use crate::describe::{self, Kind, PluginInfo};
use crate::digest::Digest;
use crate::error::SandboxError;
use crate::guest::{self, Guest};
use crate::guest_log::Identity;
use crate::in_hand::InHand;
use crate::network::refusals::Refusals;
use crate::sandbox::Inner;
use crate::secret_handles::placeholder;
use crate::settings::Deadline;
use crate::shape::ours;
use crate::sink::SinkInstance;
use crate::source::SourceInstance;
use crate::state::{OffsetReader, Purpose, State};
use crate::threads;
use crate::transform::{PredicateInstance, Step, TransformInstance};
use crate::unoffered;

/// The most tasks of a connector.
pub const TASKS_MAX: u32 = 1_000;
/// The functions and resources of ours that a component may import.
const KNOWN: [&str; 10] = [
    "request",
    "log",
    "time-left-ms",
    "read",
    "delivered",
    "connection",
    "[static]connection.connect",
    "[method]connection.read",
    "[method]connection.write",
    "[method]connection.write-with-secrets",
];
/// The most problems that a validation may name.
const PROBLEMS_MAX: usize = 1_000;

/// A component that is loaded; cheap to clone.
#[derive(Clone)]
pub struct Plugin(Arc<Loaded>);

/// What all clones of a plugin and all its guests share.
pub(crate) struct Loaded {
    pub(crate) sandbox: Arc<Inner>,
    pub(crate) pre: InstancePre<State>,
    pub(crate) imports: Vec<String>,
    pub(crate) wire_infos: Vec<plugin::Info>,
    digest: Digest,
    size: usize,
    infos: Vec<Arc<PluginInfo>>,
    exports: Exports,
}

/// The interfaces that a component exports, each found by its name.
struct Exports {
    plugin: plugin::GuestIndices,
    source: Option<source::GuestIndices>,
    sink: Option<sink::GuestIndices>,
    transform: Option<transform::GuestIndices>,
    predicate: Option<predicate::GuestIndices>,
}

impl Loaded {
    /// Links a component and asks it what it is, unless that is known.
    pub(crate) fn new(
        sandbox: Arc<Inner>,
        linker: &Linker<State>,
        digest: Digest,
        size: usize,
        component: &Component,
        about: Option<About>,
    ) -> Result<Arc<Self>, SandboxError> {
        let imports = imports(component)?;
        let mut linker = linker.clone();
        unoffered::add_to_linker(&mut linker, component).map_err(refused)?;
        let pre = linker.instantiate_pre(component).map_err(refused)?;
        let exports = Exports::of(&pre)?;
        let described = about.is_some();
        let mut loaded = Self {
            sandbox,
            pre,
            imports,
            wire_infos: about.map(|about| about.infos).unwrap_or_default(),
            digest,
            size,
            infos: Vec::new(),
            exports,
        };
        if !described {
            loaded = threads::alone(|| loaded.describe())?;
        }
        let pure = loaded.imports.iter().all(|import| *import == ours("host"));
        loaded.infos = loaded
            .wire_infos
            .iter()
            .map(|info| Arc::new(describe::plugin_info(info, pure)))
            .collect();
        Ok(Arc::new(loaded))
    }

    /// Makes a guest that describes and validates, with nothing granted and a small budget.
    fn plugin_guest(
        self: &Arc<Self>,
        identity: Option<&Identity>,
    ) -> Result<Guest<plugin::Guest>, SandboxError> {
        let indices = &self.exports.plugin;
        Guest::new(self, Purpose::question(identity), |store, guest| {
            indices.load(store, guest)
        })
    }

    fn describe(self) -> Result<Self, SandboxError> {
        let loaded = Arc::new(self);
        let exports = &loaded.exports;
        let mut guest = Guest::new(&loaded, Purpose::question(None), |store, guest| {
            exports.fit(store, guest)?;
            exports.plugin.load(store, guest)
        })?;
        let infos = guest.call_infallible("describe", Deadline::Validate, |exports, store| {
            exports.call_describe(store)
        })?;
        describe::check(&infos, |kind| loaded.exports.has(kind)).map_err(|message| {
            SandboxError::Refused(format!("the component describes itself wrongly: {message}"))
        })?;
        drop(guest);
        let mut loaded = Arc::into_inner(loaded)
            .ok_or_else(|| SandboxError::Internal("a guest outlived its description".to_owned()))?;
        loaded.wire_infos = infos;
        Ok(loaded)
    }
}

impl Exports {
    fn of(pre: &InstancePre<State>) -> Result<Self, SandboxError> {
        let component = pre.component();
        let has = |interface| component.get_export_index(None, ours(interface)).is_some();
        Ok(Self {
            plugin: plugin::GuestIndices::new(pre).map_err(refused)?,
            source: has("source")
                .then(|| source::GuestIndices::new(pre).map_err(refused))
                .transpose()?,
            sink: has("sink")
                .then(|| sink::GuestIndices::new(pre).map_err(refused))
                .transpose()?,
            transform: has("transform")
                .then(|| transform::GuestIndices::new(pre).map_err(refused))
                .transpose()?,
            predicate: has("predicate")
                .then(|| predicate::GuestIndices::new(pre).map_err(refused))
                .transpose()?,
        })
    }

    /// Looks whether all functions have the types of ours, which shows in a guest only.
    fn fit(&self, store: &mut Store<State>, guest: &Instance) -> wasmtime::Result<()> {
        if let Some(source) = &self.source {
            source.load(&mut *store, guest).context(ours("source"))?;
        }
        if let Some(sink) = &self.sink {
            sink.load(&mut *store, guest).context(ours("sink"))?;
        }
        if let Some(transform) = &self.transform {
            transform
                .load(&mut *store, guest)
                .context(ours("transform"))?;
        }
        if let Some(predicate) = &self.predicate {
            predicate
                .load(&mut *store, guest)
                .context(ours("predicate"))?;
        }
        Ok(())
    }

    fn has(&self, kind: Kind) -> bool {
        match kind {
            Kind::Source => self.source.is_some(),
            Kind::Sink => self.sink.is_some(),
            Kind::Transform => self.transform.is_some(),
            Kind::Predicate => self.predicate.is_some(),
        }
    }

    fn source(&self) -> Result<&source::GuestIndices, SandboxError> {
        let indices = self.source.as_ref();
        indices.ok_or_else(|| missing("source connectors"))
    }

    fn sink(&self) -> Result<&sink::GuestIndices, SandboxError> {
        let indices = self.sink.as_ref();
        indices.ok_or_else(|| missing("sink connectors"))
    }

    fn transform(&self) -> Result<&transform::GuestIndices, SandboxError> {
        let indices = self.transform.as_ref();
        indices.ok_or_else(|| missing("transforms"))
    }

    fn predicate(&self) -> Result<&predicate::GuestIndices, SandboxError> {
        let indices = self.predicate.as_ref();
        indices.ok_or_else(|| missing("predicates"))
    }
}

impl Plugin {
    pub(crate) fn new(loaded: Arc<Loaded>) -> Self {
        Self(loaded)
    }

    /// The SHA-256 of the component.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.0.digest
    }

    /// The bytes of the component.
    #[must_use]
    pub fn size(&self) -> usize {
        self.0.size
    }

    /// The interfaces with functions that it imports.
    #[must_use]
    pub fn imports(&self) -> &[String] {
        &self.0.imports
    }

    /// Its plugins.
    #[must_use]
    pub fn infos(&self) -> &[Arc<PluginInfo>] {
        &self.0.infos
    }

    /// Lets the plugin check a configuration for a connector, with nothing granted. The answer: key and message of each
    /// problem.
    ///
    /// # Errors
    /// The guest's fault.
    pub fn validate(
        &self,
        identity: &Identity,
        class: &str,
        config: &Properties,
    ) -> Result<Vec<(String, String)>, SandboxError> {
        threads::alone(|| {
            let config = self.without_secrets(class, config);
            let mut guest = self.0.plugin_guest(Some(identity))?;
            let problems =
                guest.call_infallible("validate", Deadline::Validate, |exports, store| {
                    exports.call_validate(store, class, &config)
                })?;
            Ok(problems
                .into_iter()
                .take(PROBLEMS_MAX)
                .map(|problem| (guest.message(&problem.key), guest.message(&problem.message)))
                .collect())
        })
    }

    /// Divides a source connector's work among at most `tasks_max` tasks, with nothing granted but a look at its offsets.
    ///
    /// # Errors
    /// The guest's own, or its fault.
    pub fn source_connector_task_configs(
        &self,
        identity: &Identity,
        class: &str,
        config: &Properties,
        tasks_max: u32,
        offsets: Option<Arc<dyn OffsetReader>>,
    ) -> Result<Vec<Properties>, SandboxError> {
        let indices = self.0.exports.source()?;
        let load = |store: &mut Store<State>, guest: &Instance| indices.load(store, guest);
        let purpose = Purpose {
            offsets,
            ..Purpose::question(Some(identity))
        };
        self.task_configs(
            self.without_secrets(class, config),
            tasks_max,
            purpose,
            load,
            |exports, store, config, tasks_max| {
                exports.call_task_configs(store, class, config, tasks_max)
            },
        )
    }

    /// Divides a sink connector's work among at most `tasks_max` tasks, with nothing granted.
    ///
    /// # Errors
    /// The guest's own, or its fault.
    pub fn sink_connector_task_configs(
        &self,
        identity: &Identity,
        class: &str,
        config: &Properties,
        tasks_max: u32,
    ) -> Result<Vec<Properties>, SandboxError> {
        let indices = self.0.exports.sink()?;
        let load = |store: &mut Store<State>, guest: &Instance| indices.load(store, guest);
        self.task_configs(
            self.without_secrets(class, config),
            tasks_max,
            Purpose::question(Some(identity)),
            load,
            |exports, store, config, tasks_max| {
                exports.call_task_configs(store, class, config, tasks_max)
            },
        )
    }

    /// A configuration as a guest gets it that is granted nothing: with texts in the place of secrets that are worth
    /// nothing.
    fn without_secrets(&self, class: &str, config: &Properties) -> types::Config {
        let mut config = config.clone();
        let infos = self.0.infos.iter().filter(|info| info.class_name == class);
        let keys = infos.flat_map(|info| &info.definition.0);
        for key in keys.filter(|key| key.names == Names::Secret) {
            if let Some(value) = config.get_mut(&key.name) {
                *value = placeholder(&key.name);
            }
        }
        wire_config(&config)
    }

    /// Loads a connector's exports, calls their `task-configs` and checks the answer.
    fn task_configs<E>(
        &self,
        config: types::Config,
        tasks_max: u32,
        purpose: Purpose<'_>,
        load: impl FnOnce(&mut Store<State>, &Instance) -> wasmtime::Result<E> + Send,
        run: impl Send
        + FnOnce(
            &E,
            &mut Store<State>,
            &types::Config,
            u32,
        ) -> wasmtime::Result<Result<Vec<types::Config>, types::Error>>,
    ) -> Result<Vec<Properties>, SandboxError> {
        threads::alone(|| {
            let tasks_max = tasks_max.min(TASKS_MAX);
            let mut guest = Guest::new(&self.0, purpose, load)?;
            let configs = guest.call("task-configs", Deadline::Validate, |exports, store| {
                run(exports, store, &config, tasks_max)
            })?;
            // More than were asked for are for whoever asked.
            if configs.len() > TASKS_MAX as usize {
                let message = format!("{} tasks; at most {TASKS_MAX} are possible", configs.len());
                return Err(guest.violation("task-configs", message));
            }
            Ok(configs
                .into_iter()
                .map(|config| config.into_iter().collect())
                .collect())
        })
    }

    /// Asks a source connector about offsets that are to be altered, with nothing granted: source partitions and
    /// source offsets, both encoded; no offset: it is forgotten. Whether the connector has looked at them.
    ///
    /// # Errors
    /// The guest's own when it refuses, or its fault.
    pub fn alter_source_offsets(
        &self,
        identity: &Identity,
        class: &str,
        config: &Properties,
        offsets: &[(Vec<u8>, Option<Vec<u8>>)],
    ) -> Result<bool, SandboxError> {
        let indices = self.0.exports.source()?;
        let load = |store: &mut Store<State>, guest: &Instance| indices.load(store, guest);
        threads::alone(|| {
            let mut guest: Guest<source::Guest> =
                Guest::new(&self.0, Purpose::question(Some(identity)), load)?;
            let altered = offsets
                .iter()
                .map(|(partition, offset)| source::AlteredOffset {
                    source_partition: partition.clone(),
                    source_offset: offset.clone(),
                });
            let (config, altered) = (
                self.without_secrets(class, config),
                altered.collect::<Vec<_>>(),
            );
            guest.call("alter-offsets", Deadline::Validate, |exports, store| {
                exports.call_alter_offsets(store, class, &config, &altered)
            })
        })
    }

    /// The same of a sink connector: where it is to go on in partitions of topics.
    ///
    /// # Errors
    /// The guest's own when it refuses, or its fault.
    pub fn alter_sink_offsets(
        &self,
        identity: &Identity,
        class: &str,
        config: &Properties,
        offsets: &[(TopicPartition, Option<i64>)],
    ) -> Result<bool, SandboxError> {
        let indices = self.0.exports.sink()?;
        let load = |store: &mut Store<State>, guest: &Instance| indices.load(store, guest);
        threads::alone(|| {
            let mut guest: Guest<sink::Guest> =
                Guest::new(&self.0, Purpose::question(Some(identity)), load)?;
            let altered = offsets
                .iter()
                .map(|(partition, offset)| sink::AlteredOffset {
                    topic: partition.topic.to_string(),
                    partition: partition.partition,
                    offset: *offset,
                });
            let (config, altered) = (
                self.without_secrets(class, config),
                altered.collect::<Vec<_>>(),
            );
            guest.call("alter-offsets", Deadline::Validate, |exports, store| {
                exports.call_alter_offsets(store, class, &config, &altered)
            })
        })
    }

    /// What the guests of a task were refused, counted over all its restarts.
    #[must_use]
    pub fn refusals(&self, identity: &Identity) -> Arc<Refusals> {
        self.0.sandbox.refusals.of(identity)
    }

    /// Makes a source task's guest.
    ///
    /// # Errors
    /// When what is granted cannot be opened, or the guest cannot start.
    pub fn source(
        &self,
        identity: &Identity,
        class: &str,
        grants: &Grants,
        offsets: Arc<dyn OffsetReader>,
    ) -> Result<SourceInstance, SandboxError> {
        let asks: Arc<AtomicBool> = Arc::default();
        let purpose = Purpose {
            identity: Some(identity.clone()),
            grants: Some(grants),
            offsets: Some(offsets),
            asks: Arc::clone(&asks),
            ..Purpose::default()
        };
        let indices = self.0.exports.source()?;
        let guest = Guest::new(&self.0, purpose, |store, guest| indices.load(store, guest))?;
        Ok(SourceInstance::new(guest, class, asks))
    }

    /// Makes a sink task's guest.
    ///
    /// # Errors
    /// When what is granted cannot be opened, or the guest cannot start.
    pub fn sink(
        &self,
        identity: &Identity,
        class: &str,
        grants: &Grants,
    ) -> Result<SinkInstance, SandboxError> {
        let in_hand: Arc<InHand> = Arc::default();
        let purpose = Purpose {
            identity: Some(identity.clone()),
            grants: Some(grants),
            in_hand: Arc::clone(&in_hand),
            ..Purpose::default()
        };
        let indices = self.0.exports.sink()?;
        let guest = Guest::new(&self.0, purpose, |store, guest| indices.load(store, guest))?;
        Ok(SinkInstance::new(guest, class, in_hand))
    }

    /// Makes the guest of a chain of transforms, configured. Transforms are granted nothing.
    ///
    /// # Errors
    /// The guest's own (a configuration that cannot work), or its fault.
    pub fn transforms(
        &self,
        identity: &Identity,
        steps: Vec<Step>,
    ) -> Result<TransformInstance, SandboxError> {
        let indices = self.0.exports.transform()?;
        let purpose = Purpose::of(identity);
        let guest = Guest::new(&self.0, purpose, |store, guest| indices.load(store, guest))?;
        TransformInstance::new(guest, steps)
    }

    /// Makes the guest of a predicate, configured. Predicates are granted nothing.
    ///
    /// # Errors
    /// The guest's own (a configuration that cannot work), or its fault.
    pub fn predicate(
        &self,
        identity: &Identity,
        class: &str,
        config: &Properties,
    ) -> Result<PredicateInstance, SandboxError> {
        let indices = self.0.exports.predicate()?;
        let purpose = Purpose::of(identity);
        let guest = Guest::new(&self.0, purpose, |store, guest| indices.load(store, guest))?;
        PredicateInstance::new(guest, class, config)
    }
}

fn missing(what: &str) -> SandboxError {
    SandboxError::Class(format!("this component has no {what}"))
}

fn refused(error: wasmtime::Error) -> SandboxError {
    SandboxError::Refused(format!(
        "the component does not fit this worker: {}; build it with the SDK of this version",
        guest::message(&format!("{error:#}"))
    ))
}

/// A configuration as guests take it.
pub(crate) fn wire_config(config: &Properties) -> types::Config {
    config
        .iter()
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect()
}

/// The interfaces with functions or resources that a component imports. Ours are checked function by function,
/// so that a component made for a later worker is refused now and does not trap later.
fn imports(component: &Component) -> Result<Vec<String>, SandboxError> {
    let engine = component.engine();
    let mut imports = Vec::new();
    for (name, item) in component.component_type().imports(engine) {
        let ComponentItem::ComponentInstance(instance) = item.ty else {
            continue;
        };
        let functions: Vec<&str> = instance
            .exports(engine)
            .filter(|(_, item)| {
                matches!(
                    item.ty,
                    ComponentItem::ComponentFunc(_) | ComponentItem::Resource(_)
                )
            })
            .map(|(name, _)| name)
            .collect();
        if name.starts_with("tidegate:")
            && let Some(unknown) = functions.iter().find(|f| !KNOWN.contains(f))
        {
            return Err(SandboxError::Refused(format!(
                "the component imports the function {} of {name}, which this worker does not have; \
                 build it with the SDK of this version",
                guest::message(unknown)
            )));
        }
        if !functions.is_empty() {
            imports.push(name.to_owned());
        }
    }
    imports.sort_unstable();
    Ok(imports)
}
