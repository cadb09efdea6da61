//! What the tests of the sandbox share: the misbehaving component, and instances of its plugins.

#![allow(dead_code, reason = "each test file uses some of it")]

use std::path::PathBuf;
use std::process::Command;
use std::sync::{Arc, LazyLock};

use tidegate_config::Properties;
use tidegate_config::grants::{FolderGrant, Grants};
use tidegate_config::guest_limits::GuestLimits;
use tidegate_model::{Batch, ConnectorName, Encoder};
use tidegate_sandbox::{
    Compiler, Identity, OffsetReader, Plugin, Sandbox, Settings, SinkInstance, SourceInstance,
    Step, TransformInstance,
};

/// The component of `tests/guests`, built once for each run.
pub static GUEST: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..");
    let built = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--profile", "guest"])
        .args(["--target", "wasm32-wasip2", "-p", "tidegate-test-guests"])
        .current_dir(&root)
        .status()
        .expect("cargo runs");
    assert!(built.success(), "the test guests are built");
    let target = std::env::current_exe().expect("a test has a path");
    let target = target.ancestors().nth(3).expect("target/debug/deps");
    std::fs::read(target.join("wasm32-wasip2/guest/tidegate_test_guests.wasm"))
        .expect("the test guests are there")
});

/// Short limits, so that tests of deadlines are quick.
pub fn short_limits() -> GuestLimits {
    GuestLimits {
        memory_bytes_max: 16 * 1024 * 1024,
        poll_ms: 300,
        put_ms: 300,
        transform_ms: 300,
        start_ms: 300,
        validate_ms: 300,
        ..GuestLimits::default()
    }
}

/// A sandbox whose cache all test files share, so that the component is compiled once.
pub fn sandbox_with(limits: GuestLimits) -> Sandbox {
    let cache = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("compiled");
    Sandbox::new(Settings {
        limits,
        compiler: Compiler::InProcess,
        ..Settings::new(cache)
    })
    .expect("a sandbox starts")
}

/// The misbehaving component with these limits.
pub fn plugin_with(limits: GuestLimits) -> Plugin {
    sandbox_with(limits)
        .load(&GUEST)
        .expect("the test guests are loaded")
}

/// The misbehaving component with short limits.
pub fn plugin() -> Plugin {
    plugin_with(short_limits())
}

/// Who the tests are.
pub fn identity() -> Identity {
    Identity {
        connector: ConnectorName::parse("tested").expect("a name"),
        task: Some(0),
        usage: Default::default(),
        share: Default::default(),
        secrets: Default::default(),
    }
}

/// Knows no offsets.
pub struct NoOffsets;

impl OffsetReader for NoOffsets {
    fn read(&self, _: &[u8]) -> Result<Option<Vec<u8>>, String> {
        Ok(None)
    }
}

/// A configuration.
pub fn config(entries: &[(&str, &str)]) -> Properties {
    entries
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect()
}

/// A folder as a grant.
pub fn granted(path: &std::path::Path, writable: bool) -> Grants {
    Grants {
        folders: vec![FolderGrant {
            path: path.to_owned(),
            writable,
            real: None,
        }],
        ..Grants::default()
    }
}

/// A source, not started.
pub fn new_source(plugin: &Plugin, class: &str) -> SourceInstance {
    let class = format!("test.{class}");
    plugin
        .source(&identity(), &class, &Grants::default(), Arc::new(NoOffsets))
        .expect("a source is made")
}

/// A source, started.
pub fn source(plugin: &Plugin, class: &str) -> SourceInstance {
    let mut source = new_source(plugin, class);
    source.start(&config(&[])).expect("the source starts");
    source
}

/// A sink, started.
pub fn sink(plugin: &Plugin, class: &str) -> SinkInstance {
    let mut sink = plugin
        .sink(&identity(), &format!("test.{class}"), &Grants::default())
        .expect("a sink is made");
    sink.start(&config(&[])).expect("the sink starts");
    sink
}

/// A transform on its own.
pub fn transform(plugin: &Plugin, class: &str, entries: &[(&str, &str)]) -> TransformInstance {
    plugin
        .transforms(&identity(), vec![step(class, entries)])
        .expect("the transform is configured")
}

/// A step of a chain.
pub fn step(class: &str, entries: &[(&str, &str)]) -> Step {
    Step {
        class: format!("test.{class}"),
        config: config(entries),
        condition: None,
    }
}

/// A batch of these texts.
pub fn batch(texts: &[&str]) -> Batch {
    let mut batch = Batch {
        count: texts.len(),
        topics: vec!["orders".to_owned()],
        partitions: vec![3; texts.len()],
        offsets: (0..).take(texts.len()).collect(),
        timestamps: vec![1_700_000_000_000; texts.len()],
        ..Batch::default()
    };
    for text in texts {
        for column in [&mut batch.keys, &mut batch.values] {
            let mark = column.begin();
            Encoder::new(&mut column.bytes).string(text);
            column.end(mark);
        }
    }
    batch
}
