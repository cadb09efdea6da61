//! Follows a growing file and gives its complete lines.
//!
//! A line ends with `\n`, `\r\n` or a lone `\r`, as in Kafka Connect. The invariant: a line is given once its
//! end is certain, so a partial last line, and a `\r` that is the last byte so far, wait for what follows.
//!
//! | what happens to the file | what the follower does |
//! | --- | --- |
//! | it does not exist yet | waits for it |
//! | it becomes shorter than what was read | starts over, and says so |
//! | its name points to another file: at the end of the open one, size and time of the two differ, twice in a row | gives what is left of the open one, partial line included, then starts the other |
//! | it is truncated and grows past the position between two looks | cannot be noticed |

use std::borrow::Cow;
use std::fs::{self, File, Metadata};
use std::io::{ErrorKind, Read, Seek, SeekFrom};

use tidegate_sdk::model::limits::RECORD_BYTES_MAX;
use tidegate_sdk::{Error, Result, host};

/// The most bytes of a line: a record of the largest size, less the five bytes that encode a string.
pub const LINE_BYTES_MAX: usize = RECORD_BYTES_MAX - 5;
/// How many bytes are read at once.
const READ_BYTES: usize = 256 * 1024;
/// The bytes that a gzip file begins with.
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// A line, and where to go on after it.
pub type Line<'a> = (Cow<'a, str>, u64);

/// A file that is being followed.
#[derive(Debug)]
pub struct Follower {
    path: String,
    file: Option<File>,
    /// Complete lines that were read.
    block: Block,
    /// Where the next line of the block begins in it.
    cursor: usize,
    /// Where the next line begins in the file.
    position: u64,
    /// How far the file was read.
    read_to: u64,
    /// What follows the block: the beginning of a line.
    tail: Vec<u8>,
    /// The block is what was left of a file that was rotated away.
    detached: bool,
    /// The line under way is too long and is passed over.
    skipping: bool,
    /// The last look at the end of the file found that its name points elsewhere.
    rotation_seen: bool,
    waiting_said: bool,
    replacing_said: bool,
}

/// Complete lines.
#[derive(Debug)]
enum Block {
    /// All of it is UTF-8.
    Text(String),
    /// Some of it is not.
    Bytes(Vec<u8>),
}

impl Follower {
    /// Follows the file at `path` from a position.
    #[must_use]
    pub fn new(path: &str, position: u64) -> Self {
        Self {
            path: path.to_owned(),
            file: None,
            block: Block::Text(String::new()),
            cursor: 0,
            position,
            read_to: position,
            tail: Vec::new(),
            detached: false,
            skipping: false,
            rotation_seen: false,
            waiting_said: false,
            replacing_said: false,
        }
    }

