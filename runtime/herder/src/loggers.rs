//! The levels of the log, as Kafka Connect's loggers (KIP-495, KIP-976).
//!
//! The parts of this worker have the names that they would have there; whatever sets the levels of Kafka Connect sets
//! those of the same parts here. A name that begins with `tidegate` is that of a module.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use crate::error::HerderError;

/// The most loggers whose levels are set; a further one is refused.
pub const LOGGERS_MAX: usize = 1_000;
/// The most bytes of a logger's name.
pub const LOGGER_NAME_BYTES_MAX: usize = 255;

/// The logger above all others.
const ROOT: &str = "root";

/// Kafka Connect's names of what is here, with the modules that they stand for.
const LOGGERS: &[(&str, &[&str])] = &[
    ("org.apache.kafka.clients", &["tidegate_broker"]),
    ("org.apache.kafka.connect", &["tidegate"]),
    (
        "org.apache.kafka.connect.runtime",
        &["tidegate_herder", "tidegate_worker"],
    ),
    (
        "org.apache.kafka.connect.runtime.isolation",
        &["tidegate_sandbox"],
    ),
    ("org.apache.kafka.connect.runtime.rest", &["tidegate_rest"]),
    (
        "org.apache.kafka.connect.storage",
        &["tidegate_worker::topic_log"],
    ),
];

/// How much is logged. Kafka Connect's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogLevel {
    /// Nothing.
    Off,
    /// As `Error`.
    Fatal,
    /// Data was lost or a person is needed.
    Error,
    /// And what is degraded.
    Warn,
    /// And what changed.
    Info,
    /// And what helps to find a fault.
    Debug,
    /// And each step.
    Trace,
}

impl LogLevel {
    const ALL: [Self; 7] = [
        Self::Off,
        Self::Fatal,
        Self::Error,
        Self::Warn,
        Self::Info,
        Self::Debug,
        Self::Trace,
    ];

    /// The level of a name, whatever its case.
    #[must_use]
    pub fn of(name: &str) -> Option<Self> {
        let mut all = Self::ALL.into_iter();
        all.find(|level| level.name().eq_ignore_ascii_case(name.trim()))
    }

    /// Its name, in capitals.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Off => "OFF",
            Self::Fatal => "FATAL",
            Self::Error => "ERROR",
            Self::Warn => "WARN",
            Self::Info => "INFO",
            Self::Debug => "DEBUG",
            Self::Trace => "TRACE",
        }
    }

    /// The name of what is logged then.
    fn filter(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Fatal | Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }
}

/// A logger: `GET /admin/loggers/{logger}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoggerLevel {
    /// Its level, such as `INFO`.
    pub level: String,
    /// When it was set over REST, in milliseconds since the epoch; null: never.
    pub last_modified: Option<u64>,
}

/// What makes a filter of the log take effect: levels and modules, such as `info,tidegate_rest=debug`.
pub type ApplyFilter = Box<dyn Fn(&str) + Send + Sync>;

/// The levels of all loggers.
pub struct Loggers {
    /// What was logged at the start.
    filter: String,
    levels: Mutex<BTreeMap<String, Set>>,
    apply: ApplyFilter,
}

/// A level that was set.
#[derive(Debug, Clone, Copy)]
struct Set {
    level: LogLevel,
    modified_ms: Option<u64>,
}

impl Loggers {
    /// Loggers that have the level `root`, as the filter that the log was started with says.
    #[must_use]
    pub fn new(root: LogLevel, filter: &str, apply: ApplyFilter) -> Self {
        let root = Set {
            level: root,
            modified_ms: None,
        };
        Self {
            filter: filter.to_owned(),
            levels: Mutex::new([(ROOT.to_owned(), root)].into()),
            apply,
        }
    }

