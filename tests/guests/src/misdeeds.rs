//! Ways to harm a host.

use std::hint::black_box;

/// Computes for ever.
pub fn loop_for_ever() -> ! {
    let mut number = 0_u64;
    loop {
        number = black_box(number.wrapping_add(1));
    }
}

/// Panics where the class is named after the export: `test.TrapsInOpen` in `open`.
pub fn trap_in(class: &str, export: &str) {
    assert!(
        class.strip_prefix("test.TrapsIn") != Some(export),
        "the {export} that panics"
    );
}

/// What a guest may say to confuse who reads it: colours, line breaks, a line that looks like the log's, a bell, a
/// direction override.
pub fn hostile_words() -> String {
    "words\r\n2026-01-01T00:00:00Z ERROR tidegate: faked\u{1b}[31m\u{7}\u{202e}\0 end".to_owned()
}

/// A text that is not UTF-8.
pub fn no_text() -> String {
    // SAFETY: none, which is the point: it is handed to the host at once and never looked at here.
    unsafe { String::from_utf8_unchecked(vec![b'a', 0xff, 0xfe, b'b']) }
}

/// Bytes that end far behind this guest's memory: a list of so many bytes without having them.
pub fn claimed_bytes(count: usize) -> Vec<u8> {
    // SAFETY: none. The host reads it and is expected to end the call; nothing is freed before.
    unsafe { Vec::from_raw_parts(vec![0_u8; 16].leak().as_mut_ptr(), count, count) }
}

/// Reads a file again and again, and says what was found that is not what it should be.
pub fn read_often(path: &str, count: usize) -> String {
    let mut read = 0;
    for _ in 0..count {
        match std::fs::read_to_string(path) {
            Ok(text) if text == "mine" => read += 1,
            Ok(text) if !text.is_empty() => return format!("found {text}"),
            _ => {}
        }
        // As often as not, what is written lands where the link leads by then.
        drop(std::fs::OpenOptions::new().append(true).open(path));
    }
    format!("read {read}")
}

/// Computes for a while.
pub fn compute(time: std::time::Duration) {
    let begun = std::time::Instant::now();
    let mut number = 0_u64;
    while begun.elapsed() < time {
        for _ in 0..10_000 {
            number = black_box(number.wrapping_add(1));
        }
    }
}

/// Calls itself until the host's stack ends: nothing lies in the guest's own memory.
#[inline(never)]
pub fn overflow_the_stack(depth: u64) -> u64 {
    if depth == u64::MAX {
        return 0;
    }
    overflow_the_stack(depth + 1).rotate_left(7) ^ depth
}

/// Calls itself so often; little of a call is on the stack in the guest's own memory.
pub fn go_down(depth: u64) -> u64 {
    if depth == 0 {
        return 0;
    }
    go_down(black_box(depth - 1)).rotate_left(7) ^ black_box(depth)
}

/// Calls itself until the stack in the guest's own memory ends.
pub fn overflow_own_stack(depth: u64) -> u64 {
    let frame = black_box([depth; 64]);
    if depth == u64::MAX {
        return 0;
    }
    overflow_own_stack(black_box(depth + 1)) + frame[31]
}

/// Takes memory until there is none, and says how much it got in MiB.
pub fn take_all_memory() -> usize {
    let mut taken = Vec::new();
    loop {
        let mut block: Vec<u8> = Vec::new();
        if block.try_reserve_exact(1024 * 1024).is_err() {
            return taken.len();
        }
        block.resize(1024 * 1024, 1);
        taken.push(block);
    }
}

/// Sleeps inside the host for longer than anyone waits.
pub fn sleep_for_ever() {
    std::thread::sleep(std::time::Duration::from_secs(1_000_000));
}

/// Many byte strings that are one: each points at the same buffer.
pub fn aliased_strings(count: usize, bytes: usize) -> Vec<Vec<u8>> {
    let buffer = vec![b'x'; bytes].leak();
    // SAFETY: none. The strings alias one another; freeing them would corrupt this guest's heap, which is what a
    // hostile guest would not mind. The host is expected to end the call before anything is freed.
    (0..count)
        .map(|_| unsafe { Vec::from_raw_parts(buffer.as_mut_ptr(), bytes, bytes) })
        .collect()
}

