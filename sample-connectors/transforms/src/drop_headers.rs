//! `DropHeaders`: removes headers by name.

use tidegate_sdk::prelude::*;
use tidegate_sdk::{HeaderEdit, TransformBatch};

use crate::distinct::some_distinct;
use crate::short::Named;
use crate::side::PACKAGE;

/// The transform.
#[derive(Debug)]
pub struct DropHeaders {
    dropped: Named<()>,
}

impl Transform for DropHeaders {
    fn describe() -> Description {
        Description::new(format!("{PACKAGE}DropHeaders"))
            .version(env!("CARGO_PKG_VERSION"))
            .documentation("Removes one or more headers from each record.")
            .config(ConfigDef::new().required(
                "headers",
                Type::List,
                Importance::High,
                "The name of the headers to be removed.",
            ))
    }

    fn configure(config: &Config) -> Result<Self> {
        let names = some_distinct(config, "headers")?;
        Ok(Self {
            dropped: names
                .iter()
                .map(|name| (name.as_bytes().to_vec(), ()))
                .collect(),
        })
    }

    fn reads(&self) -> Reads {
        Reads::HEADERS
    }

    fn apply_batch(&mut self, batch: &mut TransformBatch) -> Result<()> {
        let dropped = &self.dropped;
        batch.rewrite_headers(|_, headers, _, out| {
            let mut edit = HeaderEdit::Unchanged;
            for header in headers.iter() {
                if dropped.get(header.key).is_some() {
                    edit = HeaderEdit::Written;
                } else {
                    out.keep(header);
                }
            }
            Ok(edit)
        });
        Ok(())
    }
}
