//! What a guest can reach: nothing, and what it was granted.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on fails"
)]

mod support;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use support::*;
use tidegate_config::definition::{ConfigKey, Definition, Names};
use tidegate_config::grants::{Grants, grants};
use tidegate_config::guest_limits::GuestLimits;
use tidegate_config::policy::{Allowed, Policy};
use tidegate_sandbox::{OffsetReader, Plugin, SandboxError};

/// Lets a guest with a grant do something with a path; the answer is what it says.
fn try_path(plugin: &Plugin, grants: &Grants, action: &str, path: &str, to: &str) -> String {
    let mut source = plugin
        .source(&identity(), "test.UsesPath", grants, Arc::new(NoOffsets))
        .unwrap();
    source
        .start(&config(&[("action", action), ("path", path), ("to", to)]))
        .unwrap_err()
        .to_string()
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn nothing_is_granted_by_default() {
    let plugin = plugin();
    let found = new_source(&plugin, "LooksAround")
        .start(&config(&[]))
        .unwrap_err()
        .to_string();
    assert_eq!(
        found,
        "environment 0, arguments 0, reached [false, false, false, false, false, false, false]"
    );
}

#[test]
fn a_granted_folder_has_the_same_path_inside() {
    let plugin = plugin();
    let folder = tempfile::tempdir().unwrap();
    let inside = folder.path().join("in.txt");
    fs::write(&inside, "hello").unwrap();
    let read_only = granted(folder.path(), false);
    assert_eq!(
        try_path(&plugin, &read_only, "read", text(&inside), ""),
        "done: hello"
    );
    let out = folder.path().join("out.txt");
    let writable = granted(folder.path(), true);
    assert_eq!(
        try_path(&plugin, &writable, "write", text(&out), ""),
        "done: written"
    );
    assert_eq!(fs::read_to_string(&out).unwrap(), "written by a guest");
}

#[test]
fn a_folder_granted_for_reading_cannot_be_changed() {
    let plugin = plugin();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("in.txt");
    let other = folder.path().join("other");
    fs::write(&file, "hello").unwrap();
    let grants = granted(folder.path(), false);
    for action in ["write", "append", "truncate", "rename", "link", "remove"] {
        let answer = try_path(&plugin, &grants, action, text(&file), text(&other));
        assert!(answer.starts_with("refused"), "{action}: {answer}");
    }
    assert!(try_path(&plugin, &grants, "write", text(&other), "").starts_with("refused"));
    assert_eq!(fs::read_to_string(&file).unwrap(), "hello");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn a_canary_outside_is_never_read_or_changed() {
    let plugin = plugin();
    let outer = tempfile::tempdir().unwrap();
    let granted_folder = outer.path().join("granted");
    let sibling = outer.path().join("granted-not");
    fs::create_dir(&granted_folder).unwrap();
    fs::create_dir(&sibling).unwrap();
    let canary = outer.path().join("canary");
    fs::write(&canary, "secret").unwrap();
    fs::write(sibling.join("canary"), "secret").unwrap();
    symlink(&canary, granted_folder.join("absolute")).unwrap();
    symlink("../canary", granted_folder.join("relative")).unwrap();
    symlink("..", granted_folder.join("up")).unwrap();
    symlink("/", granted_folder.join("root")).unwrap();
    fs::create_dir(granted_folder.join("sub")).unwrap();
    symlink("../../canary", granted_folder.join("sub/deep")).unwrap();
    let base = text(&granted_folder);
    let root_path = text(&canary).trim_start_matches('/').to_owned();
    let escapes = [
        text(&canary).to_owned(),
        format!("{base}/../canary"),
        format!("{base}/./../canary"),
        format!("{base}/sub/../../canary"),
        format!("{base}//..//canary"),
        format!("{base}/absolute"),
        format!("{base}/absolute/"),
        format!("{base}/relative"),
        format!("{base}/up/canary"),
        format!("{base}/root/{root_path}"),
        format!("{base}/sub/deep"),
        format!("{base}-not/canary"),
        format!("{base}/..\\canary"),
        format!("{base}/../granted/../canary"),
        "canary".to_owned(),
        "../canary".to_owned(),
        "/proc/self/environ".to_owned(),
        "/etc/passwd".to_owned(),
    ];
    let grants = granted(&granted_folder, true);
    let taken = format!("{base}/taken");
    for path in &escapes {
        for action in ["read", "append", "truncate", "write", "link"] {
            let answer = try_path(&plugin, &grants, action, path, &taken);
            assert!(!answer.contains("secret"), "{action} {path}: {answer}");
            if path.contains('\\') {
                continue; // a plain file name with a backslash, inside the folder
            }
            // A hard link to a symlink inside is made of the symlink itself; it leads nowhere new.
            if action == "link" && answer.starts_with("done") {
                assert!(!try_path(&plugin, &grants, "read", &taken, "").contains("secret"));
                fs::remove_file(&taken).unwrap();
                continue;
            }
            assert!(answer.starts_with("refused"), "{action} {path}: {answer}");
        }
    }
    let refused = plugin.refusals(&identity());
    assert!(refused.count(tidegate_sandbox::Refusal::File) > 20);
    fs::write(granted_folder.join("mine"), "mine").unwrap();
    let mine = format!("{base}/mine");
    for to in [
        format!("{base}/../stolen"),
        format!("{base}/up/stolen"),
        text(&canary).to_owned(),
    ] {
        for action in ["rename", "link"] {
            let answer = try_path(&plugin, &grants, action, &mine, &to);
            assert!(answer.starts_with("refused"), "{action} to {to}: {answer}");
        }
    }
    assert_eq!(fs::read_to_string(&canary).unwrap(), "secret");
    assert_eq!(
        fs::read_to_string(sibling.join("canary")).unwrap(),
        "secret"
    );
    assert!(!outer.path().join("stolen").exists());
}

#[test]
fn a_guest_holds_a_bounded_number_of_files() {
    let plugin = plugin_with(GuestLimits::default());
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("in.txt");
    fs::write(&file, "hello").unwrap();
    let grants = granted(folder.path(), false);
    let error = plugin
        .source(&identity(), "test.HoldsFiles", &grants, Arc::new(NoOffsets))
        .unwrap()
        .start(&config(&[("path", text(&file))]))
        .unwrap_err()
        .to_string();
    assert!(error.contains("sandbox.resources.max"), "{error}");
    let open = fs::read_dir("/proc/self/fd").unwrap().count();
    assert!(open < 200, "{open} files are open after the guest ended");
}

#[test]
fn a_folder_is_listed_as_it_is() {
    let plugin = plugin();
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a"), "").unwrap();
    fs::create_dir(folder.path().join("b")).unwrap();
    symlink("a", folder.path().join("c")).unwrap();
    let grants = granted(folder.path(), false);
    let answer = try_path(&plugin, &grants, "list", text(folder.path()), "");
    let mut names: Vec<&str> = answer.strip_prefix("done: ").unwrap().split(',').collect();
    names.sort_unstable();
    assert_eq!(names, ["a", "b", "c"]);
    let file = folder.path().join("a");
    assert!(try_path(&plugin, &grants, "list", text(&file), "").starts_with("refused"));
}

#[test]
fn a_named_pipe_does_not_hold_the_host() {
    use std::sync::mpsc;
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe");
    rustix::fs::mknodat(
        rustix::fs::CWD,
        &pipe,
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR,
        0,
    )
    .unwrap();
    let plugin = plugin();
    let (answered, answer) = mpsc::channel();
    let grants = granted(folder.path(), false);
    std::thread::spawn(move || {
        answered
            .send(try_path(&plugin, &grants, "read", text(&pipe), ""))
            .unwrap();
    });
    let answer = answer.recv_timeout(std::time::Duration::from_secs(10));
    let answer = answer.expect("the guest does not hang in the host");
    assert!(answer.starts_with("refused"), "{answer}");
}

#[test]
fn a_folder_that_was_swapped_after_the_policy_allowed_it_is_not_opened() {
    let plugin = plugin();
    let outer = tempfile::tempdir().unwrap();
    let [allowed, secret, link] = ["allowed", "secret", "link"].map(|name| outer.path().join(name));
    for folder in [&allowed, &secret] {
        fs::create_dir(folder).unwrap();
        fs::write(folder.join("in.txt"), text(folder)).unwrap();
    }
    symlink(&allowed, &link).unwrap();
    let key = ConfigKey {
        names: Names::ReadFile,
        ..ConfigKey::named("path")
    };
    let policy = Policy::Allow(Arc::new(Allowed {
        read: vec![allowed.clone()],
        ..Allowed::default()
    }));
    let path = link.join("in.txt");
    let named = config(&[("path", text(&path))]);
    let grants = grants(&Definition(vec![key]), &named, &policy).unwrap();
    let answer = try_path(&plugin, &grants, "read", text(&path), "");
    assert_eq!(answer, format!("done: {}", text(&allowed)));
    fs::remove_file(&link).unwrap();
    symlink(&secret, &link).unwrap();
    let error = plugin
        .source(&identity(), "test.UsesPath", &grants, Arc::new(NoOffsets))
        .err()
        .unwrap();
    assert!(error.to_string().contains("policy allowed it"), "{error}");
}

#[test]
fn a_folder_that_is_not_there_is_named() {
    let grants = granted(Path::new("/nowhere/at/all"), false);
    let error = plugin()
        .source(&identity(), "test.Counts", &grants, Arc::new(NoOffsets))
        .err()
        .unwrap();
    assert!(error.to_string().contains("/nowhere/at/all"), "{error}");
}

struct OneOffset;

impl OffsetReader for OneOffset {
    fn read(&self, partition: &[u8]) -> Result<Option<Vec<u8>>, String> {
        let is_wanted = partition.last() == Some(&b'b');
        Ok(is_wanted.then(|| vec![11, 4, 0, 0, 0, 0, 0, 0, 0]))
    }
}

struct Unavailable;

impl OffsetReader for Unavailable {
    fn read(&self, _: &[u8]) -> Result<Option<Vec<u8>>, String> {
        Err("the broker is away".to_owned())
    }
}

/// An offset of 64 KiB for every source partition; counts how often it was asked.
#[derive(Default)]
struct LargeOffsets(AtomicUsize);

impl OffsetReader for LargeOffsets {
    fn read(&self, _: &[u8]) -> Result<Option<Vec<u8>>, String> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Ok(Some(vec![0; 64 * 1024]))
    }
}

#[test]
fn offsets_are_read_up_to_what_a_call_may_bring() {
    let plugin = plugin_with(GuestLimits::default());
    let offsets = Arc::new(LargeOffsets::default());
    let class = "test.ReadsOneOffsetOften";
    let error = plugin
        .source(&identity(), class, &Grants::default(), offsets.clone())
        .unwrap()
        .start(&config(&[]))
        .unwrap_err();
    assert!(
        matches!(&error, SandboxError::Violation { message, .. } if message.contains("8388608 bytes")),
        "{error}"
    );
    assert_eq!(offsets.0.load(Ordering::Relaxed), 129);
}

#[test]
fn a_source_reads_its_offsets() {
    let plugin = plugin();
    let read = |offsets: Arc<dyn OffsetReader>| {
        plugin
            .source(
                &identity(),
                "test.ReadsOffsets",
                &Grants::default(),
                offsets,
            )
            .unwrap()
            .start(&config(&[]))
            .unwrap_err()
    };
    assert_eq!(
        read(Arc::new(OneOffset)).to_string(),
        "[None, Some([11, 4, 0, 0, 0, 0, 0, 0, 0])]"
    );
    let away = read(Arc::new(Unavailable));
    assert_eq!(away.to_string(), "the broker is away");
    assert_eq!(away.class(), tidegate_model::ErrorClass::Retriable);
}

#[test]
fn random_numbers_differ_between_instances() {
    let plugin = plugin();
    let draw = || {
        source(&plugin, "RandomBytes")
            .poll(1, 1)
            .unwrap_err()
            .to_string()
    };
    assert_ne!(draw(), draw());
}

#[test]
fn a_folder_has_a_quota_that_no_way_of_writing_exceeds() {
    let plugin = plugin();
    let folder = tempfile::tempdir().unwrap();
    let limited = |bytes| {
        let mut grants = granted(folder.path(), true);
        grants.limits.write_bytes = Some(bytes);
        grants
    };
    let file = folder.path().join("out.txt");
    // "written by a guest" has 18 bytes.
    assert_eq!(
        try_path(&plugin, &limited(18), "write", text(&file), ""),
        "done: written"
    );
    let over = try_path(&plugin, &limited(21), "append", text(&file), "");
    assert!(over.starts_with("refused"), "{over}");
    let grown = try_path(&plugin, &limited(100), "grow", text(&file), "");
    assert!(grown.starts_with("refused"), "{grown}");
    assert_eq!(fs::metadata(&file).unwrap().len(), 18);
    assert_eq!(
        try_path(&plugin, &limited(22), "append", text(&file), ""),
        "done: appended"
    );
    let refused = plugin
        .refusals(&identity())
        .count(tidegate_sandbox::Refusal::Quota);
    assert_eq!(refused, 2);
}

#[test]
fn a_link_that_is_swapped_while_it_is_opened_leads_nowhere() {
    use std::sync::atomic::AtomicBool;
    let plugin = plugin_with(GuestLimits::default());
    let outer = tempfile::tempdir().unwrap();
    let inside = outer.path().join("granted");
    fs::create_dir(&inside).unwrap();
    fs::write(inside.join("mine"), "mine").unwrap();
    let canary = outer.path().join("canary");
    fs::write(&canary, "secret").unwrap();
    fs::create_dir(outer.path().join("folder")).unwrap();
    fs::write(outer.path().join("folder/mine"), "secret").unwrap();
    fs::create_dir(inside.join("folder")).unwrap();
    fs::write(inside.join("folder/mine"), "mine").unwrap();
    let stopped = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let swaps = scope.spawn(|| {
            let (file, folder) = (inside.join("file"), inside.join("there"));
            let (next, next_folder) = (inside.join("next"), inside.join("next-folder"));
            let mut count = 0;
            while !stopped.load(Ordering::Relaxed) {
                for (to, folder_to) in [("mine", "folder"), ("../canary", "../folder")] {
                    symlink(to, &next).unwrap();
                    fs::rename(&next, &file).unwrap();
                    symlink(folder_to, &next_folder).unwrap();
                    fs::rename(&next_folder, &folder).unwrap();
                }
                count += 1;
            }
            count
        });
        for path in ["file", "there/mine"] {
            let found = plugin
                .source(
                    &identity(),
                    "test.ReadsOften",
                    &granted(&inside, true),
                    Arc::new(NoOffsets),
                )
                .unwrap()
                .start(&config(&[("path", text(&inside.join(path)))]))
                .unwrap_err()
                .to_string();
            assert!(found.starts_with("read "), "{found}");
        }
        stopped.store(true, Ordering::Relaxed);
        let swapped = swaps.join().unwrap();
        assert!(swapped > 100, "swapped {swapped} times");
    });
    assert_eq!(fs::read_to_string(&canary).unwrap(), "secret");
}
