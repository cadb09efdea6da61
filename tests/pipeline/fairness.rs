//! Guests that compute for ever, beside a connector that works: it keeps its throughput, and REST answers.
//!
//! Other programs share the machine, so two ratios are measured within one run, and one of them has to hold: the records
//! in a second, and the records for a second of processor time that the worker got. The first is too low when the others
//! work more in the second part than in the first; the second where the loops use what the healthy connector does not want.
//! The short form has thresholds that hold on a busy machine and fail without the gate; `make test-adversarial` takes
//! longer and wants what is promised.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::guests::add_guests;
use crate::metrics::{PAGE_AGE, series};
use crate::support::{Broker, Place, Rest, wait_for};

/// How many connectors have guests that loop.
const LOOPS: usize = 32;
/// What the short form wants, and what the long one does.
struct Wanted {
    /// How long each part is measured.
    time: Duration,
    /// The part of its throughput that the healthy connector keeps.
    kept: f64,
    /// The slowest of 100 answers.
    answer: Duration,
}

/// Safe on a busy machine; without the gate a twentieth is left.
const SHORT: Wanted = Wanted {
    time: Duration::from_secs(3),
    kept: 0.25,
    answer: Duration::from_millis(500),
};

/// What is promised beside guests that do not answer.
const LONG: Wanted = Wanted {
    time: Duration::from_secs(10),
    kept: 0.8,
    answer: Duration::from_millis(500),
};

/// What is left beside those that bring so many records that writing these costs the host something.
const BRINGING: Wanted = Wanted { kept: 0.6, ..LONG };

