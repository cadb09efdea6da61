//! A worker in a folder of its own.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Condvar, LazyLock, Mutex};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tidegate_broker::{Broker, NewTopic, Properties};
use tidegate_config::connector::ConnectorConfig;
use tidegate_config::grants::Policy;
use tidegate_config::guest_limits::GuestLimits;
use tidegate_config::worker::WorkerConfig;
use tidegate_model::{Batch, ConnectorName, TaskId, TopicName, TopicPartition};
use tidegate_sandbox::{Compiler, Registry, Sandbox, Settings};
use tidegate_test_fakes::FakeProducer;
use tidegate_worker::progress::Counts;
use tidegate_worker::task::Listener;
use tidegate_worker::worker::NewTask;
use tidegate_worker::{State, TargetState, TaskHandle, Worker};
use tokio::runtime::Runtime;

use crate::broker::ToldBroker;

/// How long a condition may take before a test fails.
pub const DEADLINE: Duration = Duration::from_secs(60);

/// The components of `tests/guests` and `tests/chains/repeats`, built and compiled once for each run.
static REGISTRY: LazyLock<Arc<Registry>> = LazyLock::new(|| registry(GuestLimits::default()));

/// The same, of guests that are ended after 100 ms in a `put` or a transform.
static IMPATIENT: LazyLock<Arc<Registry>> = LazyLock::new(|| {
    registry(GuestLimits {
        put_ms: 100,
        transform_ms: 100,
        ..GuestLimits::default()
    })
});

fn registry(limits: GuestLimits) -> Arc<Registry> {
    let components = ["tidegate-test-guests", "tidegate-test-repeats"];
    let built = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--profile", "guest"])
        .args(["--target", "wasm32-wasip2"])
        .args(components.map(|name| format!("-p{name}")))
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../.."))
        .status()
        .expect("cargo runs");
    assert!(built.success(), "the test guests are built");
    let target = std::env::current_exe().expect("a test has a path");
    let target = target.ancestors().nth(3).expect("target/debug/deps");
    let cache = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("compiled");
    let sandbox = Sandbox::new(Settings {
        compiler: Compiler::InProcess,
        limits,
        ..Settings::new(cache)
    })
    .unwrap();
    let registry = Registry::default();
    for name in components {
        let file = format!("wasm32-wasip2/guest/{}.wasm", name.replace('-', "_"));
        registry.add(sandbox.load_file(&target.join(file)).unwrap());
    }
    Arc::new(registry)
}

/// A worker with its broker.
pub struct Place {
    folder: TempDir,
    broker: Arc<ToldBroker>,
    worker: Arc<Worker>,
    runtime: Runtime,
}

/// A record that was read.
#[derive(Debug)]
pub struct Read {
    pub value: String,
    pub headers: std::collections::BTreeMap<String, String>,
}

impl Read {
    /// A header of the dead letter queue.
    pub fn context(&self, name: &str) -> &str {
        &self.headers[&format!("__connect.errors.{name}")]
    }
}

/// A task and what it said of itself.
pub struct Started {
    pub handle: TaskHandle,
    states: Arc<States>,
}

#[derive(Default)]
struct States {
    told: Mutex<Vec<State>>,
    changed: Condvar,
}

impl Listener for States {
    fn task_state(&self, _task: &TaskId, state: State) {
        self.told.lock().unwrap().push(state);
        self.changed.notify_all();
    }
}

impl Place {
    pub fn new() -> Self {
        Self::with(&[("offset.flush.interval.ms", "20")])
    }

    /// One whose guests are ended soon.
    pub fn impatient() -> Self {
        Self::of(&[("offset.flush.interval.ms", "20")], &IMPATIENT)
    }

    /// One with these worker keys.
    pub fn with(keys: &[(&str, &str)]) -> Self {
        Self::of(keys, &REGISTRY)
    }

