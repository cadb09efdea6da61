//! A worker process in a folder of its own.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// How long a condition may take before a test fails.
pub const DEADLINE: Duration = Duration::from_secs(60);

/// Where topics are.
#[derive(Debug, Clone)]
pub enum Broker {
    Embedded,
    Kafka(String),
}

impl Broker {
    /// The Kafka broker that the environment names.
    pub fn kafka() -> Option<Self> {
        let servers = std::env::var("TIDEGATE_TEST_KAFKA")
            .ok()
            .filter(|servers| !servers.is_empty());
        if servers.is_none() {
            println!(
                "Left out: TIDEGATE_TEST_KAFKA=host:port is not set. `make test-kafka` sets it."
            );
        }
        servers.map(Self::Kafka)
    }
}

/// A folder with a worker's files.
pub struct Place {
    folder: TempDir,
    broker: Broker,
    /// Topics on a shared broker are told apart by this.
    pub prefix: String,
    connectors: Vec<PathBuf>,
    variables: Vec<(String, String)>,
}

impl Place {
    pub fn new(broker: Broker) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let prefix = format!(
            "t{}",
            folder
                .path()
                .file_name()
                .unwrap()
                .to_str()
                .unwrap()
                .trim_start_matches('.')
        );
        let place = Self {
            folder,
            broker,
            prefix,
            connectors: Vec::new(),
            variables: Vec::new(),
        };
        let servers = match &place.broker {
            Broker::Embedded => format!("embedded:{}", place.path("topics").display()),
            Broker::Kafka(servers) => servers.clone(),
        };
        let prefix = &place.prefix;
        let worker = format!(
            "bootstrap.servers={servers}\n\
             key.converter=org.apache.kafka.connect.storage.StringConverter\n\
             value.converter=org.apache.kafka.connect.storage.StringConverter\n\
             offset.storage.topic={prefix}-offsets\nconfig.storage.topic={prefix}-configs\n\
             status.storage.topic={prefix}-status\nlisteners=http://127.0.0.1:0\nplugin.path={}\n\
             offset.flush.interval.ms=200\nsandbox.restarts.max=0\nconsumer.session.timeout.ms=6000\n",
            plugins().display()
        );
        std::fs::write(place.path("worker.properties"), worker).unwrap();
        place
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Where its topics are.
    pub fn broker(&self) -> &Broker {
        &self.broker
    }

    /// A topic of this place.
    pub fn topic(&self, name: &str) -> String {
        format!("{}-{name}", self.prefix)
    }

    pub fn add_worker_key(&self, line: &str) {
        let path = self.path("worker.properties");
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(path, format!("{text}{line}\n")).unwrap();
    }

    /// Sets an environment variable of the worker.
    pub fn set_variable(&mut self, name: &str, value: &str) {
        self.variables.push((name.to_owned(), value.to_owned()));
    }

    /// Where the REST API of the running worker is.
    pub fn rest(&self) -> Rest {
        let marker = "The REST API is there. address=";
        wait_for(
            "the REST API",
            || self.log(),
            || self.log().contains(marker),
        );
        let log = self.log();
        let address = log
            .split(marker)
            .nth(1)
            .unwrap()
            .split_whitespace()
            .next()
            .unwrap();
        Rest(address.to_owned(), String::new())
    }

    /// Writes a connector's file; its keys are given as `key=value` lines.
    pub fn connector(&mut self, name: &str, lines: &str) {
        let whole = format!("{}-{name}", self.prefix);
        self.connector_named(name, &whole, lines);
    }

    /// The same with a whole name of its own.
    pub fn connector_named(&mut self, file: &str, name: &str, lines: &str) {
        let path = self.path(&format!("{file}.properties"));
        std::fs::write(&path, format!("name={name}\n{lines}\n")).unwrap();
        if !self.connectors.contains(&path) {
            self.connectors.push(path);
        }
    }

    /// The next runs name no connectors.
    pub fn forget_connectors(&mut self) {
        self.connectors.clear();
    }

