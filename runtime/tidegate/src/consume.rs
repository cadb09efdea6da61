//! `tidegate consume`: the records of a topic, as lines or as JSON.
//!
//! | what | as a line | with `--json` |
//! | --- | --- | --- |
//! | UTF-8 | as it is | `key`, `value` with the text |
//! | other bytes | as they are | `key_hex`, `value_hex` with base16 instead |
//! | null | `(null)` | `null` |

use std::io::Write;
use std::time::Duration;

use serde_json::{Value, json};
use tidegate_broker::{Broker, BrokerError, TopicDescription};
use tidegate_model::{Batch, TopicName};

use crate::args::ConsumeArguments;
use crate::failure::Failure;
use crate::runtime;

/// The most records of one read.
const READ_RECORDS_MAX: usize = 2_000;
/// How long a read waits before the end of the topic is believed.
const READ_WAIT: Duration = Duration::from_millis(500);
/// How a line says that there is no value.
const TOMBSTONE: &[u8] = b"(null)";

/// Prints records.
pub fn run(arguments: &ConsumeArguments) -> Result<(), Failure> {
    let topic =
        TopicName::parse(&arguments.topic).map_err(|error| Failure::Usage(error.to_string()))?;
    let broker = runtime::named_broker(&arguments.broker)?;
    let ends: Vec<i64> = described(broker.as_ref(), &topic)?
        .offsets
        .into_iter()
        .map(|(_, end)| end)
        .collect();
    let mut reader = broker.reader(&topic)?;
    let mut left = arguments.max.unwrap_or(u64::MAX);
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    while left > 0 {
        let at_end = reader.positions().iter().all(|(partition, position)| {
            let end = usize::try_from(partition.partition)
                .ok()
                .and_then(|number| ends.get(number));
            end.is_none_or(|end| position >= end)
        });
        if at_end && !arguments.follow {
            break;
        }
        let batch = reader.read(READ_RECORDS_MAX, READ_WAIT)?;
        let take = usize::try_from(left).unwrap_or(usize::MAX).min(batch.len());
        let printed = print(&batch, take, arguments.json, &mut out).and_then(|()| out.flush());
        match printed {
            // The reader went away, as `head` does.
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => return Ok(()),
            printed => printed?,
        }
        left -= take as u64;
    }
    Ok(())
}

fn described(broker: &dyn Broker, topic: &TopicName) -> Result<TopicDescription, Failure> {
    broker.admin().describe(topic).map_err(|error| match error {
        BrokerError::UnknownTopic(_) => Failure::Usage(format!(
            "the topic {topic} does not exist; `tidegate topics` lists those that do"
        )),
        error => error.into(),
    })
}

fn print(batch: &Batch, take: usize, as_json: bool, out: &mut impl Write) -> std::io::Result<()> {
    let mut headers = batch.headers.keys.iter().zip(batch.headers.values.iter());
    for (row, (key, value)) in batch
        .iter_keys()
        .zip(batch.iter_values())
        .enumerate()
        .take(take)
    {
        if !as_json {
            out.write_all(value.unwrap_or(TOMBSTONE))?;
            out.write_all(b"\n")?;
            continue;
        }
        let count = batch
            .headers
            .counts
            .get(row)
            .map_or(0, |count| *count as usize);
        let headers: Vec<Value> = headers
            .by_ref()
            .take(count)
            .map(|(name, value)| fields([named("key", name), named("value", value)]))
            .collect();
        let record = fields([
            ("topic", json!(batch.topic(row))),
            ("partition", json!(batch.partition(row))),
            ("offset", json!(batch.offsets.get(row))),
            ("timestamp", json!(batch.timestamp(row))),
            named("key", key),
            named("value", value),
            ("headers", headers.into()),
        ]);
        writeln!(out, "{record}")?;
    }
    Ok(())
}

/// `key` or `value` with its text, or `key_hex` or `value_hex` with what is no text.
fn named(name: &'static str, bytes: Option<&[u8]>) -> (&'static str, Value) {
    let Some(bytes) = bytes else {
        return (name, Value::Null);
    };
    match std::str::from_utf8(bytes) {
        Ok(text) => (name, text.into()),
        Err(_) => {
            let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            let name = if name == "key" {
                "key_hex"
            } else {
                "value_hex"
            };
            (name, hex.into())
        }
    }
}

fn fields<const N: usize>(pairs: [(&'static str, Value); N]) -> Value {
    let own = |(name, value): (&str, Value)| (name.to_owned(), value);
    Value::Object(pairs.into_iter().map(own).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_that_are_no_text_are_told_apart_from_text_and_from_nothing() {
        let wanted = [
            (Some(b"a".as_slice()), json!({ "key": "a" })),
            (Some(b"".as_slice()), json!({ "key": "" })),
            (Some(b"\xff\x00".as_slice()), json!({ "key_hex": "ff00" })),
            (None, json!({ "key": null })),
        ];
        for (bytes, json) in wanted {
            assert_eq!(fields([named("key", bytes)]), json);
        }
    }
}
