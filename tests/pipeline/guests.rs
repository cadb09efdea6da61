//! The components of `tests/` that misbehave, or serve tests, as plugins of a place.

use std::process::Command;

use crate::support::{Place, plugins, root};

/// Builds components of `tests/` and puts them among the plugins of a place, each in a file of its own.
pub fn add_guests(place: &Place, packages: &[&str]) {
    let mut build = Command::new(env!("CARGO"));
    build
        .args(["build", "--quiet", "--profile", "guest"])
        .args(["--target", "wasm32-wasip2"])
        .current_dir(root());
    for package in packages {
        build.args(["-p", package]);
    }
    assert!(build.status().unwrap().success());
    let target = std::env::current_exe().unwrap();
    let built = target
        .ancestors()
        .nth(3)
        .unwrap()
        .join("wasm32-wasip2/guest");
    let folder = place.path("plugins");
    std::fs::create_dir(&folder).unwrap();
    for package in packages {
        let file = format!("{}.wasm", package.replace('-', "_"));
        std::fs::copy(built.join(&file), folder.join(&file)).unwrap();
    }
    place.add_worker_key(&format!(
        "plugin.path={},{}",
        plugins().display(),
        folder.display()
    ));
}
