//! Requests, what their answers mean, and trying again.

use std::time::Duration;

use tidegate_sdk::http::{Request, Response};
use tidegate_sdk::prelude::*;
use tidegate_sdk::{NO_SCHEMA, SchemaPlans, rows};

use crate::json;
use crate::settings::{Format, Settings, definition};

/// The connector.
#[derive(Debug)]
pub struct HttpSink;

/// The most bytes of a body; one record may exceed it.
pub const BODY_BYTES_MAX: usize = 1024 * 1024;
/// The longest wait that a server may ask for with Retry-After.
pub const RETRY_AFTER_MAX: Duration = Duration::from_secs(30);
/// What a call must have left for a request to be begun.
const TIME_LEFT_MIN: Duration = Duration::from_millis(500);

impl SinkConnector for HttpSink {
    type Task = HttpSinkTask;

    fn describe() -> Description {
        Description::new("io.tidegate.http.HttpSinkConnector")
            .version(env!("CARGO_PKG_VERSION"))
            .documentation("Sends records to a URL, several in a request.")
            .config(definition())
    }

    fn validate(config: &Config) -> Vec<ConfigIssue> {
        let issue = |error: Error| {
            let key = error.key()?.to_owned();
            Some(ConfigIssue::new(&key, error.message()))
        };
        Settings::of(config)
            .err()
            .and_then(issue)
            .into_iter()
            .collect()
    }

    fn task_configs(config: &Config, tasks_max: u32) -> Result<Vec<Config>> {
        Settings::of(config)?;
        Ok((0..tasks_max.max(1)).map(|_| config.clone()).collect())
    }
}

/// The task.
#[derive(Debug)]
pub struct HttpSinkTask {
    settings: Settings,
    schemas: SchemaPlans<Schema>,
}

/// A record of a batch as it is sent.
struct Sent {
    index: usize,
    text: Vec<u8>,
}

/// What an answer means.
#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    Taken,
    /// The records are not what the server takes.
    Records(String),
    /// It may take them later, after so long if it says so.
    Later(String, Option<Duration>),
    /// It takes nothing from us.
    Never(String),
}

impl SinkTask for HttpSinkTask {
    fn start(config: &Config) -> Result<Self> {
        Ok(Self {
            settings: Settings::of(config)?,
            schemas: SchemaPlans::default(),
        })
    }

    fn put(&mut self, batch: &Batch, failures: &mut Failures) -> Result<()> {
        self.schemas.begin();
        let mut waiting: Vec<Sent> = Vec::new();
        let mut bytes = 0;
        for (index, row) in rows(batch).enumerate() {
            let text = match self.text(batch, row.value, row.value_schema) {
                Ok(text) => text,
                Err(error) => {
                    failures.push(index, error);
                    continue;
                }
            };
            let full = waiting.len() >= self.settings.records_max
                || (!waiting.is_empty() && bytes + text.len() > BODY_BYTES_MAX);
            if full {
                self.deliver(&waiting, failures)?;
                failures.delivered(index);
                waiting.clear();
                bytes = 0;
            }
            bytes += text.len() + 1;
            waiting.push(Sent { index, text });
        }
        self.deliver(&waiting, failures)?;
        failures.delivered(batch.count);
        Ok(())
    }
}

impl HttpSinkTask {
    /// A value as it is sent: texts and bytes as they are, unless they stand in an array.
    fn text(&mut self, batch: &Batch, value: Option<&[u8]>, schema: i32) -> Result<Vec<u8>> {
        let value = match value {
            None => Value::Null,
            Some(value) => Value::decode(value)?,
        };
        if self.settings.format == Format::Lines {
            match value {
                Value::String(text) => return one_line(text.into_bytes()),
                Value::Bytes(bytes) => return one_line(bytes),
                _ => {}
            }
        }
        let schema = if schema == NO_SCHEMA {
            None
        } else {
            let decode = |schema: &Schema| Ok(schema.clone());
            Some(self.schemas.plan(&batch.schemas, schema, decode)?)
        };
        let mut text = String::new();
        json::write(&value, schema.map(|schema| &*schema), &mut text)?;
        Ok(text.into_bytes())
    }

    /// Sends records, each part of them again where the server does not take the whole.
    fn deliver(&self, records: &[Sent], failures: &mut Failures) -> Result<()> {
        if records.is_empty() {
            return Ok(());
        }
        match self.send_until_answered(records)? {
            Outcome::Records(message) => match records {
                [one] => {
                    failures.push(one.index, Error::data(message));
                    Ok(())
                }
                several => {
                    let (first, second) = several.split_at(several.len() / 2);
                    self.deliver(first, failures)?;
                    self.deliver(second, failures)
                }
            },
            Outcome::Never(message) => Err(Error::fatal(message)),
            Outcome::Later(message, _) => Err(Error::retriable(message)),
            Outcome::Taken => Ok(()),
        }
    }

