//! A component with one predicate.

use tidegate_sdk::prelude::*;

/// Whether the value is a text that begins with `prefix`.
struct BeginsWith {
    prefix: String,
}

impl Predicate for BeginsWith {
    fn describe() -> Description {
        Description::new("test.BeginsWith")
            .version(env!("CARGO_PKG_VERSION"))
            .config(ConfigDef::new().required(
                "prefix",
                Type::Text,
                Importance::High,
                "What the value begins with.",
            ))
    }

    fn configure(config: &Config) -> Result<Self> {
        Ok(Self {
            prefix: config.required("prefix")?.to_owned(),
        })
    }

    fn test(&mut self, record: &Record) -> Result<bool> {
        Ok(matches!(&record.value, Value::String(text) if text.starts_with(&self.prefix)))
    }
}

tidegate_sdk::export! { predicates: [BeginsWith] }
