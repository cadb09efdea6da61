//! Whether bytes from a guest are one well-formed value. Run once, where they enter the host.

use super::{ValueError, View};
use crate::limits::VALUE_DEPTH_MAX;

/// Checks that `bytes` are exactly one encoded value: known tags, lengths that fit, UTF-8, and at most
/// [`VALUE_DEPTH_MAX`] containers in one another.
///
/// # Errors
/// What is wrong first.
pub fn check(bytes: &[u8]) -> Result<(), ValueError> {
    check_view(View::read(bytes)?, VALUE_DEPTH_MAX)
}

fn check_view(view: View<'_>, depth_left: usize) -> Result<(), ValueError> {
    let (mut elements, count) = match view {
        View::Array(elements) | View::Struct(elements) => (elements, elements.len()),
        View::Map(entries) => (entries.elements(), entries.len().saturating_mul(2)),
        _ => return Ok(()),
    };
    let depth_left = depth_left.checked_sub(1).ok_or(ValueError::Depth)?;
    let mut found = 0_usize;
    while let Some(element) = elements.next_view()? {
        check_view(element, depth_left)?;
        found += 1;
    }
    if found == count {
        Ok(())
    } else {
        Err(ValueError::Container)
    }
}
