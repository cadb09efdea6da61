//! Follows a growing file and gives its complete lines.
//!
//! A line ends with `\n`, `\r\n` or a lone `\r`, as in Kafka Connect. The invariant: a line is given once its
//! end is certain, so a partial last line, and a `\r` that is the last byte so far, wait for what follows.
//!
//! | what happens to the file | what the follower does |
//! | --- | --- |
//! | it does not exist yet | waits for it |
//! | it becomes shorter than what was read | starts over, and says so |
//! | its size or modification time changed, and before where it goes on stands something else than was read | starts over, and says so |
//! | its name points to another file: at the end of the open one, size and time of the two differ, twice in a row | gives what is left of the open one, partial line included, then starts the other |
//!
//! What is looked at are the 256 bytes before ([`before`]). So that following costs nothing for each line, that is
//! done once for each look at a file that changed, and not at all for one that rests.
//!
//! [`before`]: crate::before

use std::borrow::Cow;
use std::fs::{self, File, Metadata};
use std::io::{ErrorKind, Read, Seek, SeekFrom};
use std::time::{Duration, SystemTime};

use tidegate_sdk::{Error, Result, host};

use crate::before::{Before, WINDOW_BYTES, fingerprint};
use crate::refused::cannot;

/// The most bytes of a line: what Kafka's default of `max.message.bytes`, 1,048,588, leaves in a batch of one record
/// without a key. 61 bytes are the batch's, 11 the record's.
pub const LINE_BYTES_MAX: usize = 1_048_516;
/// How many bytes are read at once.
const READ_BYTES: usize = 256 * 1024;
/// A file that was changed more recently may be changed again without another modification time: no file system's
/// clock is coarser.
const CLOCK_TICK: Duration = Duration::from_secs(2);
/// The bytes that a gzip file begins with.
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// A line, and where to go on after it.
pub type Line<'a> = (Cow<'a, str>, u64);

/// A file that is being followed.
#[derive(Debug)]
pub struct Follower {
    path: String,
    file: Option<File>,
    /// The fingerprint of what stood before the position when it was stored.
    stored: Option<String>,
    /// Size and modification time of the file when what was read was last seen to stand there, unless that was too
    /// soon to tell.
    seen: Option<(u64, SystemTime)>,
    /// What stands before the block.
    before: Before,
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

impl Block {
    fn bytes(&self) -> &[u8] {
        match self {
            Self::Text(text) => text.as_bytes(),
            Self::Bytes(bytes) => bytes,
        }
    }