/// What is there: environment, arguments, folders, network.
pub fn look_around() -> String {
    let environment: Vec<String> = std::env::vars().map(|(key, _)| key).collect();
    let arguments: Vec<String> = std::env::args().collect();
    let root = std::fs::read_dir("/").map(|entries| entries.count());
    let here = std::fs::read_dir(".").map(|entries| entries.count());
    let file = std::fs::read("/etc/passwd").map(|bytes| bytes.len());
    let connect = std::net::TcpStream::connect("127.0.0.1:9").map(|_| ());
    let listen = std::net::TcpListener::bind("127.0.0.1:0").map(|_| ());
    let udp = std::net::UdpSocket::bind("127.0.0.1:0").map(|_| ());
    let resolve = std::net::ToSocketAddrs::to_socket_addrs("localhost:1").map(|_| ());
    let reached = [
        root.is_ok(),
        here.is_ok(),
        file.is_ok(),
        connect.is_ok(),
        listen.is_ok(),
        udp.is_ok(),
        resolve.is_ok(),
    ];
    format!(
        "environment {}, arguments {}, reached {reached:?}",
        environment.len(),
        arguments.len()
    )
}

/// Does something with a path and says what came of it.
pub fn use_path(action: &str, path: &str, to: &str) -> String {
    let done = match action {
        "read" => std::fs::read_to_string(path),
        "write" => std::fs::write(path, "written by a guest").map(|()| "written".to_owned()),
        "append" => std::fs::OpenOptions::new()
            .append(true)
            .open(path)
            .and_then(|mut file| std::io::Write::write_all(&mut file, b"more"))
            .map(|()| "appended".to_owned()),
        "truncate" => std::fs::OpenOptions::new()
            .write(true)
            .truncate(true)
            .open(path)
            .map(|_| "truncated".to_owned()),
        "grow" => std::fs::OpenOptions::new()
            .write(true)
            .open(path)
            .and_then(|file| file.set_len(1_000_000))
            .map(|()| "grown".to_owned()),
        "rename" => std::fs::rename(path, to).map(|()| "renamed".to_owned()),
        "link" => std::fs::hard_link(path, to).map(|()| "linked".to_owned()),
        "remove" => std::fs::remove_file(path).map(|()| "removed".to_owned()),
        "list" => std::fs::read_dir(path).map(|entries| {
            let names: Vec<String> = entries
                .flatten()
                .map(|entry| entry.file_name().to_string_lossy().into_owned())
                .collect();
            names.join(",")
        }),
        "count" => std::fs::read_dir(path).map(|entries| entries.flatten().count().to_string()),
        _ => unreachable!("no such action"),
    };
    match done {
        Ok(text) => format!("done: {text}"),
        Err(error) => format!("refused: {error}"),
    }
}

/// Opens a file again and again and closes none; says how often that went well.
pub fn hold_files(path: &str) -> usize {
    let mut held = Vec::new();
    while let Ok(file) = std::fs::File::open(path) {
        held.push(file);
    }
    held.len()
}

/// Begins to list a folder again and again and holds all listings.
pub fn hold_listings(path: &str, count: usize) -> usize {
    let begin = || {
        let mut listing = std::fs::read_dir(path).ok()?;
        listing.next()?.ok()?;
        Some(listing)
    };
    let held: Vec<_> = (0..count).map_while(|_| begin()).collect();
    let count = held.len();
    std::mem::forget(held);
    count
}

/// Panics when a call brought more than 8 MiB.
pub fn trap_on_large_call(batch: &crate::types::Batch) {
    assert!(call_bytes(batch) <= 8 * 1024 * 1024, "a large call");
}

/// The bytes of a call's records and schemas.
pub fn call_bytes(batch: &crate::types::Batch) -> usize {
    let columns = [
        &batch.keys,
        &batch.values,
        &batch.headers.keys,
        &batch.headers.values,
    ];
    let columns: usize = columns
        .iter()
        .map(|column| column.bytes.len() + 4 * column.lengths.len())
        .sum();
    let schemas: usize = batch.schemas.iter().map(Vec::len).sum();
    columns + schemas
}
