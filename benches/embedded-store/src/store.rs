//! What the embedded log asks of a store, and the stores that are compared.

use std::error::Error;
use std::path::Path;

use crate::chunk::State;
#[cfg(feature = "fjall")]
use crate::fjall_store::{self, Rotation};
#[cfg(feature = "redb")]
use crate::redb_store;
#[cfg(feature = "sqlite")]
use crate::sqlite_store;

/// Any failure; this is a program for developers.
pub type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// What an acknowledged write survives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// The end of the process, even by `kill -9`. The caller brings it to the disk once a second.
    Process,
    /// A power failure too: it is on the disk before it is acknowledged.
    Disk,
}

impl Durability {
    /// Its name between processes.
    pub fn name(self) -> &'static str {
        match self {
            Self::Process => "process",
            Self::Disk => "disk",
        }
    }

    /// From its name.
    pub fn parse(name: &str) -> Result<Self> {
        let all = [Self::Process, Self::Disk];
        let found = all.into_iter().find(|other| other.name() == name);
        Ok(found.ok_or_else(|| format!("there is no durability {name}"))?)
    }
}

/// A store as the log of one partition uses it.
pub trait Store {
    /// Writes a chunk and the partition's state, both or neither.
    fn append(&mut self, base: i64, chunk: &[u8], state: State) -> Result<()>;

    /// Removes chunks, writes one, and the partition's state, as compaction does; all or nothing.
    fn replace(&mut self, removed: &[i64], base: i64, chunk: &[u8], state: State) -> Result<()>;

    /// Copies the chunk that begins at `base` into a buffer; says whether there is one.
    fn read(&mut self, base: i64, into: &mut Vec<u8>) -> Result<bool>;

    /// The partition's state; `None` when nothing was written.
    fn state(&mut self) -> Result<Option<State>>;

    /// Brings all that was written to the disk.
    fn sync(&mut self) -> Result<()>;
}

/// The stores that are compared, by the names on the command line.
pub const NAMES: [&str; 4] = ["fjall", "fjall-bounded", "redb", "sqlite"];
/// redb with `Durability::None`, which only the test with `kill -9` runs.
pub const REDB_NONE: &str = "redb-none";

/// Opens a store by its name.
pub fn open(name: &str, folder: &Path, durability: Durability) -> Result<Box<dyn Store>> {
    std::fs::create_dir_all(folder)?;
    match name {
        #[cfg(feature = "fjall")]
        "fjall" => Ok(Box::new(fjall_store::open(
            folder,
            durability,
            Rotation::ByWorker,
        )?)),
        #[cfg(feature = "fjall")]
        "fjall-bounded" => Ok(Box::new(fjall_store::open(
            folder,
            durability,
            Rotation::ByWriter,
        )?)),
        #[cfg(feature = "redb")]
        "redb" => Ok(Box::new(redb_store::open(folder, durability)?)),
        #[cfg(feature = "redb")]
        REDB_NONE => Ok(Box::new(redb_store::open_without_durability(folder)?)),
        #[cfg(feature = "sqlite")]
        "sqlite" => Ok(Box::new(sqlite_store::open(folder, durability)?)),
        _ => Err(format!("{name} ({durability:?}) is not in this build").into()),
    }
}

/// The key of a chunk of the one partition: topic, partition, base offset.
pub fn chunk_key(base: i64) -> [u8; 16] {
    let mut key = [0; 16];
    key[3] = 1;
    key[8..].copy_from_slice(&base.to_be_bytes());
    key
}

/// The key of the partition's state.
pub const STATE_KEY: &[u8] = &[b'p', 0, 0, 0, 1, 0, 0, 0, 0];