    pub fn file_source(&mut self, file: &Path, topic: &str) {
        let lines = format!(
            "connector.class=FileStreamSource\nfile={}\ntopic={}",
            file.display(),
            self.topic(topic)
        );
        self.connector("source", &lines);
    }

    pub fn file_sink(&mut self, file: &Path, topic: &str, more: &str) {
        let lines = format!(
            "connector.class=FileStreamSink\nfile={}\ntopics={}\n{more}",
            file.display(),
            self.topic(topic)
        );
        self.connector("sink", &lines);
    }

    fn command(&self, more: &[&str]) -> Command {
        let mut command = tidegate();
        command
            .current_dir(self.folder.path())
            .arg("standalone")
            .arg(self.path("worker.properties"));
        command
            .envs(self.variables.iter().cloned())
            .args(&self.connectors)
            .args(more)
            .stdin(Stdio::null());
        command
    }

    /// Runs until nothing moves any more.
    pub fn run_until_idle(&self) -> Output {
        self.command(&["--exit-when-idle", "1", "--no-progress"])
            .output()
            .unwrap()
    }

    /// The same, with progress as JSON lines on standard output.
    pub fn run_until_idle_with_progress(&self) -> Output {
        self.command(&["--exit-when-idle", "1", "--json"])
            .output()
            .unwrap()
    }

    /// Starts and goes on.
    pub fn start(&self) -> Running {
        let log = std::fs::File::create(self.path("worker.log")).unwrap();
        let child = self
            .command(&["--no-progress"])
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        Running(child)
    }

    /// The same, where no file may become larger than so many bytes: what a full disk is like.
    #[allow(dead_code, reason = "another test includes this file too")]
    pub fn start_with_files_of(&self, bytes: u64) -> Running {
        let command = self.command(&["--no-progress"]);
        let log = std::fs::File::create(self.path("worker.log")).unwrap();
        let script = format!(
            "trap '' XFSZ; ulimit -f {}; exec \"$0\" \"$@\"",
            bytes / 512
        );
        let child = Command::new("sh")
            .args(["-c", &script])
            .arg(command.get_program())
            .args(command.get_args())
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        Running(child)
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(self.path("worker.log")).unwrap_or_default()
    }
}

/// A worker that runs. Killed when it is dropped.
pub struct Running(Child);

impl Running {
    /// The process.
    #[allow(dead_code, reason = "another test includes this file too")]
    pub fn id(&self) -> u32 {
        self.0.id()
    }

    /// `kill -9`.
    pub fn kill(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }

    /// SIGTERM, and the end awaited.
    pub fn stop(self) -> ExitStatus {
        self.signal("TERM");
        self.wait()
    }

    /// Sends a signal.
    pub fn signal(&self, name: &str) {
        let pid = self.0.id().to_string();
        let sent = Command::new("kill").args(["-s", name, &pid]).status();
        assert!(sent.unwrap().success());
    }

    /// Awaits the end.
    pub fn wait(mut self) -> ExitStatus {
        let deadline = Instant::now() + DEADLINE;
        loop {
            if let Some(status) = self.0.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < deadline, "the worker did not stop");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.0.try_wait().is_ok_and(|ended| ended.is_none()) {
            drop(self.0.kill());
            drop(self.0.wait());
        }
    }
}

/// A client of a worker's REST API.
pub struct Rest(String, String);

impl Rest {
    /// Where it is: `host:port`.
    #[allow(dead_code, reason = "another test includes this file too")]
    pub fn address(&self) -> &str {
        &self.0
    }

    /// Sends a request; answers with the status and the body.
    pub fn send(
        &self,
        method: &str,
        path: &str,
        body: Option<serde_json::Value>,
    ) -> (u16, serde_json::Value) {
        let body = body.map(|body| body.to_string()).unwrap_or_default();
        let json = "Content-Type: application/json";
        self.send_bytes(method, path, json, body.as_bytes())
    }

