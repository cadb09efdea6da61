//! Components that clients upload, as far as they are looked at before they are compiled in a process of their own.

use tidegate_config::limits::CompileLimits;
use tidegate_model::guest_text::is_unsafe;
use tidegate_sandbox::shape::check;

use crate::input::Input;

/// What a component begins with.
const COMPONENT: &[u8] = b"\0asm\x0d\0\x01\0";
/// What a module begins with.
const MODULE: &[u8] = b"\0asm\x01\0\0\0";
/// Names that a component may have to do with.
const NAMES: &[&str] = &[
    "tidegate:connect/plugin@0.1.0",
    "tidegate:connect/source@0.1.0",
    "tidegate:connect/sink@0.2.0",
    "tidegate:connect/host@0.1.0",
    "wasi:io/streams@0.2.6",
    "wasi:io/streams@0.3.0",
    "a\u{1b}[31m",
    "",
];

/// The bytes as they are, or sections with the right lengths that are made from them.
pub fn run(data: &[u8]) {
    looked_at(data);
    let input = &mut Input::new(data);
    let mut made = COMPONENT.to_vec();
    for _ in 0..8 {
        if input.is_empty() {
            break;
        }
        section(input, &mut made);
    }
    looked_at(&made);
}

fn looked_at(bytes: &[u8]) {
    match check(bytes, &CompileLimits::default()) {
        Ok(()) => assert!(
            bytes.starts_with(b"\0asm")
                && bytes.len() <= CompileLimits::default().component_bytes_max
        ),
        Err(error) => {
            let text = error.to_string();
            assert!(!text.is_empty() && text.len() < 8 * 1024, "{}", text.len());
            assert!(!text.chars().any(is_unsafe), "{text:?}");
        }
    }
}

fn section(input: &mut Input<'_>, out: &mut Vec<u8>) {
    let (id, body) = match input.byte() % 8 {
        0 => (input.byte() % 16, input.bytes(64).to_vec()),
        // An import and an export of an instance.
        1..4 => (10, named(input, &[5, 0])),
        4..6 => (11, [&named(input, &[5, 0])[..], &[0]].concat()),
        // A module with functions.
        6 => (1, module(input)),
        _ => (0, [&[4], &b"name"[..], input.bytes(16)].concat()),
    };
    out.push(id);
    number(body.len(), out);
    out.extend(body);
}

/// A section of one name and what is behind it.
fn named(input: &mut Input<'_>, end: &[u8]) -> Vec<u8> {
    let name = input.pick(NAMES).as_bytes();
    let mut out = vec![1, 0];
    number(name.len(), &mut out);
    out.extend(name);
    out.extend(end);
    out
}

fn module(input: &mut Input<'_>) -> Vec<u8> {
    let mut out = MODULE.to_vec();
    // Function bodies: how many locals there are, groups of them, and code.
    let mut body = Vec::new();
    let functions = 1 + input.below(3);
    number(functions, &mut body);
    for _ in 0..functions {
        let mut function = Vec::new();
        let groups = input.below(4);
        number(groups, &mut function);
        for _ in 0..groups {
            number(
                input.number().unsigned_abs() as usize & 0xffff_ffff,
                &mut function,
            );
            function.push(0x7f);
        }
        function.extend(input.bytes(16));
        function.push(0x0b);
        number(function.len(), &mut body);
        body.extend(function);
    }
    out.push(10);
    number(body.len(), &mut out);
    out.extend(body);
    out
}

/// LEB128.
fn number(mut number: usize, out: &mut Vec<u8>) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}
