//! A worker that is attacked, with a healthy pipeline that must go on.

use std::cell::Cell;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::guests::add_guests;
use crate::support::{Broker, Place, Rest, Running, append, lines, wait_for};

/// How long the healthy pipeline may take for one line while others attack, on a machine that does other things too.
const LINE_TIME_MAX: Duration = Duration::from_secs(10);
/// How long a request that no guest is needed for may take, on such a machine.
const REQUEST_TIME_MAX: Duration = Duration::from_secs(2);

/// The worker.
pub struct Attacked {
    pub place: Place,
    pub rest: Rest,
    worker: Running,
    lines: Cell<usize>,
}

impl Attacked {
    /// Starts a worker with these keys, the misbehaving component and the healthy pipeline.
    pub fn start(keys: &[&str]) -> Self {
        let mut place = Place::new(Broker::Embedded);
        add_guests(&place, &["tidegate-test-guests"]);
        for key in keys {
            place.add_worker_key(key);
        }
        std::fs::write(place.path("in"), "").unwrap();
        place.file_source(&place.path("in"), "lines");
        place.file_sink(&place.path("out"), "lines", "");
        let worker = place.start();
        let attacked = Self {
            rest: place.rest(),
            place,
            worker,
            lines: Cell::new(0),
        };
        attacked.goes_on();
        attacked
    }

    /// Sends a line through the healthy pipeline, and asks the worker how it is.
    pub fn goes_on(&self) {
        let number = self.lines.get();
        self.lines.set(number + 1);
        let begun = Instant::now();
        append(&self.place.path("in"), &format!("{number}\n"));
        let out = self.place.path("out");
        wait_for(
            "the healthy line",
            || self.place.log(),
            || lines(&out).len() > number,
        );
        let wanted: Vec<_> = (0..=number).map(|number| number.to_string()).collect();
        assert_eq!(lines(&out), wanted, "nothing is lost, nothing comes twice");
        let took = begun.elapsed();
        assert!(number == 0 || took < LINE_TIME_MAX, "a line took {took:?}");
        for path in ["/health", "/connectors"] {
            let asked = Instant::now();
            assert_eq!(self.rest.send("GET", path, None).0, 200, "{path}");
            let took = asked.elapsed();
            assert!(took < REQUEST_TIME_MAX, "{path} took {took:?}");
        }
    }

    /// Creates a connector.
    pub fn create(&self, name: &str, config: &[(&str, &str)]) -> (u16, Value) {
        let config: serde_json::Map<_, _> = config
            .iter()
            .map(|(key, value)| ((*key).to_owned(), json!(value)))
            .collect();
        let body = json!({ "name": name, "config": config });
        self.rest.send("POST", "/connectors", Some(body))
    }

    /// Uploads a component.
    pub fn upload(&self, component: &[u8]) -> (u16, String) {
        let kind = "Content-Type: application/wasm";
        let (status, answer) = self
            .rest
            .send_bytes("POST", "/connector-plugins", kind, component);
        let message = answer["message"].as_str().unwrap_or_default().to_owned();
        self.is_clean(&message);
        (status, message)
    }

    /// A text that a client sees: one that helps, without a path of this machine or a trace of the host's.
    pub fn is_clean(&self, text: &str) {
        let folder = self.place.path("").display().to_string();
        let folder = folder.trim_end_matches('/').to_owned();
        for odd in [
            &folder,
            env!("CARGO_MANIFEST_DIR"),
            "/root/",
            "/proc/",
            ".cargo/registry",
            "stack backtrace",
            "panicked at runtime/",
        ] {
            assert!(!text.contains(odd), "{odd} in: {text}");
        }
        let control = |c: char| c.is_control() && c != '\n';
        assert!(!text.contains(control), "{text:?}");
    }

    /// The bytes that the process has in memory.
    pub fn memory_bytes(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.worker.id()));
        let status = status.unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:"));
        let kib: u64 = line
            .unwrap()
            .split_whitespace()
            .nth(1)
            .unwrap()
            .parse()
            .unwrap();
        kib * 1024
    }

    /// The CPU time that the process has used.
    pub fn cpu_time(&self) -> Duration {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.worker.id())).unwrap();
        // Behind the name, which may have anything in it: state is the third field.
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split(' ').collect();
        let ticks = |index: usize| fields[index].parse::<u64>().unwrap();
        // utime and stime, the 14th and 15th field, in hundredths of a second.
        Duration::from_millis(10 * (ticks(12) + ticks(13)))
    }

    /// Waits until the process has no more memory than before and a tenth, within 30 s.
    pub fn memory_is_back(&self, before: u64) {
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            let now = self.memory_bytes();
            if now <= before + before / 10 {
                println!("memory: {} MiB, then {} MiB", before >> 20, now >> 20);
                return;
            }
            assert!(
                Instant::now() < deadline,
                "{} MiB before, {} MiB after",
                before >> 20,
                now >> 20
            );
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// Ends the worker, which is still the same and has not panicked; gives its log.
    pub fn end(self) -> String {
        self.goes_on();
        // 1: some tasks are FAILED, which is what most attacks come to.
        let code = self.worker.stop().code();
        let log = self.place.log();
        assert!(matches!(code, Some(0 | 1)), "{code:?}: {log}");
        for line in log.lines() {
            // What the panic hook of Rust writes. A guest's own panic stands in a line of the log.
            assert!(!line.starts_with("thread '"), "{line}\n{log}");
        }
        log
    }
}
