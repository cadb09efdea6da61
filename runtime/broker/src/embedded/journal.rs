//! Cuts what a power failure left half written at the end of the store's journal.
//!
//! The store cuts an incomplete end by itself, but not one of which some pages reached the disk and others did
//! not: then it fails, or worse. So the newest journal is checked before the store reads it, and cut after its
//! last whole write. What is cut off is kept in a file beside it. Older journals were brought to the disk
//! before the newest was begun; damage there is not a torn tail and is left to the store to refuse.
//!
//! A journal of fjall 3 is a row of writes: `1`, the number of items (u32), a sequence number (u64); the items;
//! `3`, the xxh3 of the items (u64), `FJL3`. An item is `2`, a kind, a compression, a keyspace (u64), the sizes
//! of key (u16), value (u32) and stored value (u32), key and stored value; or `4` and a keyspace (u64). Zeros
//! follow, since the file is made in one piece. A test writes a journal and sees that nothing is cut.

use std::fs::{File, OpenOptions};
use std::io::{self, BufReader, ErrorKind, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use xxhash_rust::xxh3::Xxh3;

/// The end of a write.
const TRAILER: &[u8; 4] = b"FJL\x03";
/// The most bytes of a torn tail that are kept.
const KEPT_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// What was cut off.
#[derive(Debug, PartialEq, Eq)]
pub struct TornTail {
    /// How many bytes of the journal are whole.
    pub whole: u64,
    /// How many bytes were cut off.
    pub cut: u64,
    /// Where they are kept.
    pub kept: PathBuf,
}

/// Checks the newest journal of a folder that nobody uses now, and cuts off its torn tail if it has one.
///
/// # Errors
/// When the files cannot be read or written.
pub fn cut_torn_tail(folder: &Path) -> io::Result<Option<TornTail>> {
    let Some(journal) = newest(folder)? else {
        return Ok(None);
    };
    let mut reader = BufReader::with_capacity(256 * 1024, File::open(&journal)?);
    let whole = whole_bytes(&mut reader)?;
    reader.seek(SeekFrom::Start(whole))?;
    let torn = bytes_that_are_not_zero(&mut reader)?;
    // A journal without one whole write may be of a format that this module does not know.
    if torn == 0 || (whole == 0 && !begins_a_write(&mut reader)?) {
        return Ok(None);
    }
    let kept = folder.join(format!("torn-tail-{whole}.bytes"));
    reader.seek(SeekFrom::Start(whole))?;
    let mut tail = reader.take(torn.min(KEPT_BYTES_MAX));
    let mut copy = File::create(&kept)?;
    io::copy(&mut tail, &mut copy)?;
    copy.sync_all()?;
    let file = OpenOptions::new().write(true).open(&journal)?;
    file.set_len(whole)?;
    file.sync_all()?;
    Ok(Some(TornTail {
        whole,
        cut: torn,
        kept,
    }))
}

/// The journal with the highest number.
fn newest(folder: &Path) -> io::Result<Option<PathBuf>> {
    let mut newest: Option<(u64, PathBuf)> = None;
    for entry in folder.read_dir()? {
        let path = entry?.path();
        let stem = path.file_stem().and_then(|stem| stem.to_str());
        let number = stem.and_then(|stem| stem.parse().ok());
        if let (Some(number), Some("jnl")) = (number, path.extension().and_then(|end| end.to_str()))
            && newest.as_ref().is_none_or(|(other, _)| number > *other)
        {
            newest = Some((number, path));
        }
    }
    Ok(newest.map(|(_, path)| path))
}

/// The bytes of the whole writes at the beginning.
fn whole_bytes(reader: &mut impl Read) -> io::Result<u64> {
    let mut whole = 0;
    let mut item = Vec::new();
    loop {
        match write_bytes(reader, &mut item) {
            Ok(Some(bytes)) => whole += bytes,
            Ok(None) => return Ok(whole),
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(whole),
            Err(error) => return Err(error),
        }
    }
}

/// The bytes of the next write; `None` when it is not whole.
fn write_bytes(reader: &mut impl Read, item: &mut Vec<u8>) -> io::Result<Option<u64>> {
    let start: [u8; 13] = array(reader)?;
    let [1, count @ .., _, _, _, _, _, _, _, _] = start else {
        return Ok(None);
    };
    let mut bytes = start.len() as u64;
    let mut hash = Xxh3::new();
    for _ in 0..u32::from_le_bytes(count) {
        item.clear();
        let [tag] = array(reader)?;
        item.push(tag);
        match tag {
            2 => {
                let head: [u8; 20] = array(reader)?;
                item.extend_from_slice(&head);
                let [.., k0, k1, _, _, _, _, v0, v1, v2, v3] = head;
                let key = u64::from(u16::from_le_bytes([k0, k1]));
                let value = u64::from(u32::from_le_bytes([v0, v1, v2, v3]));
                if reader.take(key + value).read_to_end(item)? as u64 != key + value {
                    return Ok(None);
                }
            }
            4 => item.extend_from_slice(&array::<8>(reader)?),
            _ => return Ok(None),
        }
        hash.update(item);
        bytes += item.len() as u64;
    }
    let [tag] = array(reader)?;
    let found = u64::from_le_bytes(array(reader)?);
    let trailer: [u8; 4] = array(reader)?;
    let is_whole = tag == 3 && found == hash.digest() && trailer == *TRAILER;
    Ok(is_whole.then_some(bytes + 13))
}

fn array<const N: usize>(reader: &mut impl Read) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    reader.read_exact(&mut bytes)?;
    Ok(bytes)
}

/// How many bytes there are up to the last that is not zero.
fn bytes_that_are_not_zero(reader: &mut impl Read) -> io::Result<u64> {
    let mut part = vec![0; 256 * 1024];
    let (mut read, mut last) = (0, 0);
    loop {
        let count = reader.read(&mut part)?;
        if count == 0 {
            return Ok(last);
        }
        let part = part.get(..count).unwrap_or_default();
        if let Some(at) = part.iter().rposition(|byte| *byte != 0) {
            last = read + at as u64 + 1;
        }
        read += count as u64;
    }
}

fn begins_a_write(reader: &mut (impl Read + Seek)) -> io::Result<bool> {
    reader.seek(SeekFrom::Start(0))?;
    let [tag] = array(reader)?;
    Ok(tag == 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use fjall::{Database, KeyspaceCreateOptions};

    #[test]
    fn nothing_is_cut_from_a_journal_of_the_store() {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::builder(folder.path()).open().unwrap();
        let keyspace = database
            .keyspace("k", KeyspaceCreateOptions::default)
            .unwrap();
        for number in 0..200_u32 {
            let mut batch = database.batch();
            for key in 0..number % 4 {
                batch.insert(&keyspace, key.to_be_bytes(), vec![7; number as usize * 97]);
            }
            batch.remove(&keyspace, number.to_be_bytes());
            batch.commit().unwrap();
            keyspace.insert("one", "").unwrap();
        }
        drop((keyspace, database));
        assert_eq!(cut_torn_tail(folder.path()).unwrap(), None);
        let journal = newest(folder.path()).unwrap().unwrap();
        let whole = whole_bytes(&mut File::open(&journal).unwrap()).unwrap();
        assert!(whole > 100_000, "{whole}");
    }

    #[test]
    fn a_file_of_another_format_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("3.jnl"), [9; 100]).unwrap();
        assert_eq!(cut_torn_tail(folder.path()).unwrap(), None);
    }
}
