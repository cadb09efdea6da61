//! What operators and clients write: properties, JSON, references, and the small languages of single values.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::net::IpAddr;
use std::sync::LazyLock;

use tidegate_config::connector::ConnectorConfig;
use tidegate_config::definition::{ConfigKey, ConfigType, Definition, Names, Parsed, list};
use tidegate_config::framework::{self, ConnectorRole, EnrichedKind};
use tidegate_config::grants::grants;
use tidegate_config::ip::Block;
use tidegate_config::plugin_version::{VersionRange, compare};
use tidegate_config::policy::Policy;
use tidegate_config::providers::Providers;
use tidegate_config::worker::{Listener, WorkerConfig};
use tidegate_config::{Properties, access, address, json, properties};

/// What no message may show.
const SECRET: &str = "canary-9f";
/// The environment of the worker.
static VARIABLES: LazyLock<BTreeMap<String, String>> = LazyLock::new(|| {
    let of = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    BTreeMap::from([
        of("S", SECRET),
        of("LONG", &SECRET.repeat(9)),
        of("P", "8080"),
    ])
});

/// A text, taken as each of them.
pub fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    if let Ok(properties) = properties::parse(text) {
        written_again(&properties);
        configurations(&properties);
    }
    objects(text);
    if let Err(error) = access::parse(text) {
        assert!(!error.to_string().is_empty());
    }
    for line in text.lines().take(4) {
        value(line);
    }
    versions(text);
}

/// Properties written with escapes read the same.
fn written_again(properties: &Properties) {
    let escaped = |text: &str| -> String {
        let units = text.encode_utf16();
        units.map(|unit| format!("\\u{unit:04x}")).collect()
    };
    let lines = properties.iter();
    let text: String = lines
        .map(|(key, value)| format!("{}={}\n", escaped(key), escaped(value)))
        .collect();
    assert_eq!(properties::parse(&text).as_ref().ok(), Some(properties));
}

