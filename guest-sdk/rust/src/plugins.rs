//! The plugins of a component, found by class name or alias. [`export!`](crate::export!) makes the list;
//! the calls of the host and the tests go through it.

use crate::config::Config;
use crate::definition::{ConfigIssue, Description};
use crate::error::{Error, Result};
use crate::predicate::Predicate;
use crate::sink::{AlteredPosition, SinkConnector, SinkTask};
use crate::source::{AlteredOffset, Offsets, SourceConnector, SourceTask};
use crate::transform::Transform;

/// Keys and values as the host hands them over.
pub type ConfigPairs = Vec<(String, String)>;

/// What a plugin is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A source connector.
    Source,
    /// A sink connector.
    Sink,
    /// A transform.
    Transform,
    /// A predicate.
    Predicate,
}

/// One transform of a chain.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Step {
    /// The transform's class name.
    pub class_name: String,
    /// The transform's configuration.
    pub config: ConfigPairs,
    /// When it applies; `None`: always.
    pub condition: Option<StepCondition>,
}

/// A predicate that decides whether a step applies to a record.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StepCondition {
    /// The predicate's class name.
    pub class_name: String,
    /// The predicate's configuration.
    pub config: ConfigPairs,
    /// Apply the step where the predicate does not hold.
    pub negate: bool,
}

/// A component's plugins, as a type.
pub trait PluginSet {
    /// The plugins. Always the same answer.
    fn plugins() -> Plugins;
}

/// The plugins of a component.
#[derive(Debug, Default)]
pub struct Plugins {
    entries: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    description: Description,
    validate: fn(&Config) -> Vec<ConfigIssue>,
    make: Make,
}

type TaskConfigs = fn(&Config, u32) -> Result<Vec<Config>>;
type SourceTaskConfigs = fn(&Config, u32, &Offsets) -> Result<Vec<Config>>;
type AlterOffsets = fn(&Config, &[AlteredOffset]) -> Result<bool>;
type AlterPositions = fn(&Config, &[AlteredPosition]) -> Result<bool>;

enum Make {
    Source(
        SourceTaskConfigs,
        AlterOffsets,
        fn(&Config, &Offsets) -> Result<Box<dyn SourceTask>>,
    ),
    Sink(
        TaskConfigs,
        AlterPositions,
        fn(&Config) -> Result<Box<dyn SinkTask>>,
    ),
    Transform(fn(&Config) -> Result<Box<dyn Transform>>),
    Predicate(fn(&Config) -> Result<Box<dyn Predicate>>),
}

impl std::fmt::Debug for Make {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}", self.kind())
    }
}

impl Make {
    fn kind(&self) -> Kind {
        match self {
            Self::Source(..) => Kind::Source,
            Self::Sink(..) => Kind::Sink,
            Self::Transform(_) => Kind::Transform,
            Self::Predicate(_) => Kind::Predicate,
        }
    }
}

impl Plugins {
    /// No plugins.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a source connector.
    #[must_use]
    pub fn source<C: SourceConnector>(self) -> Self {
        let start = |config: &Config, offsets: &Offsets| -> Result<Box<dyn SourceTask>> {
            Ok(Box::new(C::Task::start(config, offsets)?))
        };
        let make = Make::Source(C::task_configs_of, C::alter_offsets, start);
        self.with(C::describe(), C::validate, make)
    }

    /// Adds a sink connector.
    #[must_use]
    pub fn sink<C: SinkConnector>(self) -> Self {
        let start = |config: &Config| -> Result<Box<dyn SinkTask>> {
            Ok(Box::new(C::Task::start(config)?))
        };
        let make = Make::Sink(C::task_configs, C::alter_offsets, start);
        self.with(C::describe(), C::validate, make)
    }

