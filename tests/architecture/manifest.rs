//! `Cargo.toml`s, as far as the tests read them: one dependency on a line.

use crate::project::{root, text};

/// A member of the workspace.
pub struct Package {
    /// Its name.
    pub name: String,
    /// What it depends on, tests and benchmarks too.
    pub dependencies: Vec<String>,
}

/// All members of the workspace.
pub fn packages() -> Vec<Package> {
    let mut paths = Vec::new();
    for member in members() {
        match member.strip_suffix("/*") {
            None => paths.push(format!("{member}/Cargo.toml")),
            Some(folder) => {
                for entry in std::fs::read_dir(root().join(folder)).unwrap() {
                    let name = entry.unwrap().file_name().into_string().unwrap();
                    if root().join(folder).join(&name).join("Cargo.toml").is_file() {
                        paths.push(format!("{folder}/{name}/Cargo.toml"));
                    }
                }
            }
        }
    }
    paths.iter().map(|path| package(&text(path))).collect()
}

fn members() -> Vec<String> {
    let manifest = text("Cargo.toml");
    let (_, rest) = manifest.split_once("members = [").unwrap();
    let (list, _) = rest.split_once(']').unwrap();
    list.split('"')
        .skip(1)
        .step_by(2)
        .map(str::to_owned)
        .collect()
}

fn package(manifest: &str) -> Package {
    let mut section = "";
    let mut name = None;
    let mut dependencies = Vec::new();
    for line in manifest.lines().map(str::trim) {
        if line.starts_with('[') {
            section = line.trim_matches(['[', ']']);
            // `[dependencies.name]` is one too.
            if let Some((_, name)) = section.split_once("dependencies.") {
                dependencies.push(name.to_owned());
            }
        } else if section == "package" && name.is_none() {
            name = line
                .strip_prefix("name = ")
                .map(|name| name.trim_matches('"').to_owned());
        } else if section.ends_with("dependencies")
            && let Some((key, _)) = line.split_once('=')
            && !line.starts_with('#')
        {
            let key = key.trim();
            dependencies.push(key.strip_suffix(".workspace").unwrap_or(key).to_owned());
        }
    }
    Package {
        name: name.unwrap(),
        dependencies,
    }
}

#[test]
fn all_ways_to_write_a_dependency_are_read() {
    let read = package(
        "[package]\nname = \"p\"\n[dependencies]\na.workspace = true\n# c = \"1\"\nb = { version = \"1\" }\n\
         [dev-dependencies]\nd = \"1\"\n[target.'cfg(unix)'.dependencies]\ne = \"1\"\n[dependencies.f]\nversion = \"1\"\n",
    );
    assert_eq!(read.name, "p");
    assert_eq!(read.dependencies, ["a", "b", "d", "e", "f"]);
}