/// Properties as those of a worker and of a connector.
fn configurations(properties: &Properties) {
    for worker in [
        WorkerConfig::standalone(properties.clone()),
        WorkerConfig::distributed(properties.clone()),
    ] {
        match worker {
            Ok((worker, _)) => {
                black_box(worker.control_plane());
                granted(properties, &worker.rest_policy);
            }
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    }
    connector(properties);
    if let Ok(providers) = Providers::of(properties, &VARIABLES) {
        resolved(properties, &providers);
    }
}

fn connector(properties: &Properties) {
    let connector = ConnectorConfig::unnamed("c", properties.clone());
    for role in [ConnectorRole::Source, ConnectorRole::Sink] {
        black_box(connector.check(role));
        black_box(framework::definition(role).validate(properties));
    }
    // Each is refused or taken; none may panic.
    black_box((
        connector.class().is_ok(),
        connector.tasks_max().is_ok(),
        connector.transforms().is_ok(),
        connector.topics().is_ok(),
        connector.topic_creation().is_ok(),
        connector.errors().is_ok(),
        connector.client_overrides("producer.override."),
    ));
    black_box(
        framework::plugin_definition(EnrichedKind::Transform, "t", None).validate(properties),
    );
    granted(properties, &Policy::Permissive);
    if let Ok(named) = ConnectorConfig::from_properties(properties.clone()) {
        let again = ConnectorConfig::of(named.name.as_str(), named.properties.clone());
        assert_eq!(again.ok().as_ref(), Some(&named));
    }
}

/// Grants of keys that name something, never beyond a policy.
fn granted(properties: &Properties, policy: &Policy) {
    let kinds = [
        ("file", Names::ReadFile),
        ("out", Names::WriteFile),
        ("folder", Names::WriteFolder),
        ("host", Names::Address),
        ("url", Names::Url),
        ("password", Names::Secret),
    ];
    let keys = kinds.map(|(name, names)| ConfigKey {
        names,
        ..ConfigKey::named(name)
    });
    let definition = Definition(keys.into());
    black_box(definition.validate(properties));
    let granted = grants(&definition, properties, policy);
    let strict = grants(&definition, properties, &Policy::Strict);
    if let (Ok(_), Err(error)) = (&granted, &strict) {
        assert!(!error.to_string().is_empty());
    }
    if let Ok(strict) = strict {
        assert!(strict.folders.is_empty() && strict.addresses.is_empty() && strict.http.is_empty());
        granted.expect("what needs nothing is granted by every policy");
    }
}

/// References: what they give comes back from what is stored, and none of it is shown.
fn resolved(properties: &Properties, providers: &Providers) {
    let (found, errors) = providers.resolve_all(properties);
    // A text that is what a reference gives may become that reference, which gives it again.
    if errors.is_empty() {
        let stored = found.unresolve(found.properties().clone());
        let filled = found.fill_in(&stored);
        for (key, value) in found.properties() {
            assert!(
                key == "name" || filled.get(key) == Some(value),
                "{key} of {stored:?}"
            );
        }
    }
    for error in errors {
        let shown = found.redact(error).to_string();
        assert!(
            !shown.contains(SECRET) || mentions_secret(properties),
            "{shown}"
        );
    }
    let shown = format!("{found:?}");
    assert!(!shown.contains(SECRET) || mentions_secret(properties));
    for value in found.properties().values() {
        let shown = found.secrets().redact(value);
        assert!(
            !shown.contains(SECRET) || found.secrets().is_empty() || mentions_secret(properties),
            "{shown}"
        );
    }
    let connector = ConnectorConfig::unnamed("c", properties.clone());
    let (connector, again, _) = connector.resolved(providers);
    assert_eq!(connector.properties, *again.properties());
}

fn mentions_secret(properties: &Properties) -> bool {
    let mut entries = properties.iter();
    entries.any(|(key, value)| key.contains("canary") || value.contains("canary"))
}

/// JSON: what is taken is JSON for others too, and nothing is lost.
fn objects(text: &str) {
    let parsed = json::parse(text);
    let by_others = serde_json::from_str::<serde_json::Value>(text);
    match &parsed {
        Ok(_) => assert!(by_others.is_ok(), "{text:?} is JSON for us alone"),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
    if let Ok(object) = json::object(text)
        && let Ok(flat) = json::flat(object)
    {
        connector(&flat);
    }
    if let Ok(connector) = ConnectorConfig::from_json(text) {
        assert_eq!(
            connector.properties.get("name").map(|name| name.trim()),
            Some(connector.name.as_str().trim())
        );
    }
}

/// One value in each of the small languages.
fn value(text: &str) {
    if let Ok(listener) = Listener::parse(text) {
        let scheme = if listener.secure { "https" } else { "http" };
        let again = Listener::parse(&format!("{scheme}://{listener}"));
        assert_eq!(again.ok(), Some(listener), "{text:?}");
    }
    if let Ok(found) = address::host_port(text, Some(1)) {
        assert_eq!(
            address::host_port(&found, None),
            Ok(found.clone()),
            "{text:?}"
        );
    }
    if let Ok(found) = address::of_url(text) {
        for found in found {
            assert_eq!(
                address::host_port(&found, None),
                Ok(found.clone()),
                "{text:?}"
            );
        }
    }
    if let Some(block) = Block::parse(text) {
        assert_eq!(Block::parse(&block.to_string()), Some(block), "{text:?}");
        let port = block.port.unwrap_or(1);
        let own = match block.address {
            IpAddr::V6(address) if address.to_ipv4_mapped().is_some() => None,
            address => Some(address),
        };
        if let Some(own) = own {
            assert!(block.has(own, port), "{text:?} is in itself");
        }
    }
    if let Ok(range) = VersionRange::parse(text) {
        black_box(range.contains("1.2.3"));
        assert_eq!(range.text(), text.trim(), "as it was written");
    }
    for kind in [
        ConfigType::Boolean,
        ConfigType::Int,
        ConfigType::Short,
        ConfigType::Long,
        ConfigType::Double,
        ConfigType::List,
    ] {
        if let Ok(parsed) = Parsed::of(kind, text) {
            let again = Parsed::of(kind, &parsed.shown());
            assert!(again.is_ok(), "{text:?} is shown as {}", parsed.shown());
        }
    }
    black_box(list(text));
}

/// Versions have one order.
fn versions(text: &str) {
    let versions: Vec<&str> = text.split([' ', '\n', ',']).take(3).collect();
    if let [a, b, c] = versions[..] {
        assert_eq!(compare(a, b), compare(b, a).reverse(), "{a:?} {b:?}");
        if compare(a, b).is_le() && compare(b, c).is_le() {
            assert!(compare(a, c).is_le(), "{a:?} {b:?} {c:?}");
        }
    }
}
