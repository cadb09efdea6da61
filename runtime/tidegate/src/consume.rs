//! `tidegate consume`: the records of a topic, as lines or as JSON.
//!
//! Bytes that are not UTF-8 are shown with U+FFFD in their place; `--json` has them in base16 beside.

use std::io::Write;
use std::time::Duration;

use serde_json::{Value, json};
use tidegate_model::{Batch, TopicName};

use crate::args::ConsumeArguments;
use crate::failure::Failure;
use crate::runtime;

/// The most records of one read.
const READ_RECORDS_MAX: usize = 2_000;
/// How long a read waits before the end of the topic is believed.
const READ_WAIT: Duration = Duration::from_millis(500);

/// Prints records.
pub fn run(arguments: &ConsumeArguments) -> Result<(), Failure> {
    let topic =
        TopicName::parse(&arguments.topic).map_err(|error| Failure::Usage(error.to_string()))?;
    let broker = runtime::named_broker(&arguments.broker)?;
    let ends: Vec<i64> = broker
        .admin()
        .describe(&topic)?
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

fn print(batch: &Batch, take: usize, as_json: bool, out: &mut impl Write) -> std::io::Result<()> {
    let mut headers = batch.headers.keys.iter().zip(batch.headers.values.iter());
    for (row, (key, value)) in batch
        .iter_keys()
        .zip(batch.iter_values())
        .enumerate()
        .take(take)
    {
        if as_json {
            let count = batch
                .headers
                .counts
                .get(row)
                .map_or(0, |count| *count as usize);
            let headers: Vec<Value> = headers
                .by_ref()
                .take(count)
                .map(|(name, value)| json!({ "key": text(name), "value": text(value) }))
                .collect();
            let mut record = json!({
                "topic": batch.topic(row),
                "partition": batch.partition(row),
                "offset": batch.offsets.get(row),
                "timestamp": batch.timestamp(row),
                "key": text(key),
                "value": text(value),
                "headers": headers,
            });
            if let (Some(bytes), Some(record)) = (
                value.filter(|v| std::str::from_utf8(v).is_err()),
                record.as_object_mut(),
            ) {
                record.insert(
                    "value_hex".to_owned(),
                    bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
                );
            }
            writeln!(out, "{record}")?;
        } else {
            out.write_all(value.unwrap_or(b"null"))?;
            out.write_all(b"\n")?;
        }
    }
    Ok(())
}

fn text(bytes: Option<&[u8]>) -> Value {
    bytes.map_or(Value::Null, |bytes| {
        String::from_utf8_lossy(bytes).into_owned().into()
    })
}
