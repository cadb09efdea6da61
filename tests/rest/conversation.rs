//! The steps of a recording, and a worker that they are played to.

use std::time::{Duration, Instant};

use serde_json::{Map, Value};

use crate::client::{Answer, send};
use crate::compare::faults;
use crate::support::{Broker, Place, Running};

/// How long a state that a step waits for may take.
const WAIT: Duration = Duration::from_secs(20);
/// How long between two looks.
const PAUSE: Duration = Duration::from_millis(50);

/// What a recording has instead of texts that differ from run to run.
const SUFFIX: &str = "replayed";
const CLASSES: [(&str, &str); 2] = [
    (
        "SOURCE_CLASS",
        "org.apache.kafka.connect.file.FileStreamSourceConnector",
    ),
    (
        "SINK_CLASS",
        "org.apache.kafka.connect.file.FileStreamSinkConnector",
    ),
];

/// A recorded request with its answer.
pub struct Step {
    pub name: String,
    pub method: String,
    pub path: String,
    /// As it is sent, with tokens.
    body: Option<String>,
    headers: Vec<(String, String)>,
    /// All that was recorded.
    pub recorded: Map<String, Value>,
}

/// The steps of a recording.
pub fn steps(recording: &str) -> Vec<Step> {
    recording.lines().map(Step::of).collect()
}

impl Step {
    fn of(line: &str) -> Self {
        let recorded: Map<String, Value> = serde_json::from_str(line).unwrap();
        let text = |key: &str| recorded[key].as_str().unwrap().to_owned();
        let raw = recorded.get("raw_body").and_then(Value::as_str);
        let body = match (raw, &recorded["body"]) {
            (Some(raw), _) => Some(raw.to_owned()),
            (None, Value::Null) => None,
            (None, body) => Some(body.to_string()),
        };
        let headers = recorded.get("request_headers").and_then(Value::as_object);
        let headers = headers.into_iter().flatten();
        Self {
            name: text("name"),
            method: text("method"),
            path: text("path"),
            body,
            headers: headers
                .map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned()))
                .collect(),
            recorded,
        }
    }
}

/// A worker that answers.
pub struct Conversation {
    place: Place,
    address: String,
    _worker: Running,
}

impl Conversation {
    /// Starts a worker that has nothing yet, with the file that the recorded source reads.
    pub fn start() -> Self {
        let place = Place::new(Broker::Embedded);
        let folder = place.path("files");
        std::fs::create_dir(&folder).unwrap();
        let lines: String = (0..10).map(|line| format!("line {line}\n")).collect();
        std::fs::write(folder.join(format!("in-{SUFFIX}.txt")), lines).unwrap();
        place.add_worker_key(&format!("sandbox.policy.write={}", folder.display()));
        let worker = place.start();
        let address = place.rest().address().to_owned();
        let conversation = Self {
            place,
            address,
            _worker: worker,
        };
        conversation.wait(|| conversation.get("/health").status == 200);
        conversation
    }

    /// Plays a step: the answer and what is wrong with it. What is only read is read again until it agrees, as it may
    /// be on its way; before anything else all connectors have come to rest.
    pub fn play(&self, step: &Step, differs: bool) -> (Answer, Vec<String>) {
        let reads = step.method == "GET";
        if !reads {
            self.wait(|| self.at_rest());
        }
        let until = Instant::now() + WAIT;
        loop {
            let path = self.with_texts(&step.path);
            let body = step.body.as_ref().map(|body| self.with_texts(body));
            let answer = send(
                &self.address,
                &step.method,
                &path,
                &step.headers,
                body.as_deref(),
            );
            let answer = self.with_tokens(answer);
            let faults = faults(&step.recorded, &answer);
            if faults.is_empty() || differs || !reads || Instant::now() >= until {
                return (answer, faults);
            }
            std::thread::sleep(PAUSE);
        }
    }

    pub fn get(&self, path: &str) -> Answer {
        send(&self.address, "GET", path, &[], None)
    }

    /// Whether each connector's tasks do what the connector does.
    fn at_rest(&self) -> bool {
        let all = self.get("/connectors?expand=status").body;
        let rests = |connector: &Value| {
            let status = &connector["status"];
            let state = &status["connector"]["state"];
            let mut tasks = status["tasks"].as_array().unwrap().iter();
            tasks.all(|task| task["state"] == *state || task["state"] == "FAILED")
        };
        all.as_object()
            .is_some_and(|connectors| connectors.values().all(rests))
    }

    fn wait(&self, condition: impl Fn() -> bool) {
        let until = Instant::now() + WAIT;
        while !condition() {
            assert!(Instant::now() < until, "{}", self.place.log());
            std::thread::sleep(PAUSE);
        }
    }

    fn texts(&self) -> [(&'static str, String); 4] {
        let [source, sink] = CLASSES;
        [
            ("SUF", SUFFIX.to_owned()),
            ("DIR", self.place.path("files").display().to_string()),
            (source.0, source.1.to_owned()),
            (sink.0, sink.1.to_owned()),
        ]
    }

    /// A text of the recording as it is sent.
    fn with_texts(&self, text: &str) -> String {
        let texts = self.texts().into_iter();
        texts.fold(text.to_owned(), |text, (token, own)| {
            text.replace(token, &own)
        })
    }

    /// An answer as it is recorded.
    fn with_tokens(&self, answer: Answer) -> Answer {
        let headers = answer.headers.into_iter();
        let base = format!("http://{}", self.address);
        Answer {
            status: answer.status,
            headers: headers
                .map(|(name, value)| (name, value.replace(&base, "BASE")))
                .collect(),
            body: self.tokens(answer.body),
        }
    }

    fn tokens(&self, value: Value) -> Value {
        match value {
            Value::Object(entries) => {
                let entries = entries.into_iter().map(|(key, value)| {
                    let value = match (key.as_str(), value) {
                        ("worker_id", Value::String(_)) => "WORKER".into(),
                        ("trace", Value::String(_)) => "TRACE".into(),
                        ("version" | "commit" | "kafka_cluster_id", Value::String(_)) => {
                            key.to_uppercase().into()
                        }
                        ("last_modified", Value::Null | Value::Number(_)) => 0.into(),
                        (_, value) => self.tokens(value),
                    };
                    let Value::String(key) = self.tokens(key.into()) else {
                        unreachable!("a text stays one");
                    };
                    (key, value)
                });
                Value::Object(entries.collect())
            }
            Value::Array(items) => {
                Value::Array(items.into_iter().map(|item| self.tokens(item)).collect())
            }
            Value::String(text) => {
                let texts = self.texts().into_iter();
                let text = texts.fold(text, |text, (token, own)| text.replace(&own, token));
                text.replace(&self.address, "WORKER").into()
            }
            other => other,
        }
    }
}
