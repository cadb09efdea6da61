//! A component whose plugins each misbehave in one way, named after it: `test.LoopsInPoll` loops in `poll`.
//!
//! It is written against the interface itself and not with the SDK, because an SDK would prevent most of this.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    missing_docs,
    unsafe_code,
    reason = "misbehaving is what this component is for, and the rest is generated"
)]

mod misdeeds;
mod network;
mod sink;
mod source;
mod tells;
mod transform;

wit_bindgen::generate!({
    path: "../../wit",
    inline: r#"
        package tidegate:test-guests@0.1.0;

        world every {
            import tidegate:connect/host@0.1.0;
            import tidegate:connect/source-offsets@0.1.0;
            import tidegate:connect/task-reconfiguration@0.1.0;
            import tidegate:connect/sink-progress@0.1.0;
            import tidegate:connect/tcp@0.1.0;
            export tidegate:connect/plugin@0.1.0;
            export tidegate:connect/source@0.1.0;
            export tidegate:connect/sink@0.1.0;
            export tidegate:connect/transform@0.1.0;
            export tidegate:connect/predicate@0.1.0;
        }
    "#,
    world: "tidegate:test-guests/every",
    generate_all,
});

pub use exports::tidegate::connect::plugin;
pub use tidegate::connect::types;

use plugin::{ConfigError, Info, Kind};

/// The component.
pub struct Component;

export!(Component);

/// A value of a configuration; empty when absent.
pub fn config_value(config: &types::Config, key: &str) -> String {
    config
        .iter()
        .find(|(name, _)| name == key)
        .map(|(_, value)| value.clone())
        .unwrap_or_default()
}

/// An error with a message.
pub fn error(kind: types::ErrorKind, message: impl Into<String>) -> types::Error {
    types::Error {
        kind,
        message: message.into(),
    }
}

fn path(name: &str, default: Option<&str>, names: plugin::Names) -> plugin::ConfigKey {
    plugin::ConfigKey {
        name: name.to_owned(),
        type_: plugin::ConfigType::Text,
        default_value: default.map(str::to_owned),
        required: false,
        importance: plugin::Importance::High,
        documentation: "A path.".to_owned(),
        valid_values: vec![],
        names,
        group: None,
        width: plugin::Width::None,
        display_name: None,
        recommended_values: vec![],
    }
}

/// Appends lines to the file that the configuration calls `out`, if it does.
pub fn write_lines(config: &types::Config, lines: impl IntoIterator<Item = String>) {
    let out = config_value(config, "out");
    if out.is_empty() {
        return;
    }
    let text: String = lines.into_iter().map(|line| line + "\n").collect();
    let file = std::fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(out);
    std::io::Write::write_all(&mut file.unwrap(), text.as_bytes()).unwrap();
}

impl plugin::Guest for Component {
    fn describe() -> Vec<Info> {
        let of = |kind, names: &[&str]| -> Vec<Info> {
            names
                .iter()
                .map(|name| Info {
                    class_name: format!("test.{name}"),
                    aliases: vec![],
                    kind,
                    version: "1.2.3".to_owned(),
                    documentation: "Misbehaves.\nIn one way.".to_owned(),
                    config: if *name == "TellsSecrets" {
                        vec![
                            path("out", None, plugin::Names::WriteFile),
                            tells::password(),
                            tells::say(),
                        ]
                    } else {
                        vec![
                            path("path", Some("x"), plugin::Names::ReadFile),
                            path("out", None, plugin::Names::WriteFile),
                            path("secret", None, plugin::Names::Secret),
                        ]
                    },
                })
                .collect()
        };
        let mut infos = of(Kind::Source, source::NAMES);
        infos.extend(of(Kind::Sink, sink::NAMES));
        infos.extend(of(Kind::Transform, transform::TRANSFORMS));
        infos.extend(of(Kind::Predicate, transform::PREDICATES));
        infos
    }

    fn validate(class_name: String, config: types::Config) -> Vec<ConfigError> {
        misdeeds::trap_in(&class_name, "Validate");
        match class_name.as_str() {
            "test.LoopsInValidate" => misdeeds::loop_for_ever(),
            "test.FindsManyProblems" => (0..5_000)
                .map(|number| ConfigError {
                    key: format!("key{number}"),
                    message: "wrong\u{1b}[31m".to_owned(),
                })
                .collect(),
            "test.TakesMemory" => vec![ConfigError {
                key: "got".to_owned(),
                message: misdeeds::take_all_memory().to_string(),
            }],
            "test.TellsSecrets" => {
                let says = config_value(&config, "say") == "validate";
                let problem = says.then(|| ConfigError {
                    key: "plain".to_owned(),
                    message: tells::all(&config),
                });
                problem.into_iter().collect()
            }
            _ => config
                .into_iter()
                .filter(|(_, value)| value == "wrong")
                .map(|(key, _)| ConfigError {
                    key,
                    message: "is wrong".to_owned(),
                })
                .collect(),
        }
    }
}
