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
use tidegate_config::guest_limits::WASM_STACK_BYTES;
use tidegate_config::limits::CompileLimits;
use tidegate_model::guest_text::clean;
use wasmparser::Validator;
use wasmtime::Engine;

use crate::engine::engine;
use crate::error::SandboxError;
use crate::settings::Compiler;

/// How the child is told its limits: the numbers of [`Limited`], in its environment.
const LIMITS_VARIABLE: &str = "TIDEGATE_COMPILE_LIMITS";
/// The most bytes of the child's message that are kept.
const MESSAGE_BYTES_MAX: u64 = 8 * 1024;

const SIGABRT: i32 = 6;
const SIGKILL: i32 = 9;
const SIGSEGV: i32 = 11;
const SIGXCPU: i32 = 24;

/// Compiles. `scratch` is a private folder for temporary files.
pub(crate) fn compile(
    compiler: &Compiler,
    limits: &CompileLimits,
    engine: &Engine,
    scratch: &Path,
    component: &[u8],
) -> Result<Vec<u8>, SandboxError> {
    match compiler {
        Compiler::InProcess => engine
            .precompile_component(component)
            .map_err(|error| SandboxError::Compile(readable(&format!("{error:#}")))),
        Compiler::Command { program, args } => in_child(program, args, limits, scratch, component),
    }
}

