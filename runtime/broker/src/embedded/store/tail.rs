//! Says when the end of a write-ahead log was cut off.
//!
//! A write-ahead log that is there when a log is opened was not closed. SQLite takes it up to its last whole
//! transaction and says nothing of the rest. The rest is a write that the end of the process cut short, which nobody was
//! told was there; or, after a power failure or damage, writes that were acknowledged. It is told, and kept in a file
//! when the end of a transaction is in it.
//!
//! The format is SQLite's (<https://sqlite.org/walformat.html>): a head of 32 bytes with the size of pages and two
//! salts; then a head of 24 bytes and a page, again and again. The head of a page has the salts of the file, or of an
//! earlier use of it, and is not zero in its second number when a transaction ends there.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use rusqlite::Connection;

use super::super::maintenance::now_ms;
use super::failure;
use crate::BrokerError;

const HEAD_BYTES: u64 = 32;
const PAGE_HEAD_BYTES: u64 = 24;

/// What SQLite left out.
#[derive(Debug, Default, PartialEq, Eq)]
struct Tail {
    /// Where it begins.
    start: u64,
    /// Where its last page ends.
    end: u64,
    /// How many transactions end in it.
    transactions: u32,
}

/// Looks at the write-ahead log of a database that was just opened, and tells what SQLite left out.
///
/// # Errors
/// When its beginning is damaged, so that SQLite left out all of it; or it cannot be read.
pub fn report(folder: &Path, wal: &Path, connection: &Connection) -> Result<(), BrokerError> {
    let whole_pages = connection.query_row("PRAGMA wal_checkpoint(NOOP)", [], |row| row.get(1));
    let whole_pages: i64 = whole_pages.map_err(|error| failure::at(wal, &error))?;
    let failed = |error: io::Error| failure::io(wal, &error);
    let mut file = File::open(wal).map_err(failed)?;
    let Some(head) = Head::read(&file).map_err(failed)? else {
        return Ok(());
    };
    if !head.is_whole() {
        return Err(BrokerError::Damaged {
            file: wal.to_owned(),
            found: "its head has a wrong checksum".to_owned(),
        });
    }
    let whole_pages = u64::try_from(whole_pages).unwrap_or(0);
    let tail = tail(&file, &head, whole_pages).map_err(failed)?;
    if tail.end == 0 {
        return Ok(());
    }
    let kept = match tail.transactions {
        0 => None, // Not whole, so nobody was told that it was there.
        _ => Some(keep(folder, &mut file, &tail).map_err(failed)?),
    };
    tracing::warn!(
        folder = %folder.display(),
        writes = tail.transactions,
        kept = kept.map(|path| path.display().to_string()),
        "the log ended in a write that is not whole, as after a kill or a power failure; it was cut off"
    );
    Ok(())
}

/// The beginning of a write-ahead log, as numbers.
struct Head([u32; 8]);

impl Head {
    /// `None` when nothing follows it.
    fn read(file: &File) -> io::Result<Option<Self>> {
        if file.metadata()?.len() <= HEAD_BYTES {
            return Ok(None);
        }
        let mut bytes = [0; HEAD_BYTES as usize];
        file.read_exact_at(&mut bytes, 0)?;
        Ok(Some(Self(numbers(&bytes))))
    }

    fn page_bytes(&self) -> u64 {
        let [_, _, page_bytes, ..] = self.0;
        u64::from(page_bytes)
    }

    fn salts(&self) -> [u32; 2] {
        let [_, _, _, _, salts @ .., _, _] = self.0;
        salts
    }

    /// Whether the checksum is right. The numbers that are summed up are big-endian when the first is odd.
    fn is_whole(&self) -> bool {
        let [magic, .., first, second] = self.0;
        let (mut one, mut two) = (0_u32, 0_u32);
        for pair in self.0.as_chunks::<2>().0.iter().take(3) {
            let [a, b] = pair.map(|number| {
                if magic & 1 == 1 {
                    number
                } else {
                    number.swap_bytes()
                }
            });
            one = one.wrapping_add(a).wrapping_add(two);
            two = two.wrapping_add(b).wrapping_add(one);
        }
        (one, two) == (first, second) && self.page_bytes() > 0
    }
}

/// What is there after the pages that SQLite took.
fn tail(file: &File, head: &Head, whole_pages: u64) -> io::Result<Tail> {
    let page_bytes = PAGE_HEAD_BYTES + head.page_bytes();
    let file_bytes = file.metadata()?.len();
    let mut tail = Tail {
        start: HEAD_BYTES + whole_pages * page_bytes,
        ..Tail::default()
    };
    let mut at = tail.start;
    while at + PAGE_HEAD_BYTES <= file_bytes {
        let mut bytes = [0; 16];
        file.read_exact_at(&mut bytes, at)?;
        let [_, ends_transaction, salts @ ..] = numbers::<4>(&bytes);
        if salts == head.salts() {
            tail.end = (at + page_bytes).min(file_bytes);
            tail.transactions += u32::from(ends_transaction != 0);
        }
        at += page_bytes;
    }
    Ok(tail)
}

/// Copies a tail into a file of its own.
fn keep(folder: &Path, file: &mut File, tail: &Tail) -> io::Result<PathBuf> {
    let path = folder.join(format!("torn-tail-{}.bytes", now_ms()));
    let mut copy = File::create(&path)?;
    file.seek(SeekFrom::Start(tail.start))?;
    io::copy(&mut file.take(tail.end - tail.start), &mut copy)?;
    copy.sync_all()?;
    Ok(path)
}

/// Big-endian numbers.
fn numbers<const N: usize>(bytes: &[u8]) -> [u32; N] {
    let mut numbers = [0; N];
    for (number, bytes) in numbers.iter_mut().zip(bytes.as_chunks::<4>().0) {
        *number = u32::from_be_bytes(*bytes);
    }
    numbers
}
