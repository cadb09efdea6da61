//! A component with one transform, which makes none, one or many records of one.

use tidegate_sdk::prelude::*;

/// Makes of the value `go 2` the records `go 2.1` and `go 2.2`, of `go 0` none, and refuses what has no number.
struct Repeats;

impl Transform for Repeats {
    fn describe() -> Description {
        Description::new("test.Repeats").version(env!("CARGO_PKG_VERSION"))
    }

    fn configure(_: &Config) -> Result<Self> {
        Ok(Self)
    }

    fn apply(&mut self, record: Record) -> Result<Apply> {
        let Value::String(text) = &record.value else {
            return Err(Error::data("the value is no text"));
        };
        let times = text
            .rsplit(' ')
            .next()
            .and_then(|number| number.parse().ok());
        let times: u32 = times.ok_or_else(|| Error::data(format!("{text:?} has no number")))?;
        let copy = |number: u32| Record {
            value: Value::String(format!("{text}.{number}")),
            ..record.clone()
        };
        Ok(match times {
            0 => Apply::Drop,
            1 => Apply::Keep(copy(1)),
            _ => Apply::Many((1..=times).map(copy).collect()),
        })
    }
}

tidegate_sdk::export! { transforms: [Repeats] }
