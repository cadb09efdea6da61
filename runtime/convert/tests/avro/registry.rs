//! A schema registry in memory, on loopback, as far as the converter asks one.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

/// A registry that runs until the process ends.
pub struct Registry {
    port: u16,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
pub struct State {
    /// The schemas; their ids are their places.
    schemas: Vec<Value>,
    /// The ids of each subject.
    subjects: HashMap<String, Vec<usize>>,
    /// What was asked.
    pub asked: Vec<String>,
    /// What every request is answered with instead.
    pub broken: Option<(u16, String)>,
    /// The Authorization header that is wanted.
    pub wanted: Option<String>,
    /// Whether versions are said.
    pub versions: bool,
}

impl Registry {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(Mutex::new(State::default()));
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = Arc::clone(&shared);
                std::thread::spawn(move || serve(stream, &shared));
            }
        });
        Self { port, state }
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// Registers a schema, as another program would.
    pub fn add(&self, subject: &str, schema: &str) -> i32 {
        self.add_answer(subject, json!({ "schema": schema }))
    }

    /// Registers what is answered for a schema.
    pub fn add_answer(&self, subject: &str, answer: Value) -> i32 {
        let mut state = self.state();
        state.schemas.push(answer);
        let place = state.schemas.len() - 1;
        state
            .subjects
            .entry(subject.to_owned())
            .or_default()
            .push(place);
        place as i32
    }

    /// The text of a schema.
    pub fn schema(&self, id: i32) -> String {
        self.state().schemas[id as usize]["schema"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    /// The subjects, in alphabetical order.
    pub fn subjects(&self) -> Vec<String> {
        let mut subjects: Vec<_> = self.state().subjects.keys().cloned().collect();
        subjects.sort();
        subjects
    }
}

fn serve(mut stream: TcpStream, state: &Mutex<State>) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or(0) == 0 {
            return;
        }
        let (mut length, mut authorization) = (0, None);
        loop {
            let mut header = String::new();
            reader.read_line(&mut header).unwrap();
            let header = header.trim();
            if header.is_empty() {
                break;
            }
            let (name, value) = header.split_once(": ").unwrap();
            match name.to_ascii_lowercase().as_str() {
                "content-length" => length = value.parse().unwrap(),
                "authorization" => authorization = Some(value.to_owned()),
                _ => {}
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        let mut state = state.lock().unwrap();
        let mut words = line.split(' ');
        let request = format!("{} {}", words.next().unwrap(), words.next().unwrap());
        state.asked.push(request.clone());
        let (status, answer) = if let Some((status, answer)) = &state.broken {
            (*status, answer.clone())
        } else if state.wanted.is_some() && state.wanted != authorization {
            (
                401,
                json!({"error_code": 401, "message": "Unauthorized"}).to_string(),
            )
        } else {
            let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
            match state.answer(&request, &body) {
                Some(answer) => (200, answer.to_string()),
                None => (
                    404,
                    json!({"error_code": 40403, "message": "not found\n"}).to_string(),
                ),
            }
        };
        drop(state);
        let length = answer.len();
        let answer = format!("HTTP/1.1 {status} X\r\nContent-Length: {length}\r\n\r\n{answer}");
        if stream.write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}

impl State {
    fn answer(&mut self, request: &str, body: &Value) -> Option<Value> {
        let (method, path) = request.split_once(" /").unwrap();
        let parts: Vec<&str> = path.split('?').next().unwrap().split('/').collect();
        let found = |state: &Self, subject: &str, place: usize| {
            let mut answer = state.schemas[place].clone();
            answer["subject"] = subject.into();
            answer["id"] = place.into();
            if state.versions {
                let of = &state.subjects[subject];
                answer["version"] =
                    (of.iter().position(|known| *known == place).unwrap() + 1).into();
            }
            answer
        };
        match (method, parts.as_slice()) {
            ("GET", ["schemas", "ids", id]) => self.schemas.get(id.parse::<usize>().ok()?).cloned(),
            ("GET", ["subjects", subject, "versions", "latest"]) => {
                let place = *self.subjects.get(*subject)?.last()?;
                Some(found(self, subject, place))
            }
            ("GET", ["subjects", subject, "versions", version]) => {
                let place = *self
                    .subjects
                    .get(*subject)?
                    .get(version.parse::<usize>().ok()? - 1)?;
                Some(found(self, subject, place))
            }
            ("POST", ["subjects", subject]) => {
                let places = self.subjects.get(*subject)?;
                let same = |place: &&usize| self.schemas[**place]["schema"] == body["schema"];
                let place = *places.iter().find(same)?;
                Some(found(self, subject, place))
            }
            ("POST", ["subjects", subject, "versions"]) => {
                let known = self.schemas.iter().position(|known| known == body);
                let place = known.unwrap_or_else(|| {
                    self.schemas.push(body.clone());
                    self.schemas.len() - 1
                });
                let places = self.subjects.entry((*subject).to_owned()).or_default();
                if !places.contains(&place) {
                    places.push(place);
                }
                Some(json!({ "id": place }))
            }
            _ => None,
        }
    }
}
