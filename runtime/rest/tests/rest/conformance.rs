//! Kafka Connect's own answers, as recorded of a standalone worker, against this server with a stand-in herder:
//! status codes, shapes, and the words of errors.

use crate::support::{Fake, send, start};
use serde_json::Value;
use tidegate_rest::limits::Limits;

/// Whether two answers have the same keys and types. Lists are compared by their first items.
fn same_shape(wanted: &Value, found: &Value) -> bool {
    match (wanted, found) {
        (Value::Object(wanted), Value::Object(found)) => {
            wanted.len() == found.len()
                && wanted.iter().all(|(key, value)| {
                    found.get(key).is_some_and(|found| same_shape(value, found))
                })
        }
        (Value::Array(wanted), Value::Array(found)) => match (wanted.first(), found.first()) {
            (Some(wanted), Some(found)) => same_shape(wanted, found),
            (None, None) => true,
            _ => false,
        },
        _ => std::mem::discriminant(wanted) == std::mem::discriminant(found),
    }
}

#[tokio::test]
async fn answers_are_those_of_kafka_connect() {
    let server = start(Fake::default(), Limits::default()).await;
    let mut wrong = Vec::new();
    for line in include_str!("golden/rest-standalone.jsonl").lines() {
        let step: Value = serde_json::from_str(line).unwrap();
        let text = |key: &str| step[key].as_str().unwrap_or_default();
        let body = match (&step["raw_body"], &step["body"]) {
            (Value::String(raw), _) => Some(raw.clone()),
            (_, Value::Null) => None,
            (_, body) => Some(body.to_string()),
        };
        let headers: Vec<(&str, &str)> = step["request_headers"]
            .as_object()
            .into_iter()
            .flatten()
            .map(|(name, value)| (name.as_str(), value.as_str().unwrap()))
            .collect();
        let answer = send(
            server.address,
            text("method"),
            text("path"),
            &headers,
            body.as_deref(),
        )
        .await;
        let wanted = &step["response"];
        let mut fault = |what: &str| wrong.push(format!("{}: {what}: {answer:?}", text("name")));
        if step["status"] != answer.status {
            fault(&format!("status {} is wanted", step["status"]));
        }
        if !same_shape(wanted, &answer.json()) {
            fault(&format!("the shape of {wanted} is wanted"));
        }
        if answer.status >= 400 && wanted["message"] != answer.json()["message"] {
            fault(&format!("{} is wanted", wanted["message"]));
        }
        if let Some(location) = step["location"].as_str() {
            let wanted = location.replace("BASE", "http://tidegate.test");
            if answer.header("location") != Some(wanted) {
                fault(location);
            }
        }
        if let Some(allow) = step["allow"].as_str()
            && answer.header("allow").as_deref() != Some(allow)
        {
            fault(allow);
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
