//! `InsertHeader`: adds a header with a fixed value, whose type is guessed.

use tidegate_java::values;
use tidegate_sdk::prelude::*;
use tidegate_sdk::{HeaderEdit, NO_SCHEMA, TransformBatch};

use crate::side::PACKAGE;

/// The transform.
#[derive(Debug)]
pub struct InsertHeader {
    name: String,
    /// The encoded value.
    value: Vec<u8>,
    /// Its encoded schema.
    schema: Option<Vec<u8>>,
}

impl Transform for InsertHeader {
    fn describe() -> Description {
        let definition = ConfigDef::new()
            .required(
                "header",
                Type::Text,
                Importance::High,
                "The name of the header.",
            )
            .required(
                "value.literal",
                Type::Text,
                Importance::High,
                "The literal value that is to be set as the header value on all records.",
            );
        Description::new(format!("{PACKAGE}InsertHeader"))
            .version(env!("CARGO_PKG_VERSION"))
            .documentation("Add a header to each record.")
            .config(definition)
    }

    fn configure(config: &Config) -> Result<Self> {
        let parsed = values::parse(config.required("value.literal")?);
        let schema = parsed.as_ref().and_then(|parsed| parsed.schema.as_ref());
        Ok(Self {
            name: config.required("header")?.to_owned(),
            schema: schema.map(Schema::to_encoded),
            value: parsed
                .map_or(Value::Null, |parsed| parsed.value)
                .to_encoded(),
        })
    }

    fn reads(&self) -> Reads {
        Reads::HEADERS
    }

    fn apply_batch(&mut self, batch: &mut TransformBatch) -> Result<()> {
        let (name, value, schema) = (&self.name, &self.value, self.schema.as_deref());
        let mut index = None;
        batch.rewrite_headers(|_, headers, schemas, out| {
            let index = *index
                .get_or_insert_with(|| schema.map_or(NO_SCHEMA, |schema| schemas.index(schema)));
            out.keep_all(headers);
            out.push(name, Some(value), index);
            Ok(HeaderEdit::Written)
        });
        Ok(())
    }
}
