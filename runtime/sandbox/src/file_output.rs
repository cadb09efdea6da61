//! Writing to files: done at once, on the thread that the guest's call runs on.
//!
//! wasmtime-wasi hands each write to a thread of a pool and has the guest wait for it, although calls run on
//! threads that may block: four changes of threads for 64 KiB. Here a write is over when it returns, as reading
//! is there too, and it may be larger.

use std::fs::File;
use std::io::{self, IoSlice};
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use bytes::Bytes;
use rustix::io::{Errno, ReadWriteFlags};
use wasmtime_wasi::async_trait;
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamError, StreamResult};

use crate::quota::Quota;

/// The most bytes of one write to a file.
const FILE_WRITE_BYTES_MAX: usize = 256 * 1024;

/// A file that a guest writes to.
pub(crate) struct FileOutput {
    /// `None`: a write failed, and nothing is written after it.
    file: Option<Arc<File>>,
    at: At,
    quota: Quota,
}

/// Where the next write goes.
#[derive(Debug, Clone, Copy)]
pub(crate) enum At {
    /// To the end of the file, wherever that is then.
    End,
    /// To this position.
    Position(u64),
}

impl FileOutput {
    pub(crate) fn new(file: Arc<File>, at: At, quota: Quota) -> Self {
        let file = Some(file);
        Self { file, at, quota }
    }
}

impl OutputStream for FileOutput {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        check_length(bytes.len(), FILE_WRITE_BYTES_MAX)?;
        let file = self.file.as_deref().ok_or(StreamError::Closed)?;
        let written = check_quota(&self.quota, file, self.at, bytes.len())
            .and_then(|()| write_all(file, &bytes, &mut self.at));
        written.map_err(|error| {
            self.file = None;
            StreamError::LastOperationFailed(error.into())
        })
    }

    fn flush(&mut self) -> StreamResult<()> {
        self.file.as_ref().map(|_| ()).ok_or(StreamError::Closed)
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        self.flush().map(|()| FILE_WRITE_BYTES_MAX)
    }
}

#[async_trait]
impl Pollable for FileOutput {
    async fn ready(&mut self) {}
}

/// Ends a guest that writes more than it was told that it may.
pub(crate) fn check_length(bytes: usize, bytes_max: usize) -> StreamResult<()> {
    if bytes > bytes_max {
        return Err(StreamError::trap(&format!(
            "a write of {bytes} bytes to a stream; check-write allows {bytes_max}"
        )));
    }
    Ok(())
}

/// Refuses a write that would make a file larger than there is room for.
pub(crate) fn check_quota(quota: &Quota, file: &File, at: At, bytes: usize) -> io::Result<()> {
    if !quota.is_limited() {
        return Ok(());
    }
    let bytes = bytes as u64;
    let growth = match at {
        At::End => bytes,
        At::Position(position) => position
            .saturating_add(bytes)
            .saturating_sub(file.metadata()?.len()),
    };
    if quota.take(growth) {
        Ok(())
    } else {
        Err(Errno::DQUOT.into())
    }
}

fn write_all(file: &File, bytes: &[u8], at: &mut At) -> io::Result<()> {
    let mut rest = bytes;
    while !rest.is_empty() {
        let written = match at {
            At::End => append(file, rest),
            At::Position(position) => file.write_at(rest, *position),
        };
        let written = match written {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => written,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        if let At::Position(position) = at {
            *position += written as u64;
        }
        rest = rest.get(written..).unwrap_or_default();
    }
    Ok(())
}

/// Appends in one step; where the file system cannot, at the end as it is just now.
fn append(file: &File, bytes: &[u8]) -> io::Result<usize> {
    match rustix::io::pwritev2(file, &[IoSlice::new(bytes)], 0, ReadWriteFlags::APPEND) {
        Err(Errno::NOSYS | Errno::NOTSUP) => file.write_at(bytes, file.metadata()?.len()),
        written => Ok(written?),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    fn file(folder: &tempfile::TempDir) -> Arc<File> {
        let path = folder.path().join("file");
        std::fs::write(&path, "0123").unwrap();
        let options = File::options().read(true).write(true).open(path);
        Arc::new(options.unwrap())
    }

    fn text(file: &File) -> String {
        let mut text = String::new();
        let mut file = file;
        file.read_to_string(&mut text).unwrap();
        text
    }

    #[test]
    fn writes_go_on_where_the_last_one_ended() {
        let folder = tempfile::tempdir().unwrap();
        let file = file(&folder);
        let mut output = FileOutput::new(Arc::clone(&file), At::Position(1), Quota::default());
        output.write(Bytes::from_static(b"ab")).unwrap();
        output.write(Bytes::from_static(b"cd")).unwrap();
        assert_eq!(text(&file), "0abcd");
    }

    #[test]
    fn appending_goes_to_the_end_also_when_others_appended() {
        let folder = tempfile::tempdir().unwrap();
        let file = file(&folder);
        let mut one = FileOutput::new(Arc::clone(&file), At::End, Quota::default());
        let mut other = FileOutput::new(Arc::clone(&file), At::End, Quota::default());
        one.write(Bytes::from_static(b"a")).unwrap();
        other.write(Bytes::from_static(b"b")).unwrap();
        one.write(Bytes::from_static(b"c")).unwrap();
        assert_eq!(text(&file), "0123abc");
    }

    #[test]
    fn a_write_is_as_large_as_it_may_be_and_no_larger() {
        let folder = tempfile::tempdir().unwrap();
        let file = file(&folder);
        let mut output = FileOutput::new(Arc::clone(&file), At::Position(0), Quota::default());
        let most = output.check_write().unwrap();
        output.write(Bytes::from(vec![b'x'; most])).unwrap();
        let over = output.write(Bytes::from(vec![b'x'; most + 1]));
        assert!(matches!(over, Err(StreamError::Trap(_))), "{over:?}");
        assert_eq!(file.metadata().unwrap().len(), most as u64);
    }

    #[test]
    fn nothing_is_written_after_a_failure() {
        let folder = tempfile::tempdir().unwrap();
        drop(file(&folder));
        let read_only = Arc::new(File::open(folder.path().join("file")).unwrap());
        let mut output = FileOutput::new(read_only, At::End, Quota::default());
        let failed = output.write(Bytes::from_static(b"a"));
        assert!(matches!(failed, Err(StreamError::LastOperationFailed(_))));
        assert!(matches!(output.check_write(), Err(StreamError::Closed)));
    }
}