    fn of(keys: &[(&str, &str)], registry: &Arc<Registry>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let broker = Arc::new(ToldBroker::open(&folder.path().join("topics")));
        let mut config = properties(&[
            (
                "key.converter",
                "org.apache.kafka.connect.storage.StringConverter",
            ),
            (
                "value.converter",
                "org.apache.kafka.connect.storage.StringConverter",
            ),
        ]);
        config.extend(properties(keys));
        let (config, _) = WorkerConfig::standalone(config).unwrap();
        let shared = Arc::clone(&broker) as Arc<dyn Broker>;
        let worker = Worker::open(config, shared, Arc::clone(registry)).unwrap();
        Self {
            folder,
            broker,
            worker: Arc::new(worker),
            runtime: Runtime::new().unwrap(),
        }
    }

    pub fn broker(&self) -> &dyn Broker {
        self.broker.as_ref()
    }

    pub fn producer(&self) -> &FakeProducer {
        &self.broker.producer
    }

    /// What became of the consumers that are no more.
    pub fn consumers_left(&self) -> Vec<&'static str> {
        self.broker.consumers.left()
    }

    /// The name of the offset topic.
    pub fn offset_topic(&self) -> TopicName {
        self.worker.config().offset_topic.name.clone()
    }

    /// The file that guests call `out`.
    pub fn out(&self) -> PathBuf {
        self.folder.path().join("out")
    }

    /// The lines of that file.
    pub fn lines(&self) -> Vec<String> {
        let text = std::fs::read_to_string(self.out()).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    /// A topic with these texts in its partitions.
    pub fn topic(&self, name: &str, partitions: &[&[String]]) -> TopicName {
        let topic = TopicName::parse(name).unwrap();
        let new = NewTopic {
            name: topic.clone(),
            partitions: partitions.len().try_into().unwrap(),
            replication_factor: 1,
            config: Properties::new(),
        };
        assert!(self.broker.admin().create_topic(&new).unwrap());
        for (partition, texts) in (0..).zip(partitions) {
            self.write(&topic, partition, texts);
        }
        topic
    }

    /// Writes texts to a partition and waits until they are there.
    pub fn write(&self, topic: &TopicName, partition: i32, texts: &[String]) {
        if texts.is_empty() {
            return;
        }
        let mut batch = Batch {
            count: texts.len(),
            topics: vec![topic.as_str().to_owned()],
            partitions: vec![partition; texts.len()],
            ..Batch::default()
        };
        for text in texts {
            batch.values.push(Some(text.as_bytes()));
        }
        let producer = self.broker.producer(&Properties::new()).unwrap();
        let ignored: Arc<dyn tidegate_broker::Acknowledge> = Arc::new(Ignored);
        producer.submit(&batch, &[], 0, 1, &ignored).unwrap();
        producer.flush(DEADLINE).unwrap();
    }

    /// Starts the only task of a connector of `tests/guests`.
    pub fn start(&self, class: &str, entries: &[(&str, &str)]) -> Started {
        self.start_as(class, entries, TargetState::Running)
    }

    /// The same with what the task does first.
    pub fn start_as(&self, class: &str, entries: &[(&str, &str)], target: TargetState) -> Started {
        let mut config = properties(entries);
        config.insert("connector.class".to_owned(), format!("test.{class}"));
        config.insert("out".to_owned(), self.out().display().to_string());
        let connector = ConnectorConfig::of("tested", config).unwrap();
        let new = NewTask {
            task: TaskId {
                connector: ConnectorName::parse("tested").unwrap(),
                task: 0,
            },
            config: connector.properties.clone(),
            connector,
            policy: Policy::Permissive,
            target,
            trial_until: None,
        };
        let states: Arc<States> = Arc::default();
        let _context = self.runtime.enter();
        Started {
            handle: self.worker.start(new, Arc::clone(&states) as _),
            states,
        }
    }

    /// Stops a task in the middle of something that takes longer, and waits for its end.
    pub fn abandon(&self, started: Started) {
        let stopped = self
            .runtime
            .block_on(started.handle.stop(Duration::from_millis(10)));
        assert!(!stopped, "it ended in time");
        started.states.wait_for(&State::Unassigned);
    }

    /// Stops a task, which must end in time and without an error. Answers all that it counted: what a sink delivered can
    /// be seen before it is counted.
    pub fn stop(&self, started: Started) -> Counts {
        let progress = Arc::clone(started.handle.progress());
        assert!(self.runtime.block_on(started.handle.stop(DEADLINE)));
        let states = started.states.told.lock().unwrap();
        assert_eq!(states.last(), Some(&State::Unassigned));
        progress.counts()
    }

    /// The records in a topic, once there are so many.
    pub fn read(&self, topic: &str, records: usize) -> Vec<Read> {
        let topic = TopicName::parse(topic).unwrap();
        let end = || {
            let found = self.broker.admin().describe(&topic);
            let ends = found.map(|found| found.offsets).unwrap_or_default();
            ends.iter().map(|(_, end)| *end).sum::<i64>()
        };
        wait_for("the records", end, |end| {
            *end >= i64::try_from(records).unwrap()
        });
        let mut reader = self.broker.reader(&topic).unwrap();
        let mut read = Vec::new();
        while read.len() < records {
            let batch = reader.read(records, DEADLINE).unwrap();
            let mut headers = batch.headers.keys.iter().zip(batch.headers.values.iter());
            let text = |bytes: Option<&[u8]>| {
                String::from_utf8(bytes.unwrap_or_default().to_vec()).unwrap()
            };
            for (row, value) in batch.iter_values().enumerate() {
                let count = batch.headers.counts.get(row).copied().unwrap_or(0) as usize;
                let headers = headers.by_ref().take(count);
                read.push(Read {
                    value: text(value),
                    headers: headers
                        .map(|(key, value)| (text(key), text(value)))
                        .collect(),
                });
            }
        }
        read
    }

    /// What the group of the tested sink committed.
    pub fn committed(&self) -> Vec<(TopicPartition, i64)> {
        let admin = self.broker.admin();
        admin.group_offsets("connect-tested").unwrap()
    }
}

