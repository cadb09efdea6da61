//! Compiling a component, in a child process with limits on time and memory.
//!
//! Compiling is outside of wasmtime's security policy: a small component can keep the compiler busy for minutes
//! or take gigabytes. A child that does is killed, and the worker goes on. The parent holds it to a wall clock;
//! the child itself to CPU time and memory ([`compile_child`]).

use std::ffi::OsString;
use std::fs::File;
use std::io::{Read, Seek, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, ExitCode, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use rustix::process::{Resource, Rlimit, setrlimit};
use tidegate_model::guest_text::clean;
use wasmtime::Engine;

use crate::engine::engine;
use crate::error::SandboxError;
use crate::settings::Compiler;
use crate::shape::COMPONENT_BYTES_MAX;

/// The most CPU time of a compilation in seconds, all threads together.
pub const COMPILE_CPU_SECONDS_MAX: u64 = 60;
/// The longest compilation.
pub const COMPILE_TIME_MAX: Duration = Duration::from_secs(180);
/// The most address space of the compiling child in bytes.
pub const COMPILE_ADDRESS_BYTES_MAX: u64 = 2 * 1024 * 1024 * 1024;
/// The most bytes of the child's message that are kept.
const MESSAGE_BYTES_MAX: u64 = 8 * 1024;

const SIGABRT: i32 = 6;
const SIGKILL: i32 = 9;
const SIGSEGV: i32 = 11;
const SIGXCPU: i32 = 24;

/// Compiles. `scratch` is a private folder for temporary files.
pub(crate) fn compile(
    compiler: &Compiler,
    engine: &Engine,
    scratch: &Path,
    component: &[u8],
) -> Result<Vec<u8>, SandboxError> {
    match compiler {
        Compiler::InProcess => engine
            .precompile_component(component)
            .map_err(|error| SandboxError::Compile(readable(&format!("{error:#}")))),
        Compiler::Command { program, args } => in_child(program, args, scratch, component),
    }
}

fn in_child(
    program: &Path,
    args: &[OsString],
    scratch: &Path,
    component: &[u8],
) -> Result<Vec<u8>, SandboxError> {
    let io = |error: std::io::Error| {
        SandboxError::Io(format!("the compiler cannot be started: {error}"))
    };
    // Files without names: nothing to clean up, nothing to swap, and no pipe that could fill.
    let mut input = tempfile::tempfile_in(scratch).map_err(io)?;
    input.write_all(component).map_err(io)?;
    input.rewind().map_err(io)?;
    let mut output = tempfile::tempfile_in(scratch).map_err(io)?;
    let child = Command::new(program)
        .args(args)
        .env_clear()
        .stdin(input)
        .stdout(output.try_clone().map_err(io)?)
        .stderr(Stdio::piped())
        .spawn()
        .map_err(io)?;
    let (status, message) = wait(child)?;
    if status.signal() == Some(SIGKILL) {
        // Not the component's own doing for sure, so it is not remembered as a fault of it.
        return Err(SandboxError::Io(
            "the compiler was killed, perhaps because the machine is out of memory; try again"
                .to_owned(),
        ));
    }
    if !status.success() {
        return Err(SandboxError::Compile(why(status, &message)));
    }
    let mut code = Vec::new();
    output.rewind().map_err(io)?;
    output.read_to_end(&mut code).map_err(io)?;
    if code.is_empty() {
        return Err(SandboxError::Internal(format!(
            "the compiler {} ended without a result",
            program.display()
        )));
    }
    Ok(code)
}

/// Waits for the child until the wall clock, then kills it.
fn wait(mut child: Child) -> Result<(ExitStatus, String), SandboxError> {
    let (ended, has_ended) = mpsc::sync_channel(1);
    let stderr = child.stderr.take();
    // The child's end of the pipe closes when it ends, however it ends.
    thread::Builder::new()
        .name("tidegate-compile".to_owned())
        .spawn(move || {
            let mut message = Vec::new();
            if let Some(stderr) = stderr {
                let mut stderr = stderr;
                let mut kept = stderr.by_ref().take(MESSAGE_BYTES_MAX);
                kept.read_to_end(&mut message).ok();
                std::io::copy(&mut stderr, &mut std::io::sink()).ok();
            }
            ended.send(message).ok();
        })
        .map_err(|error| SandboxError::Internal(format!("a thread cannot start: {error}")))?;
    let message = has_ended.recv_timeout(COMPILE_TIME_MAX);
    if message.is_err() {
        child.kill().ok();
    }
    let status = child.wait().map_err(|error| {
        SandboxError::Internal(format!("the compiler cannot be waited for: {error}"))
    })?;
    match message {
        Ok(message) => Ok((status, String::from_utf8_lossy(&message).into_owned())),
        Err(_) => Err(SandboxError::Compile(format!(
            "it took longer than {} s; at most that is allowed",
            COMPILE_TIME_MAX.as_secs()
        ))),
    }
}

fn why(status: ExitStatus, message: &str) -> String {
    match status.signal() {
        Some(SIGXCPU) => {
            format!("it took more than {COMPILE_CPU_SECONDS_MAX} s of CPU; at most that is allowed")
        }
        Some(SIGABRT | SIGSEGV) => format!(
            "it took more than {} GiB of memory, or the compiler failed; {}",
            COMPILE_ADDRESS_BYTES_MAX >> 30,
            readable(message)
        ),
        Some(signal) => format!("the compiler was ended by signal {signal}"),
        None => readable(message),
    }
}

fn readable(message: &str) -> String {
    clean(message.trim(), MESSAGE_BYTES_MAX as usize).into_owned()
}

/// What the compiling child does: limits itself, reads a component from standard input, and writes the
/// compiled form to standard output. Its messages go to standard error.
///
/// The program calls this for the hidden argument [`crate::settings::COMPILE_ARGUMENT`], first thing in `main`.
#[must_use]
pub fn compile_child() -> ExitCode {
    match limited() {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => std::io::stderr()
            .write_all(message.as_bytes())
            .map_or(ExitCode::from(2), |()| ExitCode::FAILURE),
    }
}

fn limited() -> Result<(), String> {
    let limit = |resource, current, maximum| {
        setrlimit(
            resource,
            Rlimit {
                current: Some(current),
                maximum: Some(maximum),
            },
        )
        .map_err(|error| format!("a limit of the compiler cannot be set: {error}"))
    };
    // When the worker is killed, nobody waits for the result any more.
    rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))
        .map_err(|error| format!("the compiler cannot be tied to its parent: {error}"))?;
    limit(Resource::Core, 0, 0)?;
    // At the first limit SIGXCPU comes, which says what happened; at the second SIGKILL.
    limit(
        Resource::Cpu,
        COMPILE_CPU_SECONDS_MAX,
        COMPILE_CPU_SECONDS_MAX + 1,
    )?;
    limit(
        Resource::As,
        COMPILE_ADDRESS_BYTES_MAX,
        COMPILE_ADDRESS_BYTES_MAX,
    )?;
    let mut component = Vec::new();
    std::io::stdin()
        .take(COMPONENT_BYTES_MAX as u64 + 1)
        .read_to_end(&mut component)
        .map_err(|error| format!("the component cannot be read: {error}"))?;
    let code = engine()
        .map_err(|error| error.to_string())?
        .precompile_component(&component)
        .map_err(|error| format!("{error:#}"))?;
    // Past the buffer of `Stdout`, which would write a large result twice.
    let mut output = File::from(
        rustix::io::dup(std::io::stdout()).map_err(|error| format!("standard output: {error}"))?,
    );
    output
        .write_all(&code)
        .map_err(|error| format!("the result cannot be written: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> String {
        let scratch = tempfile::tempdir().unwrap();
        let args = ["-c".into(), script.into()];
        in_child(Path::new("/bin/sh"), &args, scratch.path(), b"component")
            .unwrap_err()
            .to_string()
    }

    #[test]
    fn a_child_that_hits_a_limit_is_explained() {
        assert!(shell("kill -XCPU $$").contains("60 s of CPU"));
        assert!(shell("echo no memory >&2; kill -ABRT $$").contains("2 GiB of memory"));
        let killed = shell("kill -KILL $$");
        assert!(killed.contains("was killed"), "{killed}");
        assert!(shell("exit 0").contains("without a result"));
        assert!(shell("yes | head -c 1000000 >&2; exit 1").len() < 20_000);
    }

    #[test]
    fn what_the_child_writes_is_the_result() {
        let scratch = tempfile::tempdir().unwrap();
        let code = in_child(Path::new("/bin/cat"), &[], scratch.path(), b"component");
        assert_eq!(code.unwrap(), b"component");
    }
}
