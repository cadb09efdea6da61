//! Keeps a file to whole lines: a worker that was killed while it wrote may have left a line cut short, and
//! what is appended next would become one with it. The record of that line is delivered again.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Read, Seek, SeekFrom, Write};

use tidegate_sdk::model::limits::CALL_BYTES_FROM_GUEST_MAX;
use tidegate_sdk::{Result, host};

use crate::refused::cannot;

/// How far back the end of the last whole line is looked for: no line of ours is longer.
const TAIL_BYTES_MAX: u64 = CALL_BYTES_FROM_GUEST_MAX as u64;

/// Takes what follows the last line feed of a file away, and keeps it in `PATH.cut`: it may be somebody else's.
///
/// # Errors
/// When one of the two files cannot be read or written.
pub fn keep_whole_lines(path: &str) -> Result<()> {
    let cannot_look = |error| cannot("look at the end of", path, &error);
    let mut file = match OpenOptions::new().read(true).write(true).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(cannot_look(error)),
    };
    let length = file.metadata().map_err(cannot_look)?.len();
    let Some(last) = length.checked_sub(1) else {
        return Ok(());
    };
    let mut tail = Vec::new();
    file.seek(SeekFrom::Start(last)).map_err(cannot_look)?;
    file.read_to_end(&mut tail).map_err(cannot_look)?;
    if tail == b"\n" {
        return Ok(());
    }
    tail.clear();
    let begin = length.saturating_sub(TAIL_BYTES_MAX);
    file.seek(SeekFrom::Start(begin)).map_err(cannot_look)?;
    file.read_to_end(&mut tail).map_err(cannot_look)?;
    let whole = match memchr::memrchr(b'\n', &tail) {
        Some(at) => at + 1,
        None if begin == 0 => 0,
        // A line that is not of this sink: left as it is, and ended.
        None => {
            return file
                .seek(SeekFrom::End(0))
                .and_then(|_| file.write_all(b"\n"))
                .map_err(cannot_look);
        }
    };
    let cut = tail.get(whole..).unwrap_or_default();
    let kept = format!("{path}.cut");
    let append = OpenOptions::new().append(true).create(true).open(&kept);
    append
        .and_then(|mut kept| {
            kept.write_all(cut)?;
            kept.write_all(b"\n")?;
            kept.sync_data()
        })
        .map_err(|error| cannot("write", &kept, &error))?;
    file.set_len(begin + whole as u64).map_err(cannot_look)?;
    host::warn(format!(
        "{path} ended within a line, as after a kill; the {} bytes of it are in {kept} now",
        cut.len()
    ));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(content: &str) -> (String, Option<String>) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out");
        std::fs::write(&path, content).unwrap();
        let path = path.to_str().unwrap();
        keep_whole_lines(path).unwrap();
        (
            std::fs::read_to_string(path).unwrap(),
            std::fs::read_to_string(format!("{path}.cut")).ok(),
        )
    }

    #[test]
    fn a_line_cut_short_is_taken_away_and_kept() {
        assert_eq!(
            after("a\nb\nrec"),
            ("a\nb\n".to_owned(), Some("rec\n".to_owned()))
        );
        assert_eq!(after("rec"), (String::new(), Some("rec\n".to_owned())));
    }

    #[test]
    fn whole_lines_stay() {
        assert_eq!(after("a\nb\n"), ("a\nb\n".to_owned(), None));
        assert_eq!(after(""), (String::new(), None));
        assert!(
            keep_whole_lines("/no/such/folder/out").is_ok(),
            "opening it says what is wrong"
        );
    }
}
