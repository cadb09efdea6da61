//! Telling secrets wherever words can go.

use crate::exports::tidegate::connect::plugin;
use crate::tidegate::connect::host;
use crate::types::Config;
use crate::write_lines;

/// The keys whose values may be secrets.
const KEYS: [&str; 5] = ["password", "plain", "bare", "copied", "around"];

fn secrets(config: &Config) -> Vec<String> {
    let secret = |(key, _): &&(String, String)| KEYS.contains(&key.as_str());
    config
        .iter()
        .filter(secret)
        .map(|(_, value)| value.clone())
        .collect()
}

/// All of them in one text, as they are and as Rust shows them.
pub fn all(config: &Config) -> String {
    let secrets = secrets(config);
    format!("told {} and {secrets:?}", secrets.join(" "))
}

/// Says them in each way that there is; what it was given is in the file `out`.
pub fn everywhere(config: &Config) {
    for level in [host::Level::Error, host::Level::Info, host::Level::Debug] {
        host::log(level, &all(config));
    }
    println!("{}", all(config));
    eprintln!("{}", all(config));
    let padding = "x".repeat(4_000);
    println!("{padding} {}", all(config));
    write_lines(config, secrets(config));
}

/// The configuration with secrets in other places.
pub fn copied(mut config: Config) -> Config {
    let value = |key| crate::config_value(&config, key);
    let (copied, around) = (value("password"), format!("<{}>", value("plain")));
    config.push(("copied".to_owned(), copied));
    config.push(("around".to_owned(), around));
    config
}

/// A password.
pub fn password() -> plugin::ConfigKey {
    plugin::ConfigKey {
        name: "password".to_owned(),
        type_: plugin::ConfigType::Password,
        default_value: None,
        required: false,
        importance: plugin::Importance::High,
        documentation: "A password.".to_owned(),
        valid_values: vec![],
        names: plugin::Names::Nothing,
        group: Some("Login".to_owned()),
        width: plugin::Width::Medium,
        display_name: Some("Your password".to_owned()),
        recommended_values: vec![],
    }
}

/// In which way it tells.
pub fn say() -> plugin::ConfigKey {
    plugin::ConfigKey {
        name: "say".to_owned(),
        type_: plugin::ConfigType::Text,
        display_name: None,
        width: plugin::Width::Short,
        recommended_values: vec!["start".to_owned(), "trap".to_owned()],
        ..password()
    }
}
