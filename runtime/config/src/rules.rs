//! Who may be granted what: the worker's `sandbox.policy.` keys, and rules that are for certain connectors.

use std::path::PathBuf;

use crate::Properties;
use crate::caps::{self, Caps};
use crate::definition::{ConfigType, list};
use crate::error::ConfigError;
use crate::errors::number;
use crate::name_patterns::NamePatterns;
use crate::own_limits::Most;
use crate::policy::{Allowed, Policy};
use crate::worker::SandboxSettings;

/// What the keys of all connectors begin with.
const ALL: &str = "sandbox.policy.";
/// The names of the rules.
const RULES: &str = "sandbox.policy.rules";
/// What the keys of rules begin with.
pub(crate) const RULE: &str = "sandbox.policy.rule.";
/// The keys that allow something, without their beginning.
const WORDS: [&str; 10] = {
    let [cpu, records, bytes] = caps::WORDS;
    [
        "read",
        "write",
        "addresses",
        "http",
        "memory.bytes.max",
        "call.ms.max",
        "write.bytes.max",
        cpu,
        records,
        bytes,
    ]
};

/// What certain connectors may be granted beyond what all may.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// The connectors that it is for.
    pub connectors: NamePatterns,
    /// What they may be granted.
    pub allowed: Allowed,
}

impl Rule {
    pub(crate) fn is_for(&self, connector: &str) -> bool {
        self.connectors.has(connector)
    }
}

/// The policy for what comes over REST.
pub(crate) fn rest_policy(
    keys: &Properties,
    worker: &SandboxSettings,
) -> Result<Policy, ConfigError> {
    let mut allowed = allowed(keys, ALL, worker)?;
    let names = list(keys.get(RULES).map_or("", String::as_str));
    for key in keys.keys() {
        let rule = key.strip_prefix(RULE);
        let known = rule.is_none_or(|rest| {
            let word = names
                .iter()
                .find_map(|name| rest.strip_prefix(name.as_str())?.strip_prefix('.'));
            word.is_some_and(|word| word == "connectors" || WORDS.contains(&word))
        });
        if !known {
            let message = format!(
                "{key} belongs to no rule: {RULE}NAME. with a NAME of {RULES}, and then connectors or {}",
                WORDS.join(", ")
            );
            return Err(ConfigError::key_message(key, message));
        }
    }
    for name in &names {
        let key = format!("{RULE}{name}.connectors");
        let connectors = NamePatterns::parse(keys.get(&key).map_or("", String::as_str));
        let connectors = connectors.ok_or(ConfigError::Missing(key))?;
        allowed.rules.push(Rule {
            connectors,
            allowed: self::allowed(keys, &format!("{RULE}{name}."), worker)?,
        });
    }
    let nothing = Allowed::default();
    Ok(if allowed == nothing {
        Policy::Strict
    } else {
        Policy::Allow(allowed.into())
    })
}

fn allowed(
    keys: &Properties,
    beginning: &str,
    worker: &SandboxSettings,
) -> Result<Allowed, ConfigError> {
    let words = |word: &str| {
        let value = keys.get(&format!("{beginning}{word}"));
        list(value.map_or("", String::as_str))
    };
    let paths = |word: &str| words(word).into_iter().map(PathBuf::from).collect();
    let amount = |word: &str| -> Result<Option<u64>, ConfigError> {
        let key = format!("{beginning}{word}");
        if !keys.contains_key(&key) {
            return Ok(None);
        }
        let found = number(keys, &key, ConfigType::Long, 0)?;
        let positive = u64::try_from(found).ok().filter(|amount| *amount > 0);
        let wanted = || ConfigError::value(&key, &found.to_string(), "Value must be at least 1");
        positive.map(Some).ok_or_else(wanted)
    };
    let own = Most::of(worker);
    let call = amount("call.ms.max")?.unwrap_or(0);
    Ok(Allowed {
        read: paths("read"),
        write: paths("write"),
        addresses: words("addresses"),
        http: words("http"),
        most: Most {
            memory_bytes: amount("memory.bytes.max")?
                .map_or(own.memory_bytes, |more| more.max(own.memory_bytes)),
            poll_ms: own.poll_ms.max(call),
            put_ms: own.put_ms.max(call),
            start_ms: own.start_ms.max(call),
            write_bytes: amount("write.bytes.max")?.unwrap_or(own.write_bytes),
            caps: Caps::of_policy(keys, beginning)?.larger(own.caps),
        },
        rules: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Purpose;

    fn policy(settings: &[(&str, &str)]) -> Result<Policy, ConfigError> {
        let settings = settings.iter();
        let keys: Properties = settings
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect();
        rest_policy(&keys, &SandboxSettings::default())
    }

    #[test]
    fn a_rule_is_for_its_connectors_only() {
        let policy = policy(&[
            ("sandbox.policy.addresses", "all:1"),
            ("sandbox.policy.rules", "orders"),
            ("sandbox.policy.rule.orders.connectors", "orders-*, billing"),
            ("sandbox.policy.rule.orders.addresses", "db:5432"),
            ("sandbox.policy.rule.orders.memory.bytes.max", "268435456"),
        ])
        .unwrap();
        let may =
            |connector: &str, address| policy.of(connector).allows_address(address, Purpose::Tcp);
        assert!(
            may("orders-1", "db:5432") && may("billing", "db:5432") && may("orders-1", "all:1")
        );
        assert!(!may("billing2", "db:5432") && !may("x", "db:5432") && !may("", "db:5432"));
        let memory = |connector: &str| policy.of(connector).most().unwrap().memory_bytes;
        assert_eq!(memory("billing"), 268_435_456);
        assert_eq!(memory("other"), 134_217_728);
    }

    #[test]
    fn caps_are_those_of_the_policy_and_a_rule_gives_more() {
        let policy = policy(&[
            ("sandbox.policy.cpu.percent.max", "50"),
            ("sandbox.policy.rules", "orders"),
            ("sandbox.policy.rule.orders.connectors", "orders-*"),
            ("sandbox.policy.rule.orders.cpu.percent.max", "150"),
            ("sandbox.policy.rule.orders.records.per.second.max", "1000"),
        ])
        .unwrap();
        let most = |connector: &str| policy.of(connector).most().unwrap().caps;
        assert_eq!(most("x").cpu_percent, Some(50));
        assert_eq!(most("x").records_per_second, None);
        assert_eq!(most("orders-1").cpu_percent, Some(150));
        assert_eq!(most("orders-1").records_per_second, Some(1_000));
        assert!(self::policy(&[("sandbox.policy.cpu.percent.max", "0")]).is_err());
    }

    #[test]
    fn a_rule_that_is_none_is_refused() {
        let refused = |settings: &[(&str, &str)]| policy(settings).unwrap_err().to_string();
        assert!(
            refused(&[("sandbox.policy.rules", "a")]).contains("sandbox.policy.rule.a.connectors")
        );
        let rule = ("sandbox.policy.rule.a.connectors", "x");
        assert!(refused(&[rule]).contains("belongs to no rule"));
        let unknown = ("sandbox.policy.rule.a.adresses", "x:1");
        assert!(refused(&[("sandbox.policy.rules", "a"), rule, unknown]).contains("adresses"));
        assert_eq!(policy(&[]).unwrap(), Policy::Strict);
    }
}