    fn send_until_answered(&self, records: &[Sent]) -> Result<Outcome> {
        let mut backoff = self.settings.backoff;
        let mut tries_left = self.settings.retries;
        loop {
            let outcome = match self.request(records)?.send() {
                Ok(response) => outcome(&response),
                Err(error) if error.kind() == ErrorKind::Retriable => {
                    Outcome::Later(error.message().to_owned(), None)
                }
                Err(error) => return Err(error),
            };
            let Outcome::Later(message, after) = outcome else {
                return Ok(outcome);
            };
            let wait = after.unwrap_or(backoff).min(RETRY_AFTER_MAX);
            if tries_left == 0 || host::time_left() < wait + TIME_LEFT_MIN {
                return Ok(Outcome::Later(message, after));
            }
            tries_left -= 1;
            backoff = backoff.saturating_mul(2);
            std::thread::sleep(wait);
        }
    }

    fn request(&self, records: &[Sent]) -> Result<Request> {
        let settings = &self.settings;
        let mut request = Request::new(&settings.method, &settings.url)?
            .timeout(settings.timeout)
            .body(body(records, settings.format));
        for (name, value) in &settings.headers {
            request = request.header(name, value);
        }
        Ok(request)
    }
}

/// Refuses a text that would be read as several records.
fn one_line(text: Vec<u8>) -> Result<Vec<u8>> {
    if text.contains(&b'\n') {
        return Err(Error::data(
            "a text with a line break cannot stand on a line; set batch.format to array",
        ));
    }
    Ok(text)
}

fn body(records: &[Sent], format: Format) -> Vec<u8> {
    let texts = records.iter().map(|record| record.text.as_slice());
    match format {
        Format::Lines => {
            let mut body = texts.collect::<Vec<_>>().join(&b'\n');
            body.push(b'\n');
            body
        }
        Format::Array => {
            let mut body = vec![b'['];
            body.extend(texts.collect::<Vec<_>>().join(&b','));
            body.push(b']');
            body
        }
    }
}

/// What an answer means. Its body may repeat a secret, and is not shown.
fn outcome(response: &Response) -> Outcome {
    let status = response.status;
    let message = |what: &str| format!("the server answered {status}: {what}");
    match status {
        200..=299 => Outcome::Taken,
        400 | 413 | 415 | 422 => Outcome::Records(message("it does not take the record")),
        408 | 425 | 429 | 500..=599 => {
            let after = response.header("retry-after");
            let after = after.and_then(|after| after.trim().parse().ok().map(Duration::from_secs));
            Outcome::Later(message("it may take records later"), after)
        }
        300..=399 => Outcome::Never(message(
            "it names another address, which is not followed; set http.url to it",
        )),
        401 | 403 => Outcome::Never(message("look at http.secret.header.value")),
        _ => Outcome::Never(message("look at http.url")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tidegate_sdk::testing::SinkDriver;

    fn answer(status: u16) -> Outcome {
        outcome(&Response {
            status,
            headers: vec![("retry-after".to_owned(), b"7".to_vec())],
            body: Vec::new(),
        })
    }

    #[test]
    fn answers_mean_what_they_say() {
        assert_eq!(answer(204), Outcome::Taken);
        for (status, record, later) in [
            (422, true, false),
            (503, false, true),
            (302, false, false),
            (401, false, false),
        ] {
            let found = answer(status);
            assert_eq!(matches!(found, Outcome::Records(_)), record, "{status}");
            let waits =
                matches!(found, Outcome::Later(_, Some(after)) if after == Duration::from_secs(7));
            assert_eq!(waits, later, "{status}");
        }
    }

    #[test]
    fn bodies_are_lines_or_an_array() {
        let sent = |text: &str| Sent {
            index: 0,
            text: text.into(),
        };
        let records = [sent("1"), sent("{}")];
        assert_eq!(body(&records, Format::Lines), b"1\n{}\n");
        assert_eq!(body(&records, Format::Array), b"[1,{}]");
    }

    #[test]
    fn without_a_host_nothing_is_sent() {
        let mut task = SinkDriver::start::<HttpSink>(&[("http.url", "http://h:1/")]).unwrap();
        let failed = task.put(&[Record::new("t", "a\nb")]).unwrap();
        assert_eq!(failed.len(), 1);
        assert!(task.put(&[Record::new("t", "a")]).is_err());
    }
}