/// A worker with a connector whose source, transforms and converter compute as much as they can: none of its records
/// is written, so that no disk is measured.
fn place() -> Place {
    let mut place = Place::new(Broker::Embedded);
    add_guests(&place, &["tidegate-test-guests"]);
    place.connector(
        "healthy",
        "connector.class=io.tidegate.datagen.DatagenSourceConnector\ntopic=orders\ntasks.max=2\nquickstart=orders\n\
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

/// The records that a connector polled until now.
fn polled(rest: &Rest, connector: &str) -> f64 {
    let page = rest.text("GET", "/metrics");
    series(
        &page,
        "kafka_connect_source_task_metrics_source_record_poll_total",
        connector,
    )
}

/// What a connector does in a while.
struct Done {
    records: f64,
    seconds: f64,
    /// The processor time of the whole worker.
    cpu: f64,
}

impl Done {
    fn of(rest: &Rest, worker: u32, connector: &str, time: Duration) -> Self {
        std::thread::sleep(PAGE_AGE);
        let (records, begun, cpu) = (polled(rest, connector), Instant::now(), cpu(worker));
        std::thread::sleep(time.max(PAGE_AGE));
        Self {
            records: polled(rest, connector) - records,
            seconds: begun.elapsed().as_secs_f64(),
            cpu: self::cpu(worker) - cpu,
        }
    }

    fn in_a_second(&self) -> f64 {
        self.records / self.seconds
    }

    fn for_a_second_of_cpu(&self) -> f64 {
        self.records / self.cpu
    }
}

/// The processor time of a process in seconds.
fn cpu(process: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
    let after_name = stat.rsplit_once(") ").unwrap().1;
    let ticks = after_name.split(' ').skip(11).take(2);
    ticks
        .map(|ticks| ticks.parse::<f64>().unwrap())
        .sum::<f64>()
        / 100.0
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

/// Measures a healthy connector alone, then beside 32 others.
fn beside(what: &str, wanted: &Wanted, others: impl Fn(&Rest)) {
    let place = place();
    let worker = place.start();
    let rest = place.rest();
    let healthy = format!("{}-healthy", place.prefix);
    rest.wait_for_task(&healthy, "RUNNING");
    wait_for("records", || place.log(), || polled(&rest, &healthy) > 0.0);
    let measure = || Done::of(&rest, worker.id(), &healthy, wanted.time);
    let alone = measure();
    others(&rest);
    let (answer, beside) = answers(&rest, &healthy, measure);
    let throughput = beside.in_a_second() / alone.in_a_second();
    let for_cpu = beside.for_a_second_of_cpu() / alone.for_a_second_of_cpu();
    let measured = format!(
        "{what}: {:.0} records/s alone, {:.0} beside: {:.0} %; {:.0} % for the processor time of the worker, {:.2} and \
         {:.2} cores; REST p99 {} ms",
        alone.in_a_second(),
        beside.in_a_second(),
        throughput * 100.0,
        for_cpu * 100.0,
        alone.cpu / alone.seconds,
        beside.cpu / beside.seconds,
        answer.as_millis()
    );
    println!("{measured}");
    let log = place.log();
    drop(worker);
    assert!(throughput.max(for_cpu) >= wanted.kept, "{measured}\n{log}");
    assert!(answer < wanted.answer, "{measured}\n{log}");
}

/// Creates the others, all alike.
fn all(config: Value) -> impl Fn(&Rest) {
    move |rest| {
        for number in 0..LOOPS {
            create(rest, &format!("other-{number}"), &config);
        }
    }
}

#[test]
fn endless_loops_leave_a_healthy_connector_its_throughput() {
    let loops = all(json!({ "connector.class": "test.LoopsInPoll" }));
    beside("loops in poll", &SHORT, loops);
}

#[test]
fn guests_that_answer_soon_and_bring_little_leave_a_healthy_connector_its_throughput() {
    beside("20 ms for a record", &SHORT, all(computes("20", "1")));
}

/// A source that computes for so many milliseconds, then answers with so many records.
fn computes(busy: &str, records: &str) -> Value {
    json!({ "connector.class": "test.ComputesInPoll", "busy": busy, "records": records })
}

/// Loops in each place, and what computes for nearly as long as it may and answers, again and again.
#[test]
#[ignore = "takes minutes: `make test-adversarial`"]
fn whatever_computes_for_long_leaves_a_healthy_connector_its_throughput() {
    let loops = |class: &str| all(json!({ "connector.class": class }));
    beside("loops in poll", &LONG, loops("test.LoopsInPoll"));
    beside("loops in start", &LONG, loops("test.LoopsInStart"));
    for (what, wanted, busy, records) in [
        ("4 s for a record", &LONG, "4000", "1"),
        ("20 ms for a record", &LONG, "20", "1"),
        ("5 ms for a record", &BRINGING, "5", "1"),
        ("1 ms for a record", &BRINGING, "1", "1"),
        ("100 ms for nothing", &LONG, "100", "0"),
    ] {
        beside(what, wanted, all(computes(busy, records)));
    }
    let given = json!({
        "connector.class": "io.tidegate.datagen.DatagenSourceConnector", "topic": "given", "records.max": "100",
    });
    let puts = all(json!({ "connector.class": "test.LoopsInPut", "topics": "given" }));
    beside("loops in put", &LONG, |rest| {
        create(rest, "given", &given);
        puts(rest);
    });
    let transforms = all(json!({
        "connector.class": "io.tidegate.datagen.DatagenSourceConnector", "topic": "never",
        "transforms": "loops", "transforms.loops.type": "test.LoopsInApply",
    }));
    beside("loops in a transform", &LONG, transforms);
    let capped = all(json!({
        "connector.class": "test.ComputesInPoll", "busy": "10", "records": "1", "sandbox.cpu.percent.max": "1",
    }));
    beside("10 ms for a record, capped to 1 % each", &LONG, capped);
}

/// What computes much for each record has all that nobody else wants.
#[test]
#[ignore = "needs a core that nobody else wants: `make test-adversarial`"]
fn alone_a_connector_that_owes_much_has_a_core() {
    let place = place();
    let worker = place.start();
    let rest = place.rest();
    rest.send(
        "PUT",
        &format!("/connectors/{}-healthy/stop", place.prefix),
        None,
    );
    create(&rest, "heavy", &computes("5", "1"));
    rest.wait_for_task("heavy", "RUNNING");
    std::thread::sleep(Duration::from_secs(1));
    let done = Done::of(&rest, worker.id(), "heavy", LONG.time);
    println!(
        "alone: {:.0} records of 5 ms in a second",
        done.in_a_second()
    );
    assert!(done.in_a_second() > 150.0, "{}", place.log());
}

/// Clients that ask plugins which never answer.
#[test]
#[ignore = "takes half a minute: `make test-adversarial`"]
fn validations_that_loop_leave_a_healthy_connector_its_throughput() {
    let ending = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let ask = |rest: &Rest| {
            let address = rest.address().to_owned();
            for _ in 0..8 {
                let rest = Rest::at(&address);
                let ending = &ending;
                scope.spawn(move || {
                    while !ending.load(Ordering::Relaxed) {
                        let config = json!({ "connector.class": "test.LoopsInValidate" });
                        let path = "/connector-plugins/test.LoopsInValidate/config/validate";
                        if rest.try_send("PUT", path, &config).is_none() {
                            return;
                        }
                    }
                });
            }
        };
        let measured = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            beside("loops in validate", &LONG, ask);
        }));
        ending.store(true, Ordering::Relaxed);
        measured.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    });
}
