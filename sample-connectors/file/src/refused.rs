//! What went wrong with a file, in words: what the system says has numbers that differ from system to system.

use std::borrow::Cow;
use std::io::{Error as IoError, ErrorKind};

use tidegate_sdk::Error;

/// What the system says of a file that it does not open for a plugin: WASI's `EPERM`, and Linux's in tests.
const NOT_PERMITTED: i32 = if cfg!(target_arch = "wasm32") { 63 } else { 1 };

/// The error of something that cannot be done with a file, such as to `open` it.
#[must_use]
pub fn cannot(what: &str, path: &str, error: &IoError) -> Error {
    Error::fatal(format_args!("cannot {what} {path}: {}", reason(error)))
}

/// Why the system refused, and what is wanted where that is not plain.
#[must_use]
pub fn reason(error: &IoError) -> Cow<'static, str> {
    if error.raw_os_error() == Some(NOT_PERMITTED) {
        return "it is a link, a device or a named pipe. Only regular files in the folder that \"file\" names are \
                opened, and links to others in it; a link that leaves the folder or has an absolute target is not \
                followed. Write the path of the file itself"
            .into();
    }
    match error.kind() {
        ErrorKind::NotFound => "its folder does not exist",
        ErrorKind::PermissionDenied => {
            "permission denied; the user that the worker runs as needs access to the file"
        }
        ErrorKind::IsADirectory => "it is a folder; the path of a file is wanted",
        ErrorKind::NotADirectory => "a part of its path is a file; a folder is wanted there",
        ErrorKind::ReadOnlyFilesystem => "the file system is read-only",
        ErrorKind::StorageFull => "the disk is full",
        ErrorKind::QuotaExceeded => "the quota of the worker's user is used up",
        ErrorKind::FileTooLarge => "the file is as large as the file system allows",
        _ => return without_number(error.to_string()).into(),
    }
    .into()
}

/// What Rust makes of an error of the system, without the number that it puts behind it.
fn without_number(mut text: String) -> String {
    if let Some(at) = text.find(" (os error ") {
        text.truncate(at);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_reason_has_a_number_of_the_system() {
        for number in 1..130 {
            let reason = reason(&IoError::from_raw_os_error(number));
            assert!(!reason.contains("os error"), "{reason}");
        }
    }

    #[test]
    fn what_is_wanted_is_said() {
        let denied = cannot("open", "in.txt", &ErrorKind::PermissionDenied.into());
        assert_eq!(
            denied.message(),
            "cannot open in.txt: permission denied; the user that the worker runs as needs access to the file"
        );
        let link = reason(&IoError::from_raw_os_error(NOT_PERMITTED));
        assert!(link.contains("regular files"), "{link}");
    }
}
