//! Listings in a process of their own, whose memory is measured.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on fails"
)]

mod support;

use std::fs;
use std::sync::Arc;
use tidegate_config::guest_limits::GuestLimits;

use support::*;

/// The bytes of this process's memory.
fn resident_bytes() -> usize {
    let statm = fs::read_to_string("/proc/self/statm").unwrap();
    let pages: usize = statm.split(' ').nth(1).unwrap().parse().unwrap();
    pages * 4096
}

#[test]
fn listings_that_are_held_do_not_grow_with_the_folder() {
    let plugin = plugin_with(GuestLimits::default());
    let folder = tempfile::tempdir().unwrap();
    for number in 0..10_000 {
        fs::write(folder.path().join(format!("file-{number}")), "").unwrap();
    }
    let grants = granted(folder.path(), false);
    let folder = folder.path().to_str().unwrap();
    let source = |class| plugin.source(&identity(), class, &grants, Arc::new(NoOffsets));
    let count = config(&[("action", "count"), ("path", folder)]);
    let counted = source("test.UsesPath").unwrap().start(&count);
    assert_eq!(counted.unwrap_err().to_string(), "done: 10000");
    let mut holds = source("test.HoldsListings").unwrap();
    let before = resident_bytes();
    let held = holds.start(&config(&[("path", folder)]));
    assert_eq!(held.unwrap_err().to_string(), "held 300");
    let grown = resident_bytes().saturating_sub(before);
    assert!(grown < 100_000_000, "{grown} bytes for 300 listings");
}
