//! TCP line source: connects to a server, logs in, and makes a record of each line that the server sends.

use std::sync::Arc;
use std::time::Duration;

use tidegate_sdk::prelude::*;
use tidegate_sdk::tcp::{Connection, Read};

mod lines;

use lines::Lines;

tidegate_sdk::export! { sources: [TcpLineSource] }

const ADDRESS: &str = "tcp.address";
const TLS: &str = "tcp.tls";
const LOGIN: &str = "tcp.login";
const TOPIC: &str = "topic";
const RECONNECT: &str = "reconnect.backoff.ms";

/// The most bytes of a line, so that it fits a topic's default `max.message.bytes`.
pub const LINE_BYTES_MAX: usize = 1_048_516;
/// The most bytes of one read.
const READ_BYTES: u32 = 256 * 1024;
/// How long a read waits for the first line; the worker waits between polls, without a thread.
const READ_WAIT: Duration = Duration::from_millis(5);
/// How long the worker waits when there was nothing.
const POLL_WAIT_MS: u32 = 20;
/// How long connecting, logging in and the like may take.
const CONNECT_TIME: Duration = Duration::from_secs(3);

/// The connector.
#[derive(Debug)]
pub struct TcpLineSource;

impl SourceConnector for TcpLineSource {
    type Task = TcpLineSourceTask;

    fn describe() -> Description {
        Description::new("io.tidegate.tcp.TcpLineSourceConnector")
            .version(env!("CARGO_PKG_VERSION"))
            .documentation(
                "Connects to a server and makes a record of each line that it sends. A line that was sent while there \
                 was no connection is not read.",
            )
            .config(
                ConfigDef::new()
                    .required(
                        ADDRESS,
                        Type::Text,
                        Importance::High,
                        "The server, host:port. It is what the connector is granted",
                    )
                    .names(Names::Address)
                    .required(TOPIC, Type::Text, Importance::High, "The topic to publish data to")
                    .optional(
                        TLS,
                        Type::Boolean,
                        "true",
                        Importance::High,
                        "Whether to speak TLS; the server must then have a certificate for its host",
                    )
                    .nullable(
                        LOGIN,
                        Type::Password,
                        Importance::Medium,
                        "A line that is sent first, such as AUTH and a token. The worker sends it; the connector itself \
                         never sees it",
                    )
                    .names(Names::Secret)
                    .optional(
                        RECONNECT,
                        Type::Int,
                        "1000",
                        Importance::Low,
                        "Milliseconds to wait before connecting again, 1 to 60000",
                    ),
            )
    }

    fn task_configs(config: &Config, _tasks_max: u32) -> Result<Vec<Config>> {
        Ok(vec![config.clone()])
    }
}

/// The task.
#[derive(Debug)]
pub struct TcpLineSourceTask {
    address: String,
    tls: bool,
    login: Option<String>,
    topic: String,
    reconnect_ms: u32,
    connection: Option<Connection>,
    lines: Lines,
    schema: Arc<Schema>,
    /// How many lines were read, over all restarts as far as they are committed.
    count: i64,
    /// A failure that was said already is said again only after a success.
    complained: bool,
}

impl SourceTask for TcpLineSourceTask {
    fn start(config: &Config, offsets: &Offsets) -> Result<Self> {
        let address = config.required(ADDRESS)?.to_owned();
        let count = offsets.integer(&partition(&address), "lines")?;
        let reconnect = config.integer_in(RECONNECT, 1..=60_000)?;
        let login = config.get(LOGIN).filter(|login| !login.is_empty());
        Ok(Self {
            tls: config.boolean(TLS)?,
            login: login.map(str::to_owned),
            topic: config.required(TOPIC)?.to_owned(),
            reconnect_ms: u32::try_from(reconnect).unwrap_or(1_000),
            connection: None,
            lines: Lines::default(),
            schema: Arc::new(Schema::new(SchemaType::String)),
            count: count.unwrap_or(0),
            complained: false,
            address,
        })
    }

    fn poll(&mut self, batch: &mut SourceBatch) -> Result<()> {
        self.take_lines(batch);
        if batch.is_full() {
            return Ok(());
        }
        match self.read(batch) {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == ErrorKind::Retriable => {
                self.connection = None;
                self.lines.forget_the_rest();
                if !self.complained {
                    host::warn(format!("{error}; trying again"));
                }
                self.complained = true;
                batch.wait_ms(self.reconnect_ms);
                Ok(())
            }
            Err(error) => Err(error),
        }
    }
}

impl TcpLineSourceTask {
    fn read(&mut self, batch: &mut SourceBatch) -> Result<()> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.connect()?,
        };
        let found = connection.read(READ_BYTES, READ_WAIT)?;
        match found {
            Read::Bytes(bytes) => self.lines.add(&bytes),
            Read::Nothing => batch.wait_ms(POLL_WAIT_MS),
            Read::End => {
                self.lines.end();
                self.take_lines(batch);
                let error = format!("{} closed the connection", self.address);
                return Err(Error::retriable(error));
            }
        }
        self.connection = Some(connection);
        self.take_lines(batch);
        Ok(())
    }

    fn connect(&mut self) -> Result<Connection> {
        let mut connection = Connection::connect(&self.address, self.tls, CONNECT_TIME)?;
        if let Some(login) = &self.login {
            connection.write_with_secrets(&format!("{login}\n"))?;
        }
        host::info(format!("connected to {}", self.address));
        self.complained = false;
        Ok(connection)
    }

    fn take_lines(&mut self, batch: &mut SourceBatch) {
        while !batch.is_full() {
            let Some(line) = self.lines.take() else {
                break;
            };
            self.count += 1;
            batch.push(&SourceRecord {
                source_partition: partition(&self.address),
                source_offset: Value::Map(vec![("lines".into(), self.count.into())]),
                record: Record {
                    value_schema: Some(Arc::clone(&self.schema)),
                    ..Record::new(&*self.topic, line)
                },
            });
        }
        let cut = self.lines.take_cut();
        if cut > 0 {
            host::error(format!(
                "{cut} lines of more than {LINE_BYTES_MAX} bytes were left out"
            ));
        }
    }
}

fn partition(address: &str) -> Value {
    Value::Map(vec![("address".into(), address.into())])
}

#[cfg(test)]
mod tests {
    use super::*;
    use tidegate_sdk::testing::SourceDriver;

    #[test]
    fn without_a_host_there_is_no_connection() {
        let config = [("tcp.address", "h:1"), ("topic", "t")];
        let mut task = SourceDriver::start::<TcpLineSource>(&config, vec![]).unwrap();
        assert!(task.poll(10).is_err());
    }
}