fn in_child(
    program: &Path,
    args: &[OsString],
    limits: &CompileLimits,
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
        .env(LIMITS_VARIABLE, Limited::of(limits).text())
        .stdin(input)
        .stdout(output.try_clone().map_err(io)?)
        .stderr(Stdio::piped())
        .spawn()
        .map_err(io)?;
    let (status, message) = wait(child, limits)?;
    if status.signal() == Some(SIGKILL) {
        // Not the component's own doing for sure, so it is not remembered as a fault of it.
        return Err(SandboxError::Io(
            "the compiler was killed, perhaps because the machine is out of memory; try again"
                .to_owned(),
        ));
    }
    if !status.success() {
        return Err(SandboxError::Compile(why(status, &message, limits)));
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
fn wait(mut child: Child, limits: &CompileLimits) -> Result<(ExitStatus, String), SandboxError> {
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
    let message = has_ended.recv_timeout(Duration::from_millis(limits.compile_ms_max));
    if message.is_err() {
        child.kill().ok();
    }
    let status = child.wait().map_err(|error| {
        SandboxError::Internal(format!("the compiler cannot be waited for: {error}"))
    })?;
    match message {
        Ok(message) => Ok((status, String::from_utf8_lossy(&message).into_owned())),
        Err(_) => Err(SandboxError::Compile(format!(
            "compiling it took longer than {} ms; at most that is allowed (sandbox.compile.ms.max)",
            limits.compile_ms_max
        ))),
    }
}

fn why(status: ExitStatus, message: &str, limits: &CompileLimits) -> String {
    match status.signal() {
        Some(SIGXCPU) => {
            format!(
                "compiling it took more than {} ms of CPU; at most that is allowed (sandbox.compile.cpu.ms.max)",
                limits.compile_cpu_ms_max
            )
        }
        Some(SIGABRT | SIGSEGV) => format!(
            "compiling it took more than {} bytes of memory (sandbox.compile.memory.bytes.max), or the compiler failed; {}",
            limits.compile_memory_bytes_max,
            readable(message.lines().next().unwrap_or_default())
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

/// What the child holds itself to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Limited {
    cpu_seconds: u64,
    memory_bytes: u64,
    component_bytes: u64,
}

impl Limited {
    fn of(limits: &CompileLimits) -> Self {
        Self {
            cpu_seconds: limits.compile_cpu_ms_max.div_ceil(1000),
            memory_bytes: limits.compile_memory_bytes_max,
            component_bytes: limits.component_bytes_max as u64,
        }
    }

    fn text(self) -> String {
        let Self {
            cpu_seconds,
            memory_bytes,
            component_bytes,
        } = self;
        format!("{cpu_seconds} {memory_bytes} {component_bytes}")
    }

    /// What [`Limited::text`] said. Nothing said: the defaults.
    fn read(text: Option<&str>) -> Result<Self, String> {
        let Some(text) = text else {
            return Ok(Self::of(&CompileLimits::default()));
        };
        let numbers: Option<Vec<u64>> = text.split(' ').map(|it| it.parse().ok()).collect();
        match numbers.as_deref() {
            Some([cpu_seconds, memory_bytes, component_bytes]) => Ok(Self {
                cpu_seconds: *cpu_seconds,
                memory_bytes: *memory_bytes,
                component_bytes: *component_bytes,
            }),
            _ => Err(format!("{LIMITS_VARIABLE} is not three numbers: {text:?}")),
        }
    }
}

fn limited() -> Result<(), String> {
    let limits = Limited::read(std::env::var(LIMITS_VARIABLE).ok().as_deref())?;
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
    limit(Resource::Cpu, limits.cpu_seconds, limits.cpu_seconds + 1)?;
    limit(Resource::As, limits.memory_bytes, limits.memory_bytes)?;
    let mut component = Vec::new();
    std::io::stdin()
        .take(limits.component_bytes + 1)
        .read_to_end(&mut component)
        .map_err(|error| format!("the component cannot be read: {error}"))?;
    // Compiling begins before all is checked; what is damaged is to cost nobody that time.
    Validator::new()
        .validate_all(&component)
        .map_err(|error| format!("the component is damaged: {error}"))?;
    let code = engine(WASM_STACK_BYTES)
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
        let limits = CompileLimits::default();
        in_child(
            Path::new("/bin/sh"),
            &args,
            &limits,
            scratch.path(),
            b"component",
        )
        .unwrap_err()
        .to_string()
    }

    #[test]
    fn a_child_that_hits_a_limit_is_explained() {
        assert!(shell("kill -XCPU $$").contains("60000 ms of CPU"));
        assert!(shell("echo no memory >&2; kill -ABRT $$").contains("2147483648 bytes of memory"));
        let killed = shell("kill -KILL $$");
        assert!(killed.contains("was killed"), "{killed}");
        assert!(shell("exit 0").contains("without a result"));
        assert!(shell("yes | head -c 1000000 >&2; exit 1").len() < 20_000);
    }

    #[test]
    fn what_the_child_writes_is_the_result() {
        let scratch = tempfile::tempdir().unwrap();
        let code = in_child(
            Path::new("/bin/cat"),
            &[],
            &CompileLimits::default(),
            scratch.path(),
            b"component",
        );
        assert_eq!(code.unwrap(), b"component");
    }

    #[test]
    fn the_child_is_told_its_limits() {
        let limits = CompileLimits {
            compile_cpu_ms_max: 1_001,
            compile_memory_bytes_max: 3,
            component_bytes_max: 4,
            ..CompileLimits::default()
        };
        let told = Limited::of(&limits);
        assert_eq!(told.text(), "2 3 4");
        assert_eq!(Limited::read(Some(&told.text())), Ok(told));
        assert_eq!(
            Limited::read(None),
            Ok(Limited::of(&CompileLimits::default()))
        );
        assert!(Limited::read(Some("2 3")).is_err());
        let told = shell(&format!("echo ${LIMITS_VARIABLE} >&2; exit 1"));
        assert!(told.ends_with(": 60 2147483648 67108864"), "{told}");
    }

    #[test]
    fn a_child_that_takes_too_long_is_ended() {
        let scratch = tempfile::tempdir().unwrap();
        let limits = CompileLimits {
            compile_ms_max: 200,
            ..CompileLimits::default()
        };
        let args = ["-c".into(), "exec sleep 100".into()];
        let ended = in_child(Path::new("/bin/sh"), &args, &limits, scratch.path(), b"");
        let message = ended.unwrap_err().to_string();
        assert!(message.contains("longer than 200 ms"), "{message}");
    }
}
