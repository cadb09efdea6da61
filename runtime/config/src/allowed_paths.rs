//! Reading files inside the folders that an operator allows, and nothing else.
//!
//! A path is compared as it is written, then where it really is, links followed, then again when it is open. So neither
//! `..` nor a link leads out, also one that is changed meanwhile. What is outside is refused without a look at whether
//! it is there.

use std::fs::{self, File, OpenOptions};
use std::io::Read;
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Component, Path, PathBuf};

use crate::definition::list;
use crate::error::ConfigError;

/// The most bytes of a file that a config provider reads.
pub const PROVIDER_FILE_BYTES_MAX: u64 = 1024 * 1024;

/// `O_NONBLOCK`: opening a pipe does not wait for its other end. The same on all of Linux that Rust builds for but
/// MIPS and SPARC, where it only waits then.
const NONBLOCK: i32 = 0o4000;

/// Files and folders with all that is in them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AllowedPaths {
    /// The worker's key that lists them.
    key: String,
    paths: Vec<PathBuf>,
}

impl AllowedPaths {
    /// Takes the value of a worker's key; nothing is allowed without one.
    ///
    /// # Errors
    /// When a path is not absolute or does not exist.
    pub(crate) fn parse(key: String, value: Option<&str>) -> Result<Self, ConfigError> {
        let mut paths = Vec::new();
        for text in list(value.unwrap_or_default()) {
            let path = normalized(Path::new(&text));
            let refused = |why: &str| {
                let message =
                    format!("Path {text} {why}; absolute paths of files and folders are wanted");
                ConfigError::key_message(&key, format!("{key}: {message}"))
            };
            if !path.is_absolute() {
                return Err(refused("is not absolute"));
            }
            if !path.exists() {
                return Err(refused("does not exist"));
            }
            paths.push(path);
        }
        Ok(Self { key, paths })
    }

    /// Reads a text file.
    ///
    /// # Errors
    /// When it is not allowed, not there, too large or no text; the message shows nothing of it.
    pub(crate) fn read(&self, path: &Path) -> Result<String, String> {
        let mut bytes = Vec::new();
        let mut file = self.open(path)?.take(PROVIDER_FILE_BYTES_MAX + 1);
        let read = file.read_to_end(&mut bytes);
        read.map_err(|_| "the file cannot be read".to_owned())?;
        if bytes.len() as u64 > PROVIDER_FILE_BYTES_MAX {
            return Err(format!(
                "the file has more than {PROVIDER_FILE_BYTES_MAX} bytes, which is the most that is read"
            ));
        }
        String::from_utf8(bytes).map_err(|_| "the file is not UTF-8".to_owned())
    }

    fn open(&self, path: &Path) -> Result<File, String> {
        let path = normalized(path);
        if !self.paths.iter().any(|allowed| path.starts_with(allowed)) {
            return Err(self.outside());
        }
        let missing = || "the file is not there, or may not be read by the worker".to_owned();
        let real = path.canonicalize().map_err(|_| missing())?;
        self.check_real(&real)?;
        let regular = "only regular files are read, and this is none".to_owned();
        if !fs::metadata(&real).is_ok_and(|found| found.is_file()) {
            return Err(regular);
        }
        let mut options = OpenOptions::new();
        let opened = options.read(true).custom_flags(NONBLOCK).open(&real);
        let opened = opened.map_err(|_| missing())?;
        let place = fs::read_link(format!("/proc/self/fd/{}", opened.as_raw_fd()));
        self.check_real(&place.map_err(|_| missing())?)?;
        match opened.metadata() {
            Ok(found) if found.is_file() => Ok(opened),
            _ => Err(regular),
        }
    }

    fn check_real(&self, real: &Path) -> Result<(), String> {
        let mut allowed = self
            .paths
            .iter()
            .filter_map(|path| path.canonicalize().ok());
        match allowed.any(|allowed| real.starts_with(allowed)) {
            true => Ok(()),
            false => Err(self.outside()),
        }
    }

    fn outside(&self) -> String {
        let key = &self.key;
        if self.paths.is_empty() {
            return format!("nothing may be read, for the worker's {key} is not set");
        }
        format!("the path is not within what the worker's {key} allows, links followed")
    }
}

/// A path without `.` and `..`, as Java's `Path.normalize` makes it.
fn normalized(path: &Path) -> PathBuf {
    let mut normalized = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => drop(normalized.pop()),
            other => normalized.push(other),
        }
    }
    normalized
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    fn allowed(folder: &Path) -> AllowedPaths {
        AllowedPaths::parse("k".to_owned(), folder.to_str()).unwrap()
    }

    #[test]
    fn neither_links_nor_dots_lead_out() {
        let folder = tempfile::tempdir().unwrap();
        let (inside, outside) = (folder.path().join("in"), folder.path().join("out"));
        fs::create_dir_all(inside.join("deep")).unwrap();
        fs::create_dir(&outside).unwrap();
        fs::write(outside.join("secret"), "canary").unwrap();
        fs::write(inside.join("deep/a"), "a").unwrap();
        symlink(&outside, inside.join("link")).unwrap();
        symlink("../out/secret", inside.join("relative")).unwrap();
        symlink("deep", inside.join("..data")).unwrap();
        symlink("..data/a", inside.join("a")).unwrap();
        let allowed = allowed(&inside);
        let read = |path: &str| allowed.read(&inside.join(path));
        for path in ["deep/a", "deep/../deep/./a", "a", "..data/a", "../in/a"] {
            assert_eq!(read(path).as_deref(), Ok("a"), "{path}");
        }
        for path in [
            "link/secret",
            "relative",
            "../out/secret",
            "deep/../../out/secret",
            "/etc/passwd",
            "/etc/none",
        ] {
            let refused = read(path).unwrap_err();
            assert!(
                refused.contains("not within what the worker's k allows"),
                "{path}: {refused}"
            );
        }
        assert!(allowed.read(Path::new("in/a")).is_err(), "relative");
        assert!(read("none").unwrap_err().contains("is not there"));
        assert!(read("deep").unwrap_err().contains("regular"));
    }

    #[test]
    fn a_file_may_be_allowed_alone() {
        let folder = tempfile::tempdir().unwrap();
        let (one, other) = (folder.path().join("one"), folder.path().join("one2"));
        fs::write(&one, "1").unwrap();
        fs::write(&other, "2").unwrap();
        let allowed = allowed(&one);
        assert_eq!(allowed.read(&one).as_deref(), Ok("1"));
        assert!(allowed.read(&other).is_err());
    }

    #[test]
    fn nothing_is_allowed_unless_it_is_said() {
        let none = AllowedPaths::parse("the.key".to_owned(), None).unwrap();
        let refused = none.read(Path::new("/etc/passwd")).unwrap_err();
        assert!(refused.contains("the.key is not set"), "{refused}");
        assert!(AllowedPaths::parse("k".to_owned(), Some("relative")).is_err());
        assert!(AllowedPaths::parse("k".to_owned(), Some("/no/such/folder")).is_err());
    }

    #[test]
    fn what_is_too_large_or_no_text_is_refused_without_showing_it() {
        let folder = tempfile::tempdir().unwrap();
        let allowed = allowed(folder.path());
        let file = folder.path().join("f");
        fs::write(&file, vec![b'x'; 1024 * 1024 + 1]).unwrap();
        assert!(allowed.read(&file).unwrap_err().contains("1048576"));
        fs::write(&file, b"canary\xff").unwrap();
        assert_eq!(allowed.read(&file).unwrap_err(), "the file is not UTF-8");
    }
}