    /// A client of a worker that is there.
    #[allow(dead_code, reason = "another test includes this file too")]
    pub fn at(address: &str) -> Self {
        Self(address.to_owned(), String::new())
    }

    /// Sends a request to a worker that may be gone.
    #[allow(dead_code, reason = "another test includes this file too")]
    pub fn try_send(&self, method: &str, path: &str, body: &serde_json::Value) -> Option<()> {
        let body = body.to_string();
        let mut stream = TcpStream::connect(&self.0).ok()?;
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
            self.0,
            body.len()
        )
        .ok()?;
        stream.read_to_end(&mut Vec::new()).ok().map(drop)
    }

    /// The same with a line of its own in each request's head.
    pub fn with_header(self, line: &str) -> Self {
        Self(self.0, format!("{line}\r\n"))
    }

    /// An answer that is no JSON.
    pub fn text(&self, method: &str, path: &str) -> String {
        self.exchange(method, path, "Accept: */*", 0, b"").1
    }

    /// Sends a request with a body of any kind.
    pub fn send_bytes(
        &self,
        method: &str,
        path: &str,
        headers: &str,
        body: &[u8],
    ) -> (u16, serde_json::Value) {
        let (status, answer) = self.exchange(method, path, headers, body.len(), body);
        (status, serde_json::from_str(&answer).unwrap_or_default())
    }

    /// Announces a component of so many bytes, and sends none.
    #[allow(dead_code, reason = "another test includes this file too")]
    pub fn announce(&self, path: &str, bytes: usize) -> (u16, String) {
        self.exchange("POST", path, "Content-Type: application/wasm", bytes, b"")
    }

    fn exchange(
        &self,
        method: &str,
        path: &str,
        headers: &str,
        length: usize,
        body: &[u8],
    ) -> (u16, String) {
        let mut stream = TcpStream::connect(&self.0).unwrap();
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: {}\r\n{headers}\r\n{}Content-Length: {length}\r\n\
             Connection: close\r\n\r\n",
            self.0, self.1
        )
        .unwrap();
        // A server may refuse a body before it has read all of it.
        drop(stream.write_all(body));
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, body.to_owned())
    }

    /// Waits until a connector's task has a state.
    pub fn wait_for_task(&self, connector: &str, state: &str) -> serde_json::Value {
        let status = || {
            self.send("GET", &format!("/connectors/{connector}/status"), None)
                .1
        };
        wait_for(
            state,
            || status().to_string(),
            || status()["tasks"][0]["state"] == state,
        );
        status()
    }
}

pub fn tidegate() -> Command {
    Command::new(env!("CARGO_BIN_EXE_tidegate"))
}

/// The components that `make guests` built.
pub fn plugins() -> PathBuf {
    let plugins = root().join("target/plugins");
    assert!(
        plugins.join("file.wasm").is_file(),
        "run `make guests` first"
    );
    plugins
}

pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .canonicalize()
        .unwrap()
}

pub fn flights() -> String {
    std::fs::read_to_string(root().join("examples/flights/flights-3-days.jsonl")).unwrap()
}

pub fn lines(path: &Path) -> Vec<String> {
    std::fs::read_to_string(path)
        .unwrap_or_default()
        .lines()
        .map(str::to_owned)
        .collect()
}

/// Appends to a file, as a source that follows it expects: rewriting it would look like a truncation.
pub fn append(path: &Path, text: &str) {
    let file = std::fs::OpenOptions::new()
        .append(true)
        .create(true)
        .open(path);
    std::io::Write::write_all(&mut file.unwrap(), text.as_bytes()).unwrap();
}

/// Waits for a condition.
pub fn wait_for(what: &str, log: impl Fn() -> String, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + DEADLINE;
    while !condition() {
        assert!(
            Instant::now() < deadline,
            "{what} did not come; the log:\n{}",
            log()
        );
        std::thread::sleep(Duration::from_millis(2));
    }
}

pub fn text(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}
