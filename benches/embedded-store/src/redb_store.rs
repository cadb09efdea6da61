//! redb.
//!
//! redb 4 has two durabilities. `Immediate` syncs in each commit. `None` keeps the commit in the process's memory,
//! so it is lost with the process. What survives the process without a sync per write is not offered; here it is
//! `Immediate` on a file whose syncs are left out ([`UnsyncedFile`]). All pages then reach the operating system in
//! each commit. After a power failure such a file may be broken as a whole, not only lack its end: redb writes
//! over pages that it freed, and counts on the sync in between. So that setting promises less than the others.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::Path;

use redb::backends::FileBackend;
use redb::{
    Builder, Database, Durability as Commit, ReadableDatabase, StorageBackend, TableDefinition,
    WriteTransaction,
};

use crate::chunk::State;
use crate::store::{Durability, Result, STATE_KEY, Store, chunk_key};

const RECORDS: TableDefinition<&[u8; 16], &[u8]> = TableDefinition::new("records");
const META: TableDefinition<&[u8], &[u8]> = TableDefinition::new("meta");
const CACHE_BYTES: usize = 8 * 1024 * 1024;

/// A redb database.
pub struct RedbStore {
    database: Database,
    commit: Commit,
    /// The same file once more, to sync it.
    file: File,
}

/// Opens or makes a database.
pub fn open(folder: &Path, durability: Durability) -> Result<RedbStore> {
    let file = file(folder)?;
    let backend = FileBackend::new(file.try_clone()?)?;
    let mut builder = Builder::new();
    builder.set_cache_size(CACHE_BYTES);
    let database = match durability {
        Durability::Process => builder.create_with_backend(UnsyncedFile(backend))?,
        Durability::Disk => builder.create_with_backend(backend)?,
    };
    let tables = database.begin_write()?;
    tables.open_table(RECORDS)?;
    tables.open_table(META)?;
    tables.commit()?;
    Ok(RedbStore {
        database,
        commit: Commit::Immediate,
        file,
    })
}

/// The same with `Durability::None`, to see what that loses.
pub fn open_without_durability(folder: &Path) -> Result<RedbStore> {
    let store = open(folder, Durability::Disk)?;
    Ok(RedbStore {
        commit: Commit::None,
        ..store
    })
}

fn file(folder: &Path) -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(folder.join("log.redb"))
}

impl RedbStore {
    fn begin(&self, commit: Commit) -> Result<WriteTransaction> {
        let mut transaction = self.database.begin_write()?;
        transaction.set_durability(commit)?;
        Ok(transaction)
    }
}

impl Store for RedbStore {
    fn append(&mut self, base: i64, chunk: &[u8], state: State) -> Result<()> {
        self.replace(&[], base, chunk, state)
    }

    fn replace(&mut self, removed: &[i64], base: i64, chunk: &[u8], state: State) -> Result<()> {
        let transaction = self.begin(self.commit)?;
        {
            let mut records = transaction.open_table(RECORDS)?;
            for base in removed {
                records.remove(&chunk_key(*base))?;
            }
            records.insert(&chunk_key(base), chunk)?;
            let mut meta = transaction.open_table(META)?;
            meta.insert(STATE_KEY, state.encode().as_slice())?;
        }
        Ok(transaction.commit()?)
    }

    fn read(&mut self, base: i64, into: &mut Vec<u8>) -> Result<bool> {
        let records = self.database.begin_read()?.open_table(RECORDS)?;
        let chunk = records.get(&chunk_key(base))?;
        into.clear();
        into.extend_from_slice(chunk.as_ref().map_or(&[], |chunk| chunk.value()));
        Ok(chunk.is_some())
    }

    fn state(&mut self) -> Result<Option<State>> {
        let meta = self.database.begin_read()?.open_table(META)?;
        let bytes = meta.get(STATE_KEY)?;
        Ok(bytes.and_then(|bytes| State::decode(bytes.value())))
    }

    fn sync(&mut self) -> Result<()> {
        match self.commit {
            Commit::None => Ok(self.begin(Commit::Immediate)?.commit()?),
            _ => Ok(self.file.sync_data()?),
        }
    }
}

/// A file that is written at once and synced only by [`RedbStore::sync`].
#[derive(Debug)]
struct UnsyncedFile(FileBackend);

impl StorageBackend for UnsyncedFile {
    fn len(&self) -> io::Result<u64> {
        self.0.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.0.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.0.write(offset, data)
    }

    fn close(&self) -> io::Result<()> {
        self.0.close()
    }
}
