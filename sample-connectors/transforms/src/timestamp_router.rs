//! `TimestampRouter`: gives records a topic made of theirs and their timestamp.

use tidegate_java::date_format::DateFormat;
use tidegate_sdk::TransformBatch;
use tidegate_sdk::model::short::append;
use tidegate_sdk::prelude::*;

use crate::date_pattern;
use crate::side::PACKAGE;

const TOPIC: &str = "${topic}";
const TIMESTAMP: &str = "${timestamp}";

/// The transform.
#[derive(Debug)]
pub struct TimestampRouter {
    topic_format: String,
    timestamp_format: DateFormat,
}

impl Transform for TimestampRouter {
    fn describe() -> Description {
        let definition = ConfigDef::new()
            .optional(
                "topic.format",
                Type::Text,
                "${topic}-${timestamp}",
                Importance::High,
                "Format string which can contain <code>${topic}</code> and <code>${timestamp}</code> as placeholders for the topic and timestamp, respectively.",
            )
            .optional(
                "timestamp.format",
                Type::Text,
                "yyyyMMdd",
                Importance::High,
                "Format string for the timestamp that is compatible with <code>java.text.SimpleDateFormat</code>.",
            );
        Description::new(format!("{PACKAGE}TimestampRouter"))
            .version(env!("CARGO_PKG_VERSION"))
            .documentation(
                "Update the record's topic field as a function of the original topic value and the record timestamp.<p/>This is mainly useful for sink connectors, since the topic field is often used to determine the equivalent entity name in the destination system(e.g. database table or search index name).",
            )
            .config(definition)
    }

    fn configure(config: &Config) -> Result<Self> {
        let key = "timestamp.format";
        Ok(Self {
            topic_format: config.required("topic.format")?.to_owned(),
            timestamp_format: date_pattern::compile(
                key,
                config.required(key)?,
                "TimestampRouter requires a SimpleDateFormat-compatible pattern",
            )?,
        })
    }

    fn reads(&self) -> Reads {
        Reads::NONE
    }

    fn apply_batch(&mut self, batch: &mut TransformBatch) -> Result<()> {
        // For each distinct topic the texts around its timestamps.
        let around = |topic: &String| -> Vec<String> {
            let format = self.topic_format.replace(TOPIC, topic);
            format.split(TIMESTAMP).map(str::to_owned).collect()
        };
        let texts: Vec<Vec<String>> = batch.batch().topics.iter().map(around).collect();
        let mut timestamp = Vec::new();
        batch.route(|row, name| {
            let moment = row.timestamp().ok_or_else(|| {
                Error::data(format_args!(
                    "Timestamp missing on record: topic {}, partition {}",
                    row.topic(),
                    row.partition()
                        .map_or("null".to_owned(), |partition| partition.to_string())
                ))
            })?;
            timestamp.clear();
            self.timestamp_format.print(moment, &mut timestamp);
            let mut between: &[u8] = &[];
            for text in texts.get(row.topic_index()).into_iter().flatten() {
                append(name, between);
                append(name, text.as_bytes());
                between = &timestamp;
            }
            Ok(())
        });
        Ok(())
    }
}
