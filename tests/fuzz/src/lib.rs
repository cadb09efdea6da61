//! Fuzz targets: functions that take any bytes, and panic when something that must always hold does not.
//!
//! | module | what it is given | what must hold |
//! | --- | --- | --- |
//! | [`value`] | encoded values and schemas, as from a guest | what passes the check reads and encodes as the same bytes; both checks agree |
//! | [`batch`] | batches, as from a guest | what passes the check can be divided and put together, and is then the same |
//! | [`json_converter`], [`avro_converter`], [`simple_converters`] | messages, values and schemas | what was read fits its schema and reads the same once written |
//! | [`config`] | text as properties, JSON and single values | what is stored of references gives the same again, no secret is in an error |
//! | [`transforms`] | chains of the sample transforms, records | outputs fit their schemas; a batch becomes what its records become |
//! | `component` | uploads | what is refused is refused in words that are safe to show |
//! | `rest_body` | requests | none is answered with 500; each error is Kafka Connect's JSON |
//!
//! [`input`] makes structured inputs of bytes, [`made_up`] values, schemas and records.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a target panics where something does not hold"
)]

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::LazyLock;

pub mod avro_converter;
pub mod batch;
#[cfg(feature = "host")]
pub mod component;
pub mod config;
mod converted;
pub mod input;
pub mod json_converter;
pub mod made_up;
#[cfg(feature = "host")]
pub mod rest_body;
pub mod simple_converters;
pub mod transforms;
pub mod value;

/// A target: its name, and what it does with an input.
pub type Target = (&'static str, fn(&[u8]));

/// All targets.
pub const TARGETS: &[Target] = &[
    ("value", value::run),
    ("batch", batch::run),
    ("json_converter", json_converter::run),
    ("avro_converter", avro_converter::run),
    ("simple_converters", simple_converters::run),
    ("config", config::run),
    ("transforms", transforms::run),
    #[cfg(feature = "host")]
    ("component", component::run),
    #[cfg(feature = "host")]
    ("rest_body", rest_body::run),
];

/// Runs a target under the fuzzer. Where `FUZZ_LAST` names a file, each input is written to it first: of a stack that overflows
/// nothing else is left.
pub fn run(target: fn(&[u8]), data: &[u8]) {
    static LAST: LazyLock<Option<File>> = LazyLock::new(|| {
        let path = std::env::var_os("FUZZ_LAST")?;
        Some(File::create(path).expect("FUZZ_LAST is a file"))
    });
    if let Some(file) = LAST.as_ref() {
        // Without making it anew: disks do that slowly.
        file.write_all_at(data, 0)
            .and_then(|()| file.set_len(data.len() as u64))
            .expect("FUZZ_LAST is written");
    }
    target(data);
}
