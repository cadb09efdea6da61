//! A sink that appends each value to a file, after its own version. It traps at the value `poison for MAJOR`; version
//! 4 does not start.

use std::fs::{File, OpenOptions};
use std::hint::black_box;
use std::io::Write;

use tidegate_sdk::prelude::*;
use tidegate_sdk::rows;

/// The test makes further versions of this component by writing another digit here.
static VERSION: &str = "1.0.0-stranger";

pub struct Versioned;

impl SinkConnector for Versioned {
    type Task = VersionedTask;

    fn describe() -> Description {
        Description::new("com.example.VersionedSinkConnector")
            .version(black_box(VERSION))
            .documentation("Appends values to a file.")
            .config(
                ConfigDef::new()
                    .required("file", Type::Text, Importance::High, "Where to append")
                    .names(Names::WriteFile),
            )
    }

    fn task_configs(config: &Config, _: u32) -> Result<Vec<Config>> {
        if black_box(VERSION).starts_with('4') {
            return Err(Error::fatal("version 4 divides no work"));
        }
        Ok(vec![config.clone()])
    }
}

pub struct VersionedTask {
    file: File,
}

impl SinkTask for VersionedTask {
    fn start(config: &Config) -> Result<Self> {
        let path = config.get("file").unwrap_or_default();
        let file = OpenOptions::new().append(true).create(true).open(path);
        let file = file.map_err(|error| Error::fatal(error.to_string()))?;
        Ok(Self { file })
    }

    fn put(&mut self, batch: &Batch, _: &mut Failures) -> Result<()> {
        let version = black_box(VERSION);
        let major = version.split('.').next().unwrap_or_default();
        let poison = format!("poison for {major}");
        let mut lines = String::new();
        for row in rows(batch) {
            let value = row.value.map(Value::decode).transpose()?;
            if let Some(Value::String(text)) = value {
                assert!(text != poison, "this is poison");
                lines.push_str(&format!("{major} {text}\n"));
            }
        }
        self.file
            .write_all(lines.as_bytes())
            .map_err(|error| Error::fatal(error.to_string()))
    }
}

tidegate_sdk::export! { sources: [], sinks: [Versioned] }