impl Started {
    /// Waits until the task has this state now.
    pub fn wait_for(&self, state: &State) {
        self.states.wait_for(state);
    }

    /// Waits until the task failed; says why.
    pub fn wait_for_failure(&self) -> String {
        self.states
            .wait(|state| matches!(state, Some(State::Failed { .. })));
        match self.states.told.lock().unwrap().last() {
            Some(State::Failed { trace, .. }) => trace.clone(),
            other => panic!("{other:?}"),
        }
    }
}

impl States {
    fn wait_for(&self, wanted: &State) {
        self.wait(|state| state == Some(wanted));
    }

    fn wait(&self, enough: impl Fn(Option<&State>) -> bool) {
        let told = self.told.lock().unwrap();
        let (told, _) = self
            .changed
            .wait_timeout_while(told, DEADLINE, |told| !enough(told.last()))
            .unwrap();
        assert!(enough(told.last()), "{told:?}");
    }
}

struct Ignored;

impl tidegate_broker::Acknowledge for Ignored {
    fn acknowledged(&self, _group: u64, result: Result<(), tidegate_broker::Refused>) {
        result.unwrap();
    }
}

pub fn properties(entries: &[(&str, &str)]) -> Properties {
    entries
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect()
}

/// Texts from numbers.
pub fn numbers(range: std::ops::Range<u32>) -> Vec<String> {
    range.map(|number| number.to_string()).collect()
}

/// Waits for a condition.
pub fn wait_for<T: std::fmt::Debug>(what: &str, look: impl Fn() -> T, enough: impl Fn(&T) -> bool) {
    let deadline = Instant::now() + DEADLINE;
    loop {
        let found = look();
        if enough(&found) {
            return;
        }
        assert!(Instant::now() < deadline, "{what} did not come: {found:?}");
        std::thread::sleep(Duration::from_millis(2));
    }
}
