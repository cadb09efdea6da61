//! Guests that compute for ever, beside a connector that works: it keeps its throughput, and REST answers.
//!
//! All is measured by ratios within one run, since other programs share the machine. The short form has thresholds that
//! hold on a busy machine and fail without the gate; `make test-adversarial` takes longer and wants what is promised.

use std::fmt::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::guests::add_guests;
use crate::support::{Broker, Place, Rest, wait_for};

/// How many connectors have guests that loop.
const LOOPS: usize = 32;
/// A page of metrics may be as old.
const PAGE_AGE: Duration = Duration::from_millis(1_100);

/// What the short form wants, and what the long one does.
struct Wanted {
    /// How long each part is measured.
    time: Duration,
    /// The part of its throughput that the healthy connector keeps.
    throughput: f64,
    /// The slowest of 100 answers.
    answer: Duration,
}

/// What was measured.
struct Measured {
    throughput: f64,
    answer: Duration,
}

fn is_long() -> bool {
    std::env::var_os("TIDEGATE_LONG_FAIRNESS").is_some()
}

fn wanted() -> Wanted {
    match is_long() {
        true => Wanted {
            time: Duration::from_secs(20),
            throughput: 0.8,
            answer: Duration::from_millis(500),
        },
        false => Wanted {
            time: Duration::from_secs(3),
            throughput: 0.5,
            answer: Duration::from_millis(500),
        },
    }
}

/// A worker with a connector whose source, transforms and converter compute as much as they can: none of its records
/// is written, so that no disk is measured.
fn place() -> Place {
    let mut place = Place::new(Broker::Embedded);
    add_guests(&place, &["tidegate-test-guests"]);
    place.connector(
        "healthy",
        "connector.class=io.tidegate.datagen.DatagenSourceConnector\ntopic=orders\nquickstart=orders\n\
         schema.enable=true\n\
         value.converter=org.apache.kafka.connect.json.JsonConverter\n\
         transforms=flatten,mask,some\n\
         transforms.flatten.type=org.apache.kafka.connect.transforms.Flatten$Value\n\
         transforms.mask.type=org.apache.kafka.connect.transforms.MaskField$Value\n\
         transforms.mask.fields=itemid\n\
         transforms.some.type=org.apache.kafka.connect.transforms.Filter",
    );
    place
}

fn series(page: &str, metric: &str, connector: &str) -> f64 {
    let series = format!("{metric}{{connector=\"{connector}\",");
    let values = page.lines().filter(|line| line.starts_with(&series));
    let numbers = values.filter_map(|line| line.rsplit_once(' ')?.1.parse::<f64>().ok());
    numbers.sum()
}

/// The records that a connector polled until now.
fn polled(rest: &Rest, connector: &str) -> f64 {
    let page = rest.text("GET", "/metrics");
    series(
        &page,
        "kafka_connect_source_task_metrics_source_record_poll_total",
        connector,
    )
}

/// The records that a connector polls in a second, measured for a while.
fn rate(rest: &Rest, connector: &str, time: Duration) -> f64 {
    std::thread::sleep(PAGE_AGE);
    let (before, begun) = (polled(rest, connector), Instant::now());
    std::thread::sleep(time.max(PAGE_AGE));
    (polled(rest, connector) - before) / begun.elapsed().as_secs_f64()
}

/// How long REST takes to answer, while something else is done: 99 of 100 answers are not slower.
fn answers<T>(rest: &Rest, connector: &str, meanwhile: impl FnOnce() -> T) -> (Duration, T) {
    let done = AtomicBool::new(false);
    let ask = || {
        let mut times = Vec::new();
        while !done.load(Ordering::Relaxed) {
            for path in [
                "/",
                "/connectors",
                &format!("/connectors/{connector}/status"),
            ] {
                let begun = Instant::now();
                assert_eq!(rest.send("GET", path, None).0, 200);
                times.push(begun.elapsed());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        times.sort_unstable();
        times[times.len() * 99 / 100]
    };
    std::thread::scope(|scope| {
        let asking = scope.spawn(ask);
        let meanwhile = meanwhile();
        done.store(true, Ordering::Relaxed);
        (asking.join().unwrap(), meanwhile)
    })
}

fn create(rest: &Rest, name: &str, config: &Value) {
    let body = json!({ "name": name, "config": config });
    let (status, answer) = rest.send("POST", "/connectors", Some(body));
    assert_eq!(status, 201, "{answer}");
}

/// Measures a healthy connector alone, then beside 32 others, and alone again.
fn beside(what: &str, others: impl Fn(usize) -> Value, wanted: &Wanted) -> Measured {
    let place = place();
    let worker = place.start();
    let rest = place.rest();
    let healthy = format!("{}-healthy", place.prefix);
    rest.wait_for_task(&healthy, "RUNNING");
    wait_for("records", || place.log(), || polled(&rest, &healthy) > 0.0);
    let alone = rate(&rest, &healthy, wanted.time);
    for number in 0..LOOPS {
        create(&rest, &format!("other-{number}"), &others(number));
    }
    let (answer, beside) = answers(&rest, &healthy, || rate(&rest, &healthy, wanted.time));
    let running = (0..LOOPS).filter(|number| {
        let path = format!("/connectors/other-{number}/status");
        rest.send("GET", &path, None).1["tasks"][0]["state"] != "FAILED"
    });
    let running = running.count();
    let throughput = beside / alone;
    println!(
        "{what}: {alone:.0} records/s alone, {beside:.0} beside {LOOPS} others, {running} of which still run: {:.0} %; \
         REST p99 {} ms",
        throughput * 100.0,
        answer.as_millis()
    );
    let mut log = String::new();
    if throughput < wanted.throughput {
        write!(log, "{}", place.log()).unwrap();
    }
    drop(worker);
    assert!(
        throughput >= wanted.throughput,
        "{what}: {alone:.0} records/s alone, {beside:.0} beside: {throughput:.2}\n{log}"
    );
    assert!(answer < wanted.answer, "{what}: {answer:?}");
    Measured { throughput, answer }
}

#[test]
fn endless_loops_leave_a_healthy_connector_its_throughput() {
    let poll = |_| json!({ "connector.class": "test.LoopsInPoll" });
    beside("loops in poll", poll, &wanted());
}