    /// Adds a transform.
    #[must_use]
    pub fn transform_of<T: Transform + 'static>(self) -> Self {
        let make = Make::Transform(|config| Ok(Box::new(T::configure(config)?)));
        self.with(T::describe(), T::validate, make)
    }

    /// Adds a predicate.
    #[must_use]
    pub fn predicate_of<P: Predicate + 'static>(self) -> Self {
        let make = Make::Predicate(|config| Ok(Box::new(P::configure(config)?)));
        self.with(P::describe(), P::validate, make)
    }

    fn with(
        mut self,
        description: Description,
        validate: fn(&Config) -> Vec<ConfigIssue>,
        make: Make,
    ) -> Self {
        self.entries.push(Entry {
            description,
            validate,
            make,
        });
        self
    }

    /// What the plugins say of themselves.
    pub fn descriptions(&self) -> impl Iterator<Item = (Kind, &Description)> {
        self.entries
            .iter()
            .map(|entry| (entry.make.kind(), &entry.description))
    }

    /// Checks a configuration beyond its definition.
    #[must_use]
    pub fn validate(&self, class_name: &str, config: ConfigPairs) -> Vec<ConfigIssue> {
        match self.find(class_name, None) {
            Ok(entry) => (entry.validate)(&entry.resolve(config)),
            Err(error) => vec![ConfigIssue::new("connector.class", error.message())],
        }
    }

    /// Divides a source connector's work among tasks.
    ///
    /// # Errors
    /// When the class is not known or the work cannot be divided.
    pub fn source_task_configs(
        &self,
        class_name: &str,
        config: ConfigPairs,
        tasks_max: u32,
        offsets: &Offsets,
    ) -> Result<Vec<Config>> {
        let entry = self.find(class_name, Some(Kind::Source))?;
        match &entry.make {
            Make::Source(task_configs, ..) => {
                task_configs(&entry.resolve(config), tasks_max, offsets)
            }
            _ => Err(unknown(class_name)),
        }
    }

    /// Divides a sink connector's work among tasks.
    ///
    /// # Errors
    /// When the class is not known or the work cannot be divided.
    pub fn sink_task_configs(
        &self,
        class_name: &str,
        config: ConfigPairs,
        tasks_max: u32,
    ) -> Result<Vec<Config>> {
        let entry = self.find(class_name, Some(Kind::Sink))?;
        match &entry.make {
            Make::Sink(task_configs, ..) => task_configs(&entry.resolve(config), tasks_max),
            _ => Err(unknown(class_name)),
        }
    }

    /// Asks a source connector about offsets that are to be altered.
    ///
    /// # Errors
    /// When the class is not known or the connector refuses.
    pub fn alter_source_offsets(
        &self,
        class_name: &str,
        config: ConfigPairs,
        offsets: &[AlteredOffset],
    ) -> Result<bool> {
        let entry = self.find(class_name, Some(Kind::Source))?;
        match &entry.make {
            Make::Source(_, alter, _) => alter(&entry.resolve(config), offsets),
            _ => Err(unknown(class_name)),
        }
    }

    /// Asks a sink connector about offsets that are to be altered.
    ///
    /// # Errors
    /// When the class is not known or the connector refuses.
    pub fn alter_sink_offsets(
        &self,
        class_name: &str,
        config: ConfigPairs,
        offsets: &[AlteredPosition],
    ) -> Result<bool> {
        let entry = self.find(class_name, Some(Kind::Sink))?;
        match &entry.make {
            Make::Sink(_, alter, _) => alter(&entry.resolve(config), offsets),
            _ => Err(unknown(class_name)),
        }
    }

    /// Starts a source task.
    ///
    /// # Errors
    /// When the class is not known or the task cannot work.
    pub fn start_source(
        &self,
        class_name: &str,
        config: ConfigPairs,
        offsets: &Offsets,
    ) -> Result<Box<dyn SourceTask>> {
        let entry = self.find(class_name, Some(Kind::Source))?;
        match &entry.make {
            Make::Source(_, _, start) => start(&entry.resolve(config), offsets),
            _ => Err(unknown(class_name)),
        }
    }

    /// Starts a sink task.
    ///
    /// # Errors
    /// When the class is not known or the task cannot work.
    pub fn start_sink(&self, class_name: &str, config: ConfigPairs) -> Result<Box<dyn SinkTask>> {
        let entry = self.find(class_name, Some(Kind::Sink))?;
        match &entry.make {
            Make::Sink(_, _, start) => start(&entry.resolve(config)),
            _ => Err(unknown(class_name)),
        }
    }

    /// Prepares a transform.
    ///
    /// # Errors
    /// When the class is not known or the configuration cannot work.
    pub fn transform(&self, class_name: &str, config: ConfigPairs) -> Result<Box<dyn Transform>> {
        let entry = self.find(class_name, Some(Kind::Transform))?;
        match &entry.make {
            Make::Transform(configure) => configure(&entry.resolve(config)),
            _ => Err(unknown(class_name)),
        }
    }

    /// Prepares a predicate.
    ///
    /// # Errors
    /// When the class is not known or the configuration cannot work.
    pub fn predicate(&self, class_name: &str, config: ConfigPairs) -> Result<Box<dyn Predicate>> {
        let entry = self.find(class_name, Some(Kind::Predicate))?;
        match &entry.make {
            Make::Predicate(configure) => configure(&entry.resolve(config)),
            _ => Err(unknown(class_name)),
        }
    }

    fn find(&self, class_name: &str, kind: Option<Kind>) -> Result<&Entry> {
        let named = |entry: &&Entry| {
            kind.is_none_or(|kind| entry.make.kind() == kind)
                && (entry.description.class_name == class_name
                    || entry
                        .description
                        .aliases
                        .iter()
                        .any(|alias| alias == class_name))
        };
        self.entries
            .iter()
            .find(named)
            .ok_or_else(|| unknown(class_name))
    }
}

impl Entry {
    fn resolve(&self, config: ConfigPairs) -> Config {
        Config::resolve(&self.description.config, config)
    }
}

fn unknown(class_name: &str) -> Error {
    Error::config(format_args!(
        "this component has no plugin called {class_name}"
    ))
}
