//! Measures a broker: writes records of 106 bytes in batches of 500, then reads them all.
//!
//! `cargo run -p tidegate-broker --example throughput -- FOLDER|HOST:PORT [RECORDS] [PARTITIONS]`
//!
//! Prints nanoseconds per record, of the clock and of this process's CPU. The topic is deleted at the end.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)] // A program for developers.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use tidegate_broker::{
    Acknowledge, Broker, EmbeddedBroker, EmbeddedSettings, Fetched, KafkaBroker, NewTopic,
    Properties, Refused, Subscription,
};
use tidegate_model::{Batch, TopicName};

const BATCH: usize = 500;
const VALUE_BYTES: usize = 106;

#[derive(Default)]
struct Count(AtomicU64);

impl Acknowledge for Count {
    fn acknowledged(&self, _group: u64, result: Result<(), Refused>) {
        result.unwrap();
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// The CPU time of this process.
fn cpu() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat
        .rsplit(')')
        .next()
        .unwrap()
        .split_whitespace()
        .collect();
    let ticks: u64 = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
    Duration::from_millis(ticks * 10)
}

fn measured(what: &str, records: usize, work: impl FnOnce()) {
    let (clock, before) = (Instant::now(), cpu());
    work();
    let per = |time: Duration| time.as_nanos() / records as u128;
    println!(
        "{what}: {} ns, {} ns CPU per record",
        per(clock.elapsed()),
        per(cpu() - before)
    );
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let records: usize = arguments
        .get(1)
        .map_or(2_000_000, |text| text.parse().unwrap());
    let partitions: i32 = arguments.get(2).map_or(1, |text| text.parse().unwrap());
    let none = Properties::new();
    let broker: Box<dyn Broker> = if arguments[0].contains(':') {
        Box::new(KafkaBroker::connect(&arguments[0], &none, &none, &none, &none).unwrap())
    } else {
        let (settings, start) = (EmbeddedSettings::default(), Instant::now());
        let broker = EmbeddedBroker::open(Path::new(&arguments[0]), settings).unwrap();
        println!("open: {:?}", start.elapsed());
        Box::new(broker)
    };
    let since = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_nanos();
    let topic = TopicName::parse(&format!("throughput-{since}")).unwrap();
    let new = NewTopic {
        name: topic.clone(),
        partitions,
        replication_factor: 1,
        config: Properties::new(),
    };
    broker.admin().create_topic(&new).unwrap();
    let value = vec![b'x'; VALUE_BYTES];
    let batch = Batch {
        count: BATCH,
        topics: vec![topic.as_str().to_owned()],
        values: (0..BATCH).map(|_| Some(value.as_slice())).collect(),
        ..Batch::default()
    };
    let producer = broker.producer(&none).unwrap();
    let count = Arc::new(Count::default());
    let to: Arc<dyn Acknowledge> = count.clone();
    measured("write", records, || {
        for group in 0..(records / BATCH) as u64 {
            producer.submit(&batch, &[], group, 1, &to).unwrap();
        }
        producer.flush(Duration::from_secs(120)).unwrap();
    });
    assert_eq!(count.0.load(Ordering::Relaxed), (records / BATCH) as u64);
    let mut consumer = broker.consumer(&format!("g{since}"), &none).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    let topics = Subscription::Topics(vec![topic.clone()]);
    consumer.subscribe(&topics).unwrap();
    while !matches!(
        consumer.fetch(BATCH, 1 << 20).unwrap(),
        Fetched::Assigned(_)
    ) {
        runtime.block_on(consumer.ready());
    }
    let (mut read, mut fetches) = (0, 0);
    measured("read", records, || {
        while read < records {
            runtime.block_on(consumer.ready());
            fetches += 1;
            if let Fetched::Records(batch) = consumer.fetch(2000, 4 << 20).unwrap() {
                read += batch.count;
            }
        }
    });
    println!("{fetches} fetches");
    consumer.close();
    drop(producer);
    broker.admin().delete_topic(&topic).unwrap();
}
