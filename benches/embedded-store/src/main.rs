//! Compares stores for the embedded log: SQLite, which it uses, redb and fjall.
//!
//! The access pattern is the log's (`runtime/broker/src/embedded/records.rs`): one chunk of records and the state of its
//! partition per write, in one atomic step; chunks are read one after another by their keys. Settings are in one
//! file per store. Results and what follows from them are in `docs/adr/0002-embedded-store.md`.
//!
//! ```sh
//! cd benches/embedded-store
//! cargo run --release -- FOLDER [--records N] [--few N] [--rounds N] [--stores NAME,NAME]
//! ```
//!
//! FOLDER should be on a disk, not in memory. Stores take turns in each round. All figures per record are of values
//! of 106 bytes. CPU is user and system time of all threads, until the store is closed; the clock stops before that.
//! Disk space is in bytes per byte of values.
//!
//! What one store adds to a build: `cargo build --release --no-default-features --features redb`, against none.

// A build without a store is for its size only.
#![cfg_attr(
    not(all(feature = "fjall", feature = "redb", feature = "sqlite")),
    allow(dead_code)
)]

mod chunk;
mod figures;
#[cfg(feature = "fjall")]
mod fjall_store;
#[cfg(feature = "redb")]
mod redb_store;
mod rounds;
#[cfg(feature = "sqlite")]
mod sqlite_store;
mod store;
mod table;
mod usage;
mod workload;

use std::path::Path;

use rounds::Plan;
use store::{Durability, NAMES, Result};

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let texts: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match texts.as_slice() {
        // How this program starts itself.
        ["--workload", workload, store, durability, folder, records] => {
            let durability = Durability::parse(durability)?;
            let folder = Path::new(folder);
            let found = workload::run(workload, store, durability, folder, records.parse()?)?;
            print!("{found}");
        }
        [folder, options @ ..] => println!("{}", rounds::measure(&plan(folder, options)?)?),
        [] => return Err("a folder is wanted, in which the stores are made".into()),
    }
    Ok(())
}

fn plan(folder: &str, options: &[&str]) -> Result<Plan> {
    let mut plan = Plan {
        folder: folder.into(),
        records: 4_000_000,
        records_few: 100_000,
        rounds: 3,
        stores: NAMES.map(str::to_owned).into(),
    };
    for option in options.chunks(2) {
        match option {
            ["--records", value] => plan.records = value.parse()?,
            ["--few", value] => plan.records_few = value.parse()?,
            ["--rounds", value] => plan.rounds = value.parse()?,
            ["--stores", value] => plan.stores = value.split(',').map(str::to_owned).collect(),
            _ => return Err(format!("{option:?} is not understood").into()),
        }
    }
    Ok(plan)
}