    /// All loggers with their levels.
    #[must_use]
    pub fn all(&self) -> BTreeMap<String, LoggerLevel> {
        let levels = self.lock();
        let names = names(&levels).into_iter();
        names
            .map(|name| {
                let level = effective(&levels, &name);
                (name, level.shown())
            })
            .collect()
    }

    /// A logger.
    ///
    /// # Errors
    /// When there is none of that name.
    pub fn get(&self, name: &str) -> Result<LoggerLevel, HerderError> {
        let levels = self.lock();
        let name = rooted(name);
        if !names(&levels).iter().any(|known| known == name) {
            return Err(HerderError::NotFound(format!("Logger {name} not found.")));
        }
        Ok(effective(&levels, name).shown())
    }

    /// Sets the level of a logger and of all below it; answers with those that had another one.
    ///
    /// # Errors
    /// When there are too many.
    pub fn set(&self, name: &str, level: LogLevel) -> Result<Vec<String>, HerderError> {
        let name = rooted(name);
        check_name(name)?;
        let mut levels = self.lock();
        let mut concerned = names(&levels);
        concerned.retain(|known| name == ROOT || known.starts_with(name));
        if !concerned.iter().any(|known| known == name) {
            if levels.len() >= LOGGERS_MAX {
                return Err(HerderError::BadRequest(format!(
                    "the levels of {} loggers are set; no more than {LOGGERS_MAX} are possible",
                    levels.len()
                )));
            }
            concerned.push(name.to_owned());
            concerned.sort();
        }
        concerned.retain(|known| effective(&levels, known).level != level);
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let modified_ms = now.ok().and_then(|now| u64::try_from(now.as_millis()).ok());
        for name in &concerned {
            levels.insert(name.clone(), Set { level, modified_ms });
        }
        if !concerned.is_empty() {
            (self.apply)(&self.filter_of(&levels));
        }
        drop(levels);
        if targets(name).is_empty() && name != ROOT {
            tracing::warn!(
                logger = name,
                "Nothing here logs under this name; its level has no effect."
            );
        }
        tracing::info!(
            logger = name,
            level = level.name(),
            "The level of a logger was set."
        );
        Ok(concerned)
    }

