//! `tidegate topics`: topics with their partitions and records.

use serde_json::{Value, json};
use tidegate_broker::TopicDescription;

use crate::args::TopicsArguments;
use crate::failure::Failure;
use crate::output::{line, number, table};
use crate::runtime;

/// Lists topics.
pub fn run(arguments: &TopicsArguments) -> Result<(), Failure> {
    let admin = runtime::named_broker(&arguments.broker)?.admin();
    let names = admin.topics(arguments.internal)?;
    let topics: Vec<TopicDescription> = names
        .iter()
        .map(|name| admin.describe(name))
        .collect::<Result<_, _>>()?;
    if arguments.json {
        let topics: Vec<Value> = topics.iter().map(as_json).collect();
        return Ok(line(&Value::from(topics).to_string())?);
    }
    let row = |topic: &TopicDescription| {
        [
            topic.name.to_string(),
            topic.partitions.to_string(),
            number(records(topic)),
        ]
    };
    Ok(table(
        ["topic", "partitions", "offsets in use"],
        topics.iter().map(row).collect(),
        1,
    )?)
}

/// The offsets between first and end: compaction and transactions may have left fewer records.
fn records(topic: &TopicDescription) -> u64 {
    topic
        .offsets
        .iter()
        .map(|(first, end)| end.saturating_sub(*first).unsigned_abs())
        .sum()
}

fn as_json(topic: &TopicDescription) -> Value {
    let partition = |(number, (first, end)): (usize, &(i64, i64))| json!({ "partition": number, "first_offset": first, "end_offset": end });
    json!({
        "name": topic.name.as_str(),
        "partitions": topic.offsets.iter().enumerate().map(partition).collect::<Vec<_>>(),
    })
}
