//! The compiling child on its own, for the tests: what `tidegate compile-component` is.

fn main() -> std::process::ExitCode {
    tidegate_sandbox::compile_child()
}