    /// What is to be logged: the filter of the start, and what was set since.
    fn filter_of(&self, levels: &BTreeMap<String, Set>) -> String {
        let set = |name: &str| levels.get(name).filter(|set| set.modified_ms.is_some());
        let mut filter = match set(ROOT) {
            Some(root) => root.level.filter().to_owned(),
            None => self.filter.clone(),
        };
        // A longer name comes after the one that it begins with, and counts more.
        for (name, set) in levels.iter().filter(|(_, set)| set.modified_ms.is_some()) {
            for target in targets(name) {
                filter.push_str(&format!(",{target}={}", set.level.filter()));
            }
        }
        filter
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Set>> {
        self.levels.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Loggers {
    /// Loggers whose levels change nothing, for tests.
    fn default() -> Self {
        Self::new(LogLevel::Info, "info", Box::new(|_| {}))
    }
}

impl Set {
    fn shown(self) -> LoggerLevel {
        LoggerLevel {
            level: self.level.name().to_owned(),
            last_modified: self.modified_ms,
        }
    }
}

fn rooted(name: &str) -> &str {
    match name.eq_ignore_ascii_case(ROOT) {
        true => ROOT,
        false => name,
    }
}

fn check_name(name: &str) -> Result<(), HerderError> {
    let fits = name.len() <= LOGGER_NAME_BYTES_MAX
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '$' | ':'));
    match fits && !name.is_empty() {
        true => Ok(()),
        false => Err(HerderError::BadRequest(format!(
            "{name:?} is no logger's name; up to {LOGGER_NAME_BYTES_MAX} letters, digits and . _ - $ : are possible"
        ))),
    }
}

/// The names of all loggers, in order.
fn names(levels: &BTreeMap<String, Set>) -> Vec<String> {
    let known = LOGGERS.iter().map(|(name, _)| (*name).to_owned());
    let mut names: Vec<_> = known.chain(levels.keys().cloned()).collect();
    names.sort();
    names.dedup();
    names
}

/// The level of a logger: its own, or that of the next one above it.
fn effective(levels: &BTreeMap<String, Set>, name: &str) -> Set {
    let mut above = Some(name);
    while let Some(name) = above {
        if let Some(set) = levels.get(name) {
            return *set;
        }
        above = name.rsplit_once('.').map(|(above, _)| above);
    }
    levels.get(ROOT).copied().unwrap_or(Set {
        level: LogLevel::Info,
        modified_ms: None,
    })
}

/// The modules whose lines a logger stands for.
fn targets(name: &str) -> Vec<String> {
    if name.starts_with("tidegate") {
        return vec![name.replace('.', "::")];
    }
    let found = LOGGERS.iter().find(|(known, _)| *known == name);
    let targets = found.map_or(&[][..], |(_, targets)| targets);
    targets.iter().map(|target| (*target).to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    const REST: &str = "org.apache.kafka.connect.runtime.rest";

    fn loggers() -> (Loggers, Arc<Mutex<String>>) {
        let applied = Arc::<Mutex<String>>::default();
        let apply = Arc::clone(&applied);
        let apply = move |filter: &str| *apply.lock().unwrap() = filter.to_owned();
        (
            Loggers::new(LogLevel::Info, "info,hyper=warn", Box::new(apply)),
            applied,
        )
    }

    #[test]
    fn a_level_is_set_for_all_loggers_below() {
        let (loggers, applied) = loggers();
        let changed = loggers
            .set("org.apache.kafka.connect.runtime", LogLevel::Debug)
            .unwrap();
        assert_eq!(changed.len(), 3, "{changed:?}");
        assert_eq!(
            *applied.lock().unwrap(),
            "info,hyper=warn,tidegate_herder=debug,tidegate_worker=debug,tidegate_sandbox=debug,tidegate_rest=debug"
        );
        assert_eq!(loggers.get(REST).unwrap().level, "DEBUG");
        assert!(loggers.get(REST).unwrap().last_modified.is_some());
        assert_eq!(
            loggers.get("org.apache.kafka.connect").unwrap().level,
            "INFO"
        );
        assert_eq!(
            loggers.set(REST, LogLevel::Debug).unwrap(),
            [""; 0],
            "nothing changed"
        );
        assert_eq!(loggers.set(REST, LogLevel::Off).unwrap(), [REST]);
        assert!(applied.lock().unwrap().ends_with("tidegate_rest=off"));
    }

    #[test]
    fn the_root_is_above_all() {
        let (loggers, applied) = loggers();
        let changed = loggers.set("ROOT", LogLevel::Trace).unwrap();
        assert_eq!(changed.len(), LOGGERS.len() + 1);
        assert!(applied.lock().unwrap().starts_with("trace,tidegate"));
        assert_eq!(loggers.all()["root"].level, "TRACE");
    }

    #[test]
    fn names_that_nobody_has_are_kept_in_bounds() {
        let (loggers, _) = loggers();
        assert!(matches!(
            loggers.get("com.example"),
            Err(HerderError::NotFound(_))
        ));
        assert_eq!(
            loggers.set("com.example", LogLevel::Error).unwrap(),
            ["com.example"]
        );
        assert_eq!(loggers.get("com.example").unwrap().level, "ERROR");
        for bad in ["", "a b", "a=trace,b", &"x".repeat(256)] {
            assert!(loggers.set(bad, LogLevel::Error).is_err(), "{bad}");
        }
        for number in 0..LOGGERS_MAX {
            drop(loggers.set(&format!("n{number}"), LogLevel::Error));
        }
        assert!(loggers.set("one.more", LogLevel::Error).is_err());
        assert_eq!(LogLevel::of("warn"), Some(LogLevel::Warn));
        assert_eq!(LogLevel::of("LOUD"), None);
    }
}
