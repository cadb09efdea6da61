//! What transforms cost in their sandbox: nanoseconds per record for each alone and for a chain, one crossing each.
//!
//! `cargo bench -p tidegate --bench transforms`. The records are those of `examples/flights`, as JSON without
//! schemas, or those of `FLIGHTS=file.jsonl`. What a batch costs that crosses and comes back unchanged is a row of
//! its own and not taken off. The best of several rounds is printed.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a benchmark that cannot go on ends"
)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tidegate_convert::Role;
use tidegate_model::{Batch, Column, ConnectorName};
use tidegate_sandbox::{
    Compiler, Condition, Identity, Kind, Registry, Sandbox, Settings, Step, TransformInstance,
};

/// The program's own allocator: with the C library's, each batch is paid for with fresh pages.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const ROUNDS: usize = 400;
/// As many as a sink fetches at most.
const BATCH: usize = 2_000;

/// The transforms that are timed alone, in the order of the chain of five.
const ALONE: &[(&str, &[(&str, &str)])] = &[
    (
        "InsertField$Value",
        &[
            ("static.field", "source"),
            ("static.value", "bench"),
            ("timestamp.field", "ingested"),
        ],
    ),
    (
        "ReplaceField$Value",
        &[
            ("exclude", "time_hour,minute"),
            ("renames", "dep_time:departed"),
        ],
    ),
    ("MaskField$Value", &[("fields", "tailnum")]),
    ("Cast$Value", &[("spec", "flight:string,distance:float64")]),
    ("HoistField$Value", &[("field", "flight")]),
    ("ValueToKey", &[("fields", "carrier,flight")]),
    (
        "TimestampConverter$Value",
        &[
            ("field", "time_hour"),
            ("format", "yyyy-MM-dd'T'HH:mm:ss"),
            ("target.type", "unix"),
        ],
    ),
    ("Flatten$Value", &[]),
    ("ExtractField$Value", &[("field", "carrier")]),
    (
        "HeaderFrom$Value",
        &[
            ("fields", "carrier"),
            ("headers", "carrier"),
            ("operation", "copy"),
        ],
    ),
    (
        "InsertHeader",
        &[("header", "source"), ("value.literal", "bench")],
    ),
];
/// How many of them are the chain of five.
const CHAIN: usize = 5;

fn main() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let registry = registry(&root.join("target/plugins"));
    let flights = [false, true].map(|shaped| flights(&root, shaped));
    let [plain, shaped] = flights
        .each_ref()
        .map(|batch| batch.values.bytes.len() / batch.count);
    println!("{BATCH} records of {plain} bytes encoded, {shaped} with a map shape");
    let never = Condition {
        class: "org.apache.kafka.connect.transforms.predicates.RecordIsTombstone".to_owned(),
        config: BTreeMap::new(),
        negate: false,
    };
    let unchanged = Step {
        condition: Some(never),
        ..step("ExtractField$Value", &[("field", "x")])
    };
    time(
        "nothing (no record is a tombstone)",
        &registry,
        vec![unchanged],
        &flights,
    );
    for (class, config) in ALONE {
        time(class, &registry, vec![step(class, config)], &flights);
    }
    let chain = ALONE
        .iter()
        .take(CHAIN)
        .map(|(class, config)| step(class, config));
    time(
        "the first five as a chain",
        &registry,
        chain.collect(),
        &flights,
    );
}

/// `ONLY=name` times the transforms with that name alone, for a profiler.
fn time(name: &str, registry: &Registry, steps: Vec<Step>, [plain, shaped]: &[Batch; 2]) {
    if std::env::var("ONLY").is_ok_and(|only| !name.contains(&only)) {
        return;
    }
    let found = steps
        .iter()
        .map(|step| registry.find(Kind::Transform, &step.class));
    let found: Result<Vec<_>, _> = found.collect();
    let Ok(Some((plugin, _))) = found.map(|found| found.into_iter().next()) else {
        println!("{name:44} is not there");
        return;
    };
    let mut chain = plugin.transforms(&identity(), steps).unwrap();
    // As the worker has the converter do it.
    let records = match chain.reads().map_shapes {
        true => shaped,
        false => plain,
    };
    let best = (0..ROUNDS)
        .map(|_| once(&mut chain, records))
        .min()
        .unwrap();
    let each = best.as_secs_f64() * 1e9 / records.count as f64;
    println!("{name:44}{each:8.0} ns/record");
}

fn once(chain: &mut TransformInstance, records: &Batch) -> Duration {
    let batch = records.clone();
    let started = Instant::now();
    let applied = chain.apply(batch).unwrap();
    let taken = started.elapsed();
    assert!(applied.errors.is_empty(), "{:?}", applied.errors.first());
    taken
}

fn step(class: &str, config: &[(&str, &str)]) -> Step {
    let pair = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
    Step {
        class: format!("org.apache.kafka.connect.transforms.{class}"),
        config: config.iter().map(pair).collect(),
        condition: None,
    }
}

fn registry(plugins: &Path) -> Registry {
    let cache = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("compiled");
    let settings = Settings {
        compiler: Compiler::InProcess,
        ..Settings::new(cache)
    };
    Registry::open(&Sandbox::new(settings).unwrap(), &[plugins.to_owned()])
}

fn identity() -> Identity {
    Identity {
        connector: ConnectorName::parse("bench").unwrap(),
        task: Some(0),
        usage: Default::default(),
        share: Default::default(),
        secrets: Default::default(),
    }
}

/// A full batch of flights, decoded.
fn flights(root: &Path, shaped: bool) -> Batch {
    let file = std::env::var_os("FLIGHTS").map_or_else(
        || root.join("examples/flights/flights-3-days.jsonl"),
        PathBuf::from,
    );
    let text = std::fs::read_to_string(file).unwrap();
    let bytes: Column = text
        .lines()
        .cycle()
        .take(BATCH)
        .map(|line| Some(line.as_bytes()))
        .collect();
    let config = BTreeMap::from([("schemas.enable".to_owned(), "false".to_owned())]);
    let mut converter = tidegate_convert::converter("JsonConverter", Role::Value, &config).unwrap();
    converter.shape_maps(shaped);
    let (mut schemas, mut failures) = (Vec::new(), Vec::new());
    let values = converter.to_connect("flights", &bytes, &mut schemas, &mut failures);
    assert!(failures.is_empty());
    Batch {
        count: BATCH,
        topics: vec!["flights".to_owned()],
        partitions: vec![0; BATCH],
        offsets: (0..).take(BATCH).collect(),
        timestamps: vec![1_700_000_000_000; BATCH],
        schemas,
        value_schemas: values.schemas,
        values: values.values,
        ..Batch::default()
    }
}