    /// Takes the next line of what was read; `None`: [`Follower::fill`] has to read more.
    ///
    /// # Errors
    /// A data error when the line was too long; it was passed over.
    #[inline]
    pub fn next_line(&mut self) -> Option<Result<Line<'_>>> {
        let bytes = match &self.block {
            Block::Text(text) => text.as_bytes(),
            Block::Bytes(bytes) => bytes,
        };
        let rest = bytes.get(self.cursor..).filter(|rest| !rest.is_empty())?;
        let (length, with_end) = line_end(rest).unwrap_or((rest.len(), rest.len()));
        let start = self.cursor;
        self.cursor += with_end;
        if !self.detached {
            self.position += with_end as u64;
        }
        if length > LINE_BYTES_MAX {
            return Some(Err(self.too_long()));
        }
        let line = match &self.block {
            Block::Text(text) => Cow::Borrowed(text.get(start..start + length).unwrap_or_default()),
            Block::Bytes(bytes) => {
                String::from_utf8_lossy(bytes.get(start..start + length).unwrap_or_default())
            }
        };
        Some(Ok((line, self.position)))
    }

    /// Reads more, once every line was taken. `false`: there is nothing more for now.
    ///
    /// # Errors
    /// When the file cannot be read, is compressed, or has a line that is too long (which is passed over).
    pub fn fill(&mut self) -> Result<bool> {
        self.detached = false;
        let mut bytes = match std::mem::replace(&mut self.block, Block::Text(String::new())) {
            Block::Text(text) => text.into_bytes(),
            Block::Bytes(bytes) => bytes,
        };
        bytes.clear();
        self.cursor = 0;
        if self.tail.len() > LINE_BYTES_MAX {
            self.position += self.tail.len() as u64;
            self.tail.clear();
            self.skipping = true;
            return Err(self.too_long());
        }
        if !self.open()? {
            return Ok(false);
        }
        bytes.append(&mut self.tail);
        let kept = bytes.len();
        let found = if self.is_read_to_its_end()? {
            0
        } else {
            self.read(&mut bytes)?
        };
        if found == 0 {
            self.tail = bytes;
            return self.at_end();
        }
        self.rotation_seen = false;
        if self.read_to == 0 && kept == 0 && bytes.starts_with(&GZIP) {
            return Err(self.compressed());
        }
        self.read_to += found as u64;
        if self.skipping {
            self.skip(&mut bytes);
        }
        self.tail = bytes.split_off(complete(&bytes));
        self.begin_block(bytes);
        Ok(true)
    }

    /// Opens the file at the position; `false`: it does not exist.
    fn open(&mut self) -> Result<bool> {
        if self.file.is_some() {
            return Ok(true);
        }
        let mut file = match File::open(&self.path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                if !self.waiting_said {
                    self.waiting_said = true;
                    host::info(format!(
                        "{} does not exist; waiting for it to be created",
                        self.path
                    ));
                }
                return Ok(false);
            }
            Err(error) => return Err(self.cannot("open", &error)),
        };
        if self.position > 0 {
            let length = self.metadata(&file)?.len();
            if length < self.position {
                host::warn(format!(
                    "{} has {length} bytes, fewer than the position {}; starting over",
                    self.path, self.position
                ));
                self.position = 0;
            }
            let mut first = [0; 2];
            let found = file.read(&mut first).map_err(|e| self.cannot("read", &e))?;
            if found == 2 && first == GZIP {
                return Err(self.compressed());
            }
            file.seek(SeekFrom::Start(self.position))
                .map_err(|e| self.cannot("read", &e))?;
        }
        self.read_to = self.position;
        self.file = Some(file);
        Ok(true)
    }

    /// Whether the file has as many bytes as were read, which spares an idle source the room for more. A file
    /// that has none may be one whose size the system does not know.
    fn is_read_to_its_end(&self) -> Result<bool> {
        match &self.file {
            Some(file) if self.read_to > 0 => Ok(self.metadata(file)?.len() == self.read_to),
            _ => Ok(false),
        }
    }

    /// Appends what the file has next, at most [`READ_BYTES`].
    fn read(&mut self, bytes: &mut Vec<u8>) -> Result<usize> {
        let Some(file) = &mut self.file else {
            return Ok(0);
        };
        let kept = bytes.len();
        bytes.resize(kept + READ_BYTES, 0);
        let found = match bytes.get_mut(kept..) {
            Some(room) => file.read(room),
            None => Ok(0),
        };
        bytes.truncate(kept + found.as_ref().copied().unwrap_or(0));
        found.map_err(|error| {
            self.tail = std::mem::take(bytes);
            self.cannot("read", &error)
        })
    }

    /// What to do at the end of the open file. `true`: there may be more already.
    fn at_end(&mut self) -> Result<bool> {
        let Some(file) = &mut self.file else {
            return Ok(false);
        };
        // WASI ends the stream of a file at its end for good; after a seek there is a new one.
        let at_end = file.seek(SeekFrom::Start(self.read_to));
        at_end.map_err(|error| self.cannot("read", &error))?;
        let Some(file) = &self.file else {
            return Ok(false);
        };
        let open = self.metadata(file)?;
        if open.len() < self.read_to {
            host::warn(format!(
                "{} was truncated to {} bytes at position {}; starting over",
                self.path,
                open.len(),
                self.position
            ));
            self.start_over();
            return Ok(true);
        }
        let named = match fs::metadata(&self.path) {
            Ok(named) => named,
            // Rotated away, and no new file yet: the open one may still grow.
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(self.cannot("look at", &error)),
        };
        if same(&open, &named) {
            self.rotation_seen = false;
            return Ok(false);
        }
        let open = self.metadata(file)?;
        if open.len() > self.read_to {
            return Ok(true);
        }
        if same(&open, &named) || !self.rotation_seen {
            self.rotation_seen = !same(&open, &named);
            return Ok(false);
        }
        host::info(format!(
            "{} points to another file now; going on with that one",
            self.path
        ));
        let rest = std::mem::take(&mut self.tail);
        self.start_over();
        self.detached = true;
        self.begin_block(rest);
        Ok(true)
    }

    /// The next thing read is the beginning of the file that the name points to.
    fn start_over(&mut self) {
        self.file = None;
        self.position = 0;
        self.read_to = 0;
        self.tail.clear();
        self.skipping = false;
        self.rotation_seen = false;
    }

    fn begin_block(&mut self, bytes: Vec<u8>) {
        self.cursor = 0;
        self.block = match String::from_utf8(bytes) {
            Ok(text) => Block::Text(text),
            Err(error) => {
                if !self.replacing_said {
                    self.replacing_said = true;
                    host::warn(format!(
                        "{} is not valid UTF-8 near position {}; such bytes become U+FFFD",
                        self.path, self.position
                    ));
                }
                Block::Bytes(error.into_bytes())
            }
        };
    }

    /// Drops the rest of the line that is passed over.
    fn skip(&mut self, bytes: &mut Vec<u8>) {
        let dropped = match memchr::memchr2(b'\n', b'\r', bytes) {
            Some(at) if bytes.get(at) == Some(&b'\r') && at + 1 == bytes.len() => at,
            Some(at) => {
                self.skipping = false;
                let crlf = bytes.get(at..at + 2) == Some(b"\r\n");
                at + if crlf { 2 } else { 1 }
            }
            None => bytes.len(),
        };
        bytes.drain(..dropped);
        self.position += dropped as u64;
    }

    fn metadata(&self, file: &File) -> Result<Metadata> {
        file.metadata()
            .map_err(|error| self.cannot("look at", &error))
    }

    fn cannot(&self, what: &str, error: &std::io::Error) -> Error {
        Error::fatal(format_args!("cannot {what} {}: {error}", self.path))
    }

    fn compressed(&self) -> Error {
        Error::config_key(
            "file",
            format_args!(
                "{} is compressed with gzip, which is not read; decompress it first",
                self.path
            ),
        )
    }

    fn too_long(&self) -> Error {
        Error::data(format_args!(
            "a line of {} that ends or goes on at position {} has more than {LINE_BYTES_MAX} bytes, the most that a record may have; it is passed over",
            self.path, self.position
        ))
    }
}

/// The length of the line that `bytes` begin with, without and with its end.
#[inline]
fn line_end(bytes: &[u8]) -> Option<(usize, usize)> {
    let at = memchr::memchr2(b'\n', b'\r', bytes)?;
    if bytes.get(at..at + 2) == Some(b"\r\n") {
        Some((at, at + 2))
    } else {
        Some((at, at + 1))
    }
}

/// How many bytes are complete lines: up to the last line end that no further byte can change.
fn complete(bytes: &[u8]) -> usize {
    let certain = match bytes.split_last() {
        Some((b'\r', before)) => before,
        _ => bytes,
    };
    memchr::memrchr2(b'\n', b'\r', certain).map_or(0, |at| at + 1)
}

fn same(a: &Metadata, b: &Metadata) -> bool {
    a.len() == b.len() && a.modified().ok() == b.modified().ok()
}
