//! The pages of `docs/transforms` and `docs/converters`, made from the definitions that components and converters
//! carry and from examples that are run (`examples.json`).
//!
//! As a test it compares the pages with what it would write; `make reference` writes them.
//!
//! | module | what |
//! | --- | --- |
//! | [`pages`] | the pages and their tables |
//! | [`examples`] | the examples, run through component and converter |

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test says what it expects by failing"
)]

mod examples;
mod pages;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use tidegate_sandbox::{Compiler, Registry, Sandbox, Settings};

/// Set by `make reference`: the pages are written, not compared.
const WRITE: &str = "TIDEGATE_WRITE_REFERENCE";

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    if arguments.any(|argument| argument == "--list") {
        println!("reference: test");
        return ExitCode::SUCCESS;
    }
    let filter = std::env::args()
        .skip(1)
        .find(|argument| !argument.starts_with('-'));
    if filter.is_some_and(|filter| !"reference".contains(&filter)) {
        return ExitCode::SUCCESS;
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let registry = components(&root.join("target/plugins"));
    let pages = pages::all(&registry, &examples::read());
    let docs = root.join("docs");
    if std::env::var_os(WRITE).is_some() {
        write(&docs, &pages);
        println!("{} pages are written.", pages.len());
        return ExitCode::SUCCESS;
    }
    let stale = stale(&docs, &pages);
    for page in &stale {
        println!(
            "docs/{page} is not what the definitions say; run `make reference` and look at the difference"
        );
    }
    println!("{} pages, {} stale", pages.len(), stale.len());
    if stale.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn components(folder: &Path) -> Registry {
    let cache = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("compiled");
    let sandbox = Sandbox::new(Settings {
        compiler: Compiler::InProcess,
        ..Settings::new(cache)
    });
    let registry = Registry::open(&sandbox.expect("a sandbox starts"), &[folder.to_owned()]);
    assert!(!registry.list().is_empty(), "run `make guests` first");
    registry
}

fn write(docs: &Path, pages: &BTreeMap<String, String>) {
    for folder in pages::FOLDERS {
        let folder = docs.join(folder);
        if folder.exists() {
            std::fs::remove_dir_all(&folder).unwrap();
        }
        std::fs::create_dir_all(&folder).unwrap();
    }
    for (name, page) in pages {
        std::fs::write(docs.join(name), page).unwrap();
    }
}

/// The pages that are missing, differ, or are of nothing that is there.
fn stale(docs: &Path, pages: &BTreeMap<String, String>) -> Vec<String> {
    let differs = |(name, page): &(&String, &String)| {
        std::fs::read_to_string(docs.join(name)).ok().as_ref() != Some(page)
    };
    let mut stale: Vec<String> = pages
        .iter()
        .filter(differs)
        .map(|(name, _)| name.clone())
        .collect();
    for folder in pages::FOLDERS {
        for entry in std::fs::read_dir(docs.join(folder))
            .into_iter()
            .flatten()
            .flatten()
        {
            let name = format!("{folder}/{}", entry.file_name().to_string_lossy());
            if !pages.contains_key(&name) {
                stale.push(name);
            }
        }
    }
    stale
}
