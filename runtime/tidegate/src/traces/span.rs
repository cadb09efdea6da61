//! A span, and its ids as W3C writes them.

use std::hash::{BuildHasher, RandomState};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use serde_json::{Value, json};
use tidegate_model::guest_text::clean;

/// The most bytes of an attribute that is a text.
const ATTRIBUTE_BYTES_MAX: usize = 512;

/// Where a span stands in its trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    pub trace: u128,
    pub span: u64,
    /// 0: it is the first of its trace here.
    pub parent: u64,
    pub sampled: bool,
}

/// A span that is over.
#[derive(Debug, Clone)]
pub struct Finished {
    pub place: Place,
    pub name: String,
    /// OTLP's number: 1 internal, 2 server.
    pub kind: u8,
    pub begun_ns: u64,
    pub ended_ns: u64,
    pub failed: bool,
    pub attributes: Vec<(&'static str, Attribute)>,
}

/// An attribute's value.
#[derive(Debug, Clone, PartialEq)]
pub enum Attribute {
    Text(String),
    Number(i64),
    Float(f64),
    Bool(bool),
}

impl Attribute {
    pub fn text(text: &str) -> Self {
        Self::Text(clean(text, ATTRIBUTE_BYTES_MAX).into_owned())
    }

    fn json(&self) -> Value {
        match self {
            Self::Text(text) => json!({"stringValue": text}),
            // OTLP's JSON writes 64 bits as a text.
            Self::Number(number) => json!({"intValue": number.to_string()}),
            Self::Float(number) => json!({"doubleValue": number}),
            Self::Bool(value) => json!({"boolValue": value}),
        }
    }
}

impl Place {
    /// A trace's first span; a part of all traces is sampled.
    pub fn first(ratio: f64) -> Self {
        let trace = (u128::from(random()) << 64) | u128::from(random());
        // The lower half is as random as the upper: the part of it below the ratio.
        let part = (trace as u64 >> 11) as f64 / (1_u64 << 53) as f64;
        Self {
            trace,
            span: random(),
            parent: 0,
            sampled: part < ratio,
        }
    }

    /// A span below this one.
    pub fn below(self) -> Self {
        Self {
            span: random(),
            parent: self.span,
            ..self
        }
    }

    /// A span below one of a caller, by the header `traceparent`.
    pub fn of_caller(header: &str) -> Option<Self> {
        let mut parts = header.split('-');
        let (version, trace, span, flags) =
            (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let hex = |text: &str, length: usize| {
            let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
            text.len() == length && text.bytes().all(is_hex)
        };
        let known = hex(version, 2) && version != "ff" && hex(trace, 32) && hex(span, 16);
        if !known || !hex(flags, 2) || (version == "00" && parts.next().is_some()) {
            return None;
        }
        let caller = Self {
            trace: u128::from_str_radix(trace, 16).ok()?,
            span: u64::from_str_radix(span, 16).ok()?,
            parent: 0,
            sampled: u8::from_str_radix(flags, 16).ok()? & 1 == 1,
        };
        (caller.trace != 0 && caller.span != 0).then(|| caller.below())
    }
}

impl Finished {
    /// As OTLP's JSON has it.
    pub fn json(&self) -> Value {
        let attributes: Vec<_> = self
            .attributes
            .iter()
            .map(|(key, value)| json!({"key": key, "value": value.json()}))
            .collect();
        let mut span = json!({
            "traceId": format!("{:032x}", self.place.trace),
            "spanId": format!("{:016x}", self.place.span),
            "name": self.name,
            "kind": self.kind,
            "startTimeUnixNano": self.begun_ns.to_string(),
            "endTimeUnixNano": self.ended_ns.to_string(),
            "attributes": attributes,
            "status": if self.failed { json!({"code": 2}) } else { json!({}) },
        });
        if self.place.parent != 0
            && let Some(fields) = span.as_object_mut()
        {
            let parent = format!("{:016x}", self.place.parent);
            fields.insert("parentSpanId".to_owned(), parent.into());
        }
        span
    }
}

/// A number that nobody can guess, never 0.
fn random() -> u64 {
    static KEY: LazyLock<RandomState> = LazyLock::new(RandomState::new);
    static COUNT: AtomicU64 = AtomicU64::new(0);
    KEY.hash_one(COUNT.fetch_add(1, Relaxed)).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_callers_span_is_the_one_above() {
        let header = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let place = Place::of_caller(header).unwrap();
        assert_eq!(place.trace, 0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736);
        assert_eq!((place.parent, place.sampled), (0x00f0_67aa_0ba9_02b7, true));
        for bad in [
            "",
            "00",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-x",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4BF92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-+bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        ] {
            assert_eq!(Place::of_caller(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_part_of_all_traces_is_sampled_with_all_their_spans() {
        assert!(Place::first(1.0).sampled && !Place::first(0.0).sampled);
        let sampled = (0..10_000).filter(|_| Place::first(0.25).sampled).count();
        assert!((2_200..2_800).contains(&sampled), "{sampled}");
        let first = Place::first(0.0);
        let below = first.below();
        assert_eq!(
            (below.trace, below.parent, below.sampled),
            (first.trace, first.span, false)
        );
    }
}