    fn into_bytes(self) -> Vec<u8> {
        match self {
            Self::Text(text) => text.into_bytes(),
            Self::Bytes(bytes) => bytes,
        }
    }
}

impl Follower {
    /// Follows the file at `path` from a position. Where `stored` is given and is not the fingerprint of what stands
    /// before the position, the file was replaced.
    #[must_use]
    pub fn new(path: &str, position: u64, stored: Option<String>) -> Self {
        Self {
            path: path.to_owned(),
            file: None,
            stored,
            seen: None,
            before: Before::default(),
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
        let bytes = self.block.bytes();
        let rest = bytes.get(self.cursor..).filter(|rest| !rest.is_empty())?;
        let (length, with_end) = line_end(rest).unwrap_or((rest.len(), rest.len()));
        let start = self.cursor;
        self.cursor += with_end;
        let begin = self.position;
        if !self.detached {
            self.position += with_end as u64;
        }
        if length > LINE_BYTES_MAX {
            return Some(Err(self.too_long(begin)));
        }
        let line = match &self.block {
            Block::Text(text) => Cow::Borrowed(text.get(start..start + length).unwrap_or_default()),
            Block::Bytes(bytes) => {
                String::from_utf8_lossy(bytes.get(start..start + length).unwrap_or_default())
            }
        };
        Some(Ok((line, self.position)))
    }

    /// The fingerprint of what stands before the end of a line that was taken since [`Follower::fill`]; none at the
    /// beginning of the file.
    #[must_use]
    pub fn fingerprint(&self, position: u64) -> Option<String> {
        if position == 0 {
            return None;
        }
        let begin = self.position.saturating_sub(self.cursor as u64);
        let length = usize::try_from(position.saturating_sub(begin)).unwrap_or(usize::MAX);
        let lines = self.block.bytes().get(..length)?;
        Some(fingerprint(&self.before.and(lines)))
    }

    /// Reads more, once every line was taken. `false`: there is nothing more for now.
    ///
    /// # Errors
    /// When the file cannot be read, is compressed, or has a line that is too long (which is passed over).
    pub fn fill(&mut self) -> Result<bool> {
        let mut bytes = self.end_block();
        if self.tail.len() > LINE_BYTES_MAX {
            let begin = self.position;
            self.pass_over(self.tail.len());
            self.skipping = true;
            return Err(self.too_long(begin));
        }
        if !self.open()? {
            return Ok(false);
        }
        let Some(metadata) = self.look()? else {
            return Ok(true);
        };
        bytes.append(&mut self.tail);
        let kept = bytes.len();
        // Spares an idle source the room for more. A file without bytes may be one whose size is not known.
        let is_read_to_its_end = self.read_to > 0 && metadata.len() == self.read_to;
        let found = if is_read_to_its_end {
            0
        } else {
            self.read(&mut bytes)?
        };
        if found == 0 {
            self.tail = bytes;
            return self.at_end(&metadata);
        }
        self.rotation_seen = false;
        if self.read_to == 0 && kept == 0 && bytes.starts_with(&GZIP) {
            return Err(self.compressed());
        }
        self.read_to += found as u64;
        self.tail = bytes;
        if self.skipping {
            self.skip();
        }
        let mut bytes = std::mem::take(&mut self.tail);
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
        let metadata = self.metadata(&file)?;
        if metadata.is_dir() {
            return Err(self.is_a_folder());
        }
        if self.position > 0 {
            self.begin_at_position(&mut file, metadata.len())?;
        }
        self.read_to = self.position;
        self.file = Some(file);
        Ok(true)
    }

    /// Checks that the position belongs to this file, and moves there; otherwise to the beginning.
    fn begin_at_position(&mut self, file: &mut File, length: u64) -> Result<()> {
        let cannot_read = |error| self.cannot("read", &error);
        let mut first = [0; 2];
        if file.read(&mut first).map_err(cannot_read)? == 2 && first == GZIP {
            return Err(self.compressed());
        }
        let window = if length < self.position {
            host::warn(format!(
                "{} has {length} bytes, fewer than the position {}; starting over",
                self.path, self.position
            ));
            None
        } else {
            let window = window_before(file, self.position).map_err(cannot_read)?;
            let is_known = |window: &Vec<u8>| {
                let stored = self.stored.as_ref();
                stored.is_none_or(|stored| *stored == fingerprint(window))
            };
            let known = window.filter(is_known);
            if known.is_none() {
                host::warn(format!(
                    "{} was replaced since its lines were read up to position {}: something else stands there now; starting over",
                    self.path, self.position
                ));
            }
            known
        };
        if window.is_none() {
            self.position = 0;
        }
        file.seek(SeekFrom::Start(self.position))
            .map_err(|error| self.cannot("read", &error))?;
        self.before = Before::new(window.unwrap_or_default());
        Ok(())
    }

    /// Looks whether what was read of the open file still stands there; `None`: it does not, and the file that
    /// the name points to is read from its beginning.
    fn look(&mut self) -> Result<Option<Metadata>> {
        let Some(file) = &mut self.file else {
            return Ok(None);
        };
        let looked = file.metadata().and_then(|metadata| {
            let now = (metadata.len(), metadata.modified()?);
            let wanted = self.before.and(&self.tail);
            let stands = self.read_to == 0
                || self.seen == Some(now)
                || now.0 >= self.read_to
                    && window_before(file, self.read_to)?.is_some_and(|found| found == wanted);
            Ok((metadata, now, stands))
        });
        let (metadata, now, stands) = looked.map_err(|error| self.cannot("look at", &error))?;
        if stands {
            let age = SystemTime::now().duration_since(now.1);
            self.seen = age.is_ok_and(|age| age > CLOCK_TICK).then_some(now);
            return Ok(Some(metadata));
        }
        if now.0 < self.read_to {
            host::warn(format!(
                "{} was truncated to {} bytes at position {}; starting over",
                self.path, now.0, self.position
            ));
        } else {
            host::warn(format!(
                "{} was replaced: before position {} stands something else than was read; starting over",
                self.path, self.read_to
            ));
        }
        self.start_over();
        Ok(None)
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

    /// What to do at the end of the open file, which had this metadata before it was read. `true`: there may be more
    /// already.
    fn at_end(&mut self, open: &Metadata) -> Result<bool> {
        let Some(file) = &mut self.file else {
            return Ok(false);
        };
        // WASI ends the stream of a file at its end for good; after a seek there is a new one.
        let at_end = file.seek(SeekFrom::Start(self.read_to));
        at_end.map_err(|error| self.cannot("read", &error))?;
        let Some(file) = &self.file else {
            return Ok(false);
        };
        let named = match fs::metadata(&self.path) {
            Ok(named) => named,
            // Rotated away, and no new file yet: the open one may still grow.
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(self.cannot("look at", &error)),
        };
        if same(open, &named) {
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
        self.seen = None;
        self.before.clear();
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

    /// Ends the block, whose lines were all taken, and gives the room that it took.
    fn end_block(&mut self) -> Vec<u8> {
        let block = std::mem::replace(&mut self.block, Block::Text(String::new()));
        if !self.detached {
            self.before.push(block.bytes());
        }
        self.detached = false;
        self.cursor = 0;
        let mut bytes = block.into_bytes();
        bytes.clear();
        bytes
    }

    /// Passes over the rest of a line that is too long, as far as it was read.
    fn skip(&mut self) {
        let tail = &self.tail;
        let length = match memchr::memchr2(b'\n', b'\r', tail) {
            Some(at) if tail.get(at) == Some(&b'\r') && at + 1 == tail.len() => at,
            Some(at) => {
                self.skipping = false;
                let crlf = tail.get(at..at + 2) == Some(b"\r\n");
                at + if crlf { 2 } else { 1 }
            }
            None => tail.len(),
        };
        self.pass_over(length);
    }

    /// Passes over the next bytes, which belong to a line that is too long.
    fn pass_over(&mut self, length: usize) {
        let rest = self.tail.split_off(length.min(self.tail.len()));
        self.before.push(&self.tail);
        self.position += self.tail.len() as u64;
        self.tail = rest;
    }

    fn metadata(&self, file: &File) -> Result<Metadata> {
        file.metadata()
            .map_err(|error| self.cannot("look at", &error))
    }

    fn cannot(&self, what: &str, error: &std::io::Error) -> Error {
        cannot(what, &self.path, error)
    }

    fn is_a_folder(&self) -> Error {
        Error::config_key(
            "file",
            format_args!("{} is a folder; the path of a file is wanted", self.path),
        )
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

    fn too_long(&self, begin: u64) -> Error {
        Error::data(format_args!(
            "the line of {} that begins at position {begin} has more than {LINE_BYTES_MAX} bytes, the most that a topic takes by default; it is passed over",
            self.path
        ))
    }
}

/// The bytes before a position, at most [`WINDOW_BYTES`], after which the file is at the position; `None`: there are
/// fewer bytes.
fn window_before(file: &mut File, position: u64) -> std::io::Result<Option<Vec<u8>>> {
    let length = position.min(WINDOW_BYTES as u64);
    let mut window = vec![0; WINDOW_BYTES];
    window.truncate(usize::try_from(length).unwrap_or(WINDOW_BYTES));
    file.seek(SeekFrom::Start(position - length))?;
    match file.read_exact(&mut window) {
        Ok(()) => Ok(Some(window)),
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(None),
        Err(error) => Err(error),
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
