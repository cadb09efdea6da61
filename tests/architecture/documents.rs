//! `docs/dependencies.md`, `docs/config.md` and the links of documents against what is there.

use std::collections::BTreeSet;
use std::path::Path;

use crate::manifest::packages;
use crate::project::{files, root, text};

/// The first cells of a page's tables that are one quoted word.
fn quoted_first_cells(page: &str) -> BTreeSet<String> {
    page.lines()
        .filter_map(|line| line.strip_prefix("| `"))
        .filter_map(|rest| rest.split_once("` |"))
        .map(|(name, _)| name.to_owned())
        .collect()
}

#[test]
fn every_direct_dependency_has_its_reason() {
    let said = quoted_first_cells(&text("docs/dependencies.md"));
    let used: BTreeSet<String> = packages()
        .into_iter()
        .flat_map(|package| package.dependencies)
        .filter(|name| !name.starts_with("tidegate"))
        .collect();
    let missing: Vec<_> = used.difference(&said).collect();
    let stale: Vec<_> = said.difference(&used).collect();
    assert!(
        missing.is_empty(),
        "docs/dependencies.md does not say why there are {missing:?}"
    );
    assert!(
        stale.is_empty(),
        "docs/dependencies.md names {stale:?}, which nobody depends on"
    );
}

#[test]
fn every_worker_key_is_on_the_page() {
    let page = text("docs/config.md");
    let source = text("runtime/config/src/worker_keys.rs");
    let mut checked = 0;
    for list in [
        "KEYS",
        "HARMLESS",
        "WITHOUT_EFFECT",
        "CLIENT_KEYS",
        "CLIENT_PREFIXES",
        "PREFIXES",
    ] {
        let (_, rest) = source
            .split_once(&format!("const {list}: &[&str] = &["))
            .unwrap();
        let (keys, _) = rest.split_once("];").unwrap();
        for key in keys.split('"').skip(1).step_by(2) {
            let known = page.contains(&format!("`{key}`")) || page.contains(&format!("`{key}…`"));
            assert!(
                known,
                "docs/config.md does not mention the worker key {key}"
            );
            checked += 1;
        }
    }
    assert!(checked > 60, "the lists could not be read");
}

#[test]
fn links_between_documents_lead_somewhere() {
    let mut pages = vec![
        "README.md".into(),
        "ARCHITECTURE.md".into(),
        "SECURITY.md".into(),
        "CHANGELOG.md".into(),
    ]
    .into_iter()
    .map(|name: String| root().join(name))
    .collect::<Vec<_>>();
    for folder in ["docs", "wit", "guest-sdk", "sample-connectors"] {
        pages.extend(files(folder, ".md"));
    }
    for page in pages {
        let content = std::fs::read_to_string(&page).unwrap();
        for link in content
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split(')').next())
        {
            let target = link.split('#').next().unwrap();
            if target.is_empty() || link.contains("://") || link.contains(' ') {
                continue;
            }
            let there = page.parent().unwrap_or(Path::new("")).join(target);
            assert!(
                there.exists(),
                "{} links to {target}, which is not there",
                page.display()
            );
        }
    }
}

#[test]
fn decisions_are_numbered_without_gaps() {
    let names: Vec<String> = files("docs/adr", ".md")
        .iter()
        .filter_map(|path| Some(path.file_name()?.to_str()?.to_owned()))
        .collect();
    for (number, name) in (1..).zip(&names) {
        assert!(name.starts_with(&format!("{number:04}-")), "{name}");
    }
}
