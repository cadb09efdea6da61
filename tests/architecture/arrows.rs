//! Which crate may know which.

use std::collections::BTreeSet;

use crate::manifest::packages;

/// Each crate of the runtime with the crates of ours that it may know. `model` knows nobody; nothing points back.
const ARROWS: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("java", &["model"]),
    ("config", &["model", "java"]),
    ("registry", &["model"]),
    ("convert", &["model", "java", "registry"]),
    ("broker", &["model", "java"]),
    ("test-certificates", &[]),
    ("test-fakes", &["model", "broker"]),
    ("sandbox", &["model", "config", "test-certificates"]),
    (
        "worker",
        &[
            "model",
            "config",
            "java",
            "convert",
            "broker",
            "sandbox",
            "test-fakes",
        ],
    ),
    (
        "herder",
        &[
            "model",
            "config",
            "convert",
            "broker",
            "sandbox",
            "worker",
            "test-fakes",
        ],
    ),
    (
        "rest",
        &["model", "config", "worker", "herder", "test-certificates"],
    ),
    ("sdk", &["model"]),
    ("datagen", &["sdk"]),
    ("file", &["sdk", "java"]),
    ("http", &["sdk"]),
    ("tcp", &["sdk"]),
    ("transforms", &["sdk", "java"]),
    ("test-begins-with", &["sdk"]),
    ("test-guests", &[]),
    ("test-repeats", &["sdk"]),
    (
        "fuzz",
        &[
            "model",
            "config",
            "java",
            "convert",
            "sandbox",
            "herder",
            "rest",
            "sdk",
            "transforms",
        ],
    ),
    ("architecture", &[]),
];

/// Libraries that only some crates may see, by what their names begin with.
const OWNED: &[(&str, &[&str])] = &[
    ("wasmtime", &["sandbox"]),
    ("wasmparser", &["sandbox"]),
    ("rdkafka", &["broker"]),
    ("rusqlite", &["broker"]),
    ("axum", &["rest", "fuzz"]),
    ("hyper", &["rest", "sandbox"]),
    ("native-tls", &["sandbox", "tidegate"]),
    ("openssl", &["rest", "test-certificates"]),
    ("clap", &["tidegate"]),
    ("ureq", &["registry", "tidegate"]),
];

/// `tidegate-model` is `model`; the program is `tidegate`.
fn short(name: &str) -> &str {
    name.strip_prefix("tidegate-").unwrap_or(name)
}

#[test]
fn crates_know_only_whom_they_may() {
    for package in packages() {
        let name = short(&package.name);
        if name == "tidegate" {
            continue;
        }
        let allowed = ARROWS.iter().find(|(of, _)| *of == name);
        let (_, allowed) =
            allowed.unwrap_or_else(|| panic!("{name} is new: say here whom it may know"));
        let ours = package
            .dependencies
            .iter()
            .filter(|found| found.starts_with("tidegate"));
        for found in ours {
            assert!(
                allowed.contains(&short(found)),
                "{name} may not depend on {found}"
            );
        }
    }
}

#[test]
fn nobody_knows_the_program() {
    for package in packages() {
        assert!(
            !package.dependencies.iter().any(|found| found == "tidegate"),
            "{}",
            package.name
        );
    }
}

#[test]
fn arrows_never_point_back() {
    let mut settled = BTreeSet::new();
    for (name, allowed) in ARROWS {
        for known in *allowed {
            assert!(
                settled.contains(known),
                "{name} points at {known}, which does not stand above it"
            );
        }
        settled.insert(*name);
    }
}

#[test]
fn heavy_libraries_have_owners() {
    for package in packages() {
        for (library, owners) in OWNED {
            let sees = package
                .dependencies
                .iter()
                .any(|found| found.starts_with(library));
            assert!(
                !sees || owners.contains(&short(&package.name)),
                "{} may not see {library}",
                package.name
            );
        }
    }
}

#[test]
fn every_crate_is_there() {
    let found: BTreeSet<String> = packages()
        .iter()
        .map(|package| short(&package.name).to_owned())
        .collect();
    for (name, _) in ARROWS {
        assert!(found.contains(*name), "{name} is not in the workspace");
    }
}
