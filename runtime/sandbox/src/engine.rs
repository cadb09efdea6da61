//! The one `wasmtime::Engine`, configured on purpose.
//!
//! The compiling child and the worker build the engine with the same function, so that what one compiles the
//! other loads; a changed knob changes the compatibility hash and with it the name of every cached file.

use std::hash::{DefaultHasher, Hash, Hasher};

use wasmtime::{Config, Engine, OptLevel};

use crate::error::SandboxError;

/// The most frames of a trap's trace.
const TRACE_FRAMES_MAX: usize = 20;

/// Builds the engine. The stack is no part of what is compiled, so another one takes the same code.
///
/// # Errors
/// When this machine cannot run it.
pub(crate) fn engine(stack_bytes: usize) -> Result<Engine, SandboxError> {
    Engine::new(&config(stack_bytes))
        .map_err(|error| SandboxError::Internal(format!("wasmtime cannot start: {error:#}")))
}

/// A text that differs between engines that cannot load each other's code.
pub(crate) fn compatibility(engine: &Engine) -> String {
    let mut hasher = DefaultHasher::new();
    engine.precompile_compatibility_hash().hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}

fn config(stack_bytes: usize) -> Config {
    let mut config = Config::new();

    // A guest that loops must end. Epochs cost a load and a compare at loop heads and function entries, some
    // 5 to 10 % on tight loops; fuel would cost two to three times that and buys determinism nobody asked for.
    config.epoch_interruption(true);

    // 512 KiB is what the deepest of the toolchains here (Python, QuickJS) need for ordinary programs. Overflow
    // is a trap, found by a compare at function entry, so no signal handler is involved.
    config.max_wasm_stack(stack_bytes);

    // Proposals that no component here needs. Threads, GC, exceptions and stack switching are not compiled in;
    // these are, and most of the engine's advisories of the last year were in proposals like them.
    config.wasm_memory64(false);
    config.wasm_multi_memory(false);
    config.wasm_relaxed_simd(false);
    config.wasm_wide_arithmetic(false);
    config.wasm_custom_page_sizes(false);
    config.wasm_tail_call(false);

    // Guests are called synchronously on blocking threads, so nothing of the component model's concurrency is
    // needed. A guest call is never a future, so it can never be dropped half way.
    config.concurrency_support(false);

    // Instances are allocated one by one. The pooling allocator reserves its slots when the engine starts and
    // pays off with thousands of instantiations a second; tasks live for days. On demand, an idle instance
    // costs the pages it wrote, and its memory is back with the system as soon as the store is dropped.
    //
    // Each linear memory reserves 4 GiB of addresses (not of memory) with a guard region behind, so that bounds
    // checks compile to nothing; 47 bits of addresses hold some 30,000 of them. Smaller reservations would make
    // every guest slower to save what costs nothing.
    config.memory_reservation(4 << 30);
    config.memory_guard_size(32 << 20);

    // The initial contents of a memory are mapped copy-on-write from one image per component: starting an
    // instance copies nothing, and a thousand idle instances share the pages that they only read.
    config.memory_init_cow(true);
    config.table_lazy_init(true);

    // Compiling happens once per component and release, in a child process; running happens all day.
    config.cranelift_opt_level(OptLevel::Speed);
    config.parallel_compilation(true);

    // Traps name functions and offsets. DWARF is not read: a parser of hostile input for a prettier trace.
    config.wasm_backtrace_max_frames(std::num::NonZeroUsize::new(TRACE_FRAMES_MAX));
    config.native_unwind_info(false);
    config
}
