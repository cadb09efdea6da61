//! What a component looks like, before anything compiles or runs it.
//!
//! Reading section headers costs milliseconds and no trust. What is refused here never reaches the compiler:
//! what is no component, what is made for another world or another version of it, what imports something that
//! nobody offers, and functions so large that compiling them is an attack.

use std::fmt::Write as _;

use tidegate_config::limits::CompileLimits;
use tidegate_model::guest_text::clean;
use wasmparser::{Encoding, Parser, Payload};

use crate::error::SandboxError;

/// The version of `tidegate:connect` that this host speaks.
pub const WORLD_VERSION: &str = "0.1.0";

/// The interfaces that a component may export, `plugin` and at least one of the others.
const KINDS: [&str; 4] = ["source", "sink", "transform", "predicate"];
/// Our interfaces that a component may import.
const OFFERED: [&str; 6] = [
    "types",
    "host",
    "source-offsets",
    "task-reconfiguration",
    "sink-progress",
    "tcp",
];
/// How many names a message lists.
const NAMES_LISTED: usize = 12;

/// Checks a component's shape.
///
/// # Errors
/// What was found, what is wanted and what to do.
pub fn check(bytes: &[u8], limits: &CompileLimits) -> Result<(), SandboxError> {
    if bytes.len() > limits.component_bytes_max {
        return Err(refused(format!(
            "the component has more than {} bytes; no more are allowed (sandbox.component.bytes.max)",
            limits.component_bytes_max
        )));
    }
    if !bytes.starts_with(b"\0asm") {
        return Err(refused(format!(
            "this is not WebAssembly: it begins with {:02x?}, a component begins with [00, 61, 73, 6d]; \
             upload the .wasm file that the build made",
            bytes.get(..4.min(bytes.len())).unwrap_or_default()
        )));
    }
    let names = read(bytes, limits)?;
    check_exports(&names.exports)?;
    check_imports(&names.imports)
}

#[derive(Default)]
struct Names {
    imports: Vec<String>,
    exports: Vec<String>,
}

fn read(bytes: &[u8], limits: &CompileLimits) -> Result<Names, SandboxError> {
    let mut names = Names::default();
    let mut depth = 0_usize;
    let broken = |error: wasmparser::BinaryReaderError| {
        refused(format!(
            "the component is damaged: {}; build it again",
            clean(&error.to_string(), 300)
        ))
    };
    for payload in Parser::new(0).parse_all(bytes) {
        match payload.map_err(broken)? {
            Payload::Version {
                encoding: Encoding::Module,
                ..
            } if depth == 0 => {
                return Err(refused(
                    "this is a core WebAssembly module; a component is wanted. Build it for wasm32-wasip2, or \
                     turn it into a component with `wasm-tools component new`"
                        .to_owned(),
                ));
            }
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::ComponentImportSection(section) if depth == 0 => {
                for import in section {
                    names
                        .imports
                        .push(import.map_err(broken)?.name.name.to_owned());
                }
            }
            Payload::ComponentExportSection(section) if depth == 0 => {
                for export in section {
                    names
                        .exports
                        .push(export.map_err(broken)?.name.name.to_owned());
                }
            }
            Payload::CodeSectionEntry(body) => {
                let size = body.as_bytes().len();
                if size > limits.function_bytes_max {
                    return Err(refused(format!(
                        "a function of {size} bytes; at most {} are compiled (sandbox.function.bytes.max)",
                        limits.function_bytes_max
                    )));
                }
                let mut locals = 0_u32;
                for local in body.get_locals_reader().map_err(broken)? {
                    locals = locals.saturating_add(local.map_err(broken)?.0);
                }
                if locals > limits.function_locals_max {
                    return Err(refused(format!(
                        "a function with {locals} local variables; at most {} are compiled (sandbox.function.locals.max)",
                        limits.function_locals_max
                    )));
                }
            }
            _ => {}
        }
    }
    Ok(names)
}

fn check_exports(exports: &[String]) -> Result<(), SandboxError> {
    let has = |interface: &str| exports.contains(&ours(interface));
    if has("plugin") && KINDS.iter().any(|kind| has(kind)) {
        return Ok(());
    }
    let wanted = format!(
        "wanted are {} and at least one of source, sink, transform and predicate of the same package",
        ours("plugin")
    );
    let other_version = exports
        .iter()
        .filter_map(|export| export.strip_prefix("tidegate:connect/"))
        .find_map(|export| export.split_once('@'))
        .filter(|(_, version)| *version != WORLD_VERSION);
    Err(refused(match other_version {
        Some((_, version)) => format!(
            "the component is made for version {} of tidegate:connect, this worker speaks {WORLD_VERSION}; \
             build it with the SDK of this version",
            clean(version, 50)
        ),
        None => format!(
            "the component is not a Tidegate plugin: it exports {}; {wanted}. Build it with an SDK of Tidegate; in Rust, \
             tidegate_sdk::export! names the plugins",
            list(exports)
        ),
    }))
}

fn check_imports(imports: &[String]) -> Result<(), SandboxError> {
    let unknown: Vec<String> = imports
        .iter()
        .filter(|import| !is_offered(import))
        .cloned()
        .collect();
    if unknown.is_empty() {
        return Ok(());
    }
    let mut message = format!(
        "the component imports {}, which this worker does not offer; offered are WASI 0.2 and \
         tidegate:connect/{{host, sink-progress, source-offsets, task-reconfiguration, tcp, types}}@{WORLD_VERSION}",
        list(&unknown)
    );
    if unknown.iter().any(|import| import.starts_with("wasi:")) {
        message.push_str(". Build it for WASI 0.2 (the target wasm32-wasip2)");
    }
    Err(refused(message))
}

fn is_offered(import: &str) -> bool {
    if let Some(wasi) = import.strip_prefix("wasi:") {
        return wasi
            .split_once('@')
            .is_some_and(|(_, version)| version.starts_with("0.2."));
    }
    OFFERED.iter().any(|offered| import == ours(offered))
}

/// The full name of one of our interfaces.
pub(crate) fn ours(interface: &str) -> String {
    format!("tidegate:connect/{interface}@{WORLD_VERSION}")
}

fn list(names: &[String]) -> String {
    if names.is_empty() {
        return "nothing".to_owned();
    }
    let mut text = String::new();
    for (index, name) in names.iter().take(NAMES_LISTED).enumerate() {
        if index > 0 {
            text.push_str(", ");
        }
        text.push_str(&clean(name, 200));
    }
    if names.len() > NAMES_LISTED {
        // Writing to a string cannot fail.
        write!(text, " and {} more", names.len() - NAMES_LISTED).unwrap_or_default();
    }
    text
}

fn refused(message: String) -> SandboxError {
    SandboxError::Refused(message)
}
