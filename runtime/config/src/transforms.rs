//! A connector's transforms and their predicates.

use std::collections::BTreeSet;

use crate::Properties;
use crate::converter::with_prefix;
use crate::definition::list;
use crate::error::ConfigError;
use crate::errors::boolean;

/// The most transforms of a connector.
pub const TRANSFORMS_MAX: usize = 50;
/// The most predicates of a connector.
pub const PREDICATES_MAX: usize = 50;

/// A transform.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TransformConfig {
    /// What the connector calls it.
    pub alias: String,
    /// Its class, as it was written.
    pub class: String,
    /// The version, or the range of versions, that is asked for (KIP-891).
    pub version: Option<String>,
    /// Its keys, without prefix, and without those that all transforms have.
    pub config: Properties,
    /// When it applies; `None`: always.
    pub predicate: Option<PredicateConfig>,
    /// Whether it applies when the predicate does not hold.
    pub negate: bool,
}

/// A predicate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PredicateConfig {
    /// What the connector calls it.
    pub alias: String,
    /// Its class, as it was written.
    pub class: String,
    /// The version, or the range of versions, that is asked for (KIP-891).
    pub version: Option<String>,
    /// Its keys, without prefix.
    pub config: Properties,
}

pub(crate) fn parse(properties: &Properties) -> Result<Vec<TransformConfig>, ConfigError> {
    let predicates: Vec<PredicateConfig> = aliases(properties, "predicates", PREDICATES_MAX)?
        .into_iter()
        .map(|alias| {
            let (class, version, config) = plugin(properties, "predicates", &alias)?;
            Ok(PredicateConfig {
                alias,
                class,
                version,
                config,
            })
        })
        .collect::<Result<_, ConfigError>>()?;
    aliases(properties, "transforms", TRANSFORMS_MAX)?
        .into_iter()
        .map(|alias| transform(properties, alias, &predicates))
        .collect()
}

fn transform(
    properties: &Properties,
    alias: String,
    predicates: &[PredicateConfig],
) -> Result<TransformConfig, ConfigError> {
    let (class, version, mut config) = plugin(properties, "transforms", &alias)?;
    let negate_key = format!("transforms.{alias}.negate");
    let predicate_key = format!("transforms.{alias}.predicate");
    let negate = boolean(properties, &negate_key, false)?;
    let has_negate = config.remove("negate").is_some();
    let predicate = match config
        .remove("predicate")
        .map(|name| name.trim().to_owned())
    {
        None if has_negate => {
            let message = format!(
                "Config '{negate_key}' was provided but there is no config '{predicate_key}' defining a predicate to be negated."
            );
            return Err(ConfigError::key_message(
                &format!("transforms.{alias}.type"),
                message,
            ));
        }
        None => None,
        Some(name) if name.is_empty() => None,
        Some(name) => {
            let found = predicates
                .iter()
                .find(|predicate| predicate.alias == name)
                .cloned();
            let known: Vec<_> = predicates
                .iter()
                .map(|predicate| predicate.alias.as_str())
                .collect();
            Some(found.ok_or_else(|| {
                let message = if known.is_empty() {
                    "no predicate of that alias is defined; name it in predicates".to_owned()
                } else {
                    format!(
                        "no predicate of that alias is defined; predicates has {}",
                        known.join(", ")
                    )
                };
                ConfigError::value(&predicate_key, &name, message)
            })?)
        }
    };
    Ok(TransformConfig {
        alias,
        class,
        version,
        config,
        predicate,
        negate,
    })
}

fn aliases(properties: &Properties, key: &str, max: usize) -> Result<Vec<String>, ConfigError> {
    let aliases = list(properties.get(key).map_or("", String::as_str));
    if aliases.len() > max {
        let message = format!(
            "{key} names {} aliases; at most {max} are allowed",
            aliases.len()
        );
        return Err(ConfigError::key_message(key, message));
    }
    if aliases.iter().any(String::is_empty) {
        let given = properties.get(key).map_or("", String::as_str);
        return Err(ConfigError::value(
            key,
            given,
            "an alias is empty; remove the extra comma",
        ));
    }
    let distinct: BTreeSet<&String> = aliases.iter().collect();
    if distinct.len() < aliases.len() {
        let given = format!("[{}]", aliases.join(", "));
        return Err(ConfigError::value(key, &given, "Duplicate alias provided."));
    }
    Ok(aliases)
}

fn plugin(
    properties: &Properties,
    kind: &str,
    alias: &str,
) -> Result<(String, Option<String>, Properties), ConfigError> {
    let mut config = with_prefix(properties, &format!("{kind}.{alias}."));
    let version = config.remove("plugin.version");
    match config.remove("type").map(|class| class.trim().to_owned()) {
        Some(class) if !class.is_empty() => Ok((class, version, config)),
        _ => Err(ConfigError::Missing(format!("{kind}.{alias}.type"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(pairs: &[(&str, &str)]) -> Result<Vec<TransformConfig>, ConfigError> {
        parse(
            &pairs
                .iter()
                .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
                .collect(),
        )
    }

    #[test]
    fn transforms_are_in_order_with_their_keys() {
        let found = of(&[
            ("transforms", "b, a"),
            ("transforms.a.type", "A"),
            ("transforms.b.type", "B$Value"),
            ("transforms.b.field", "x"),
            ("transforms.b.predicate", "p"),
            ("transforms.b.negate", "true"),
            ("transforms.b.plugin.version", "1"),
            ("transforms.unused.type", "C"),
            ("predicates", "p"),
            ("predicates.p.type", "P"),
            ("predicates.p.pattern", "x.*"),
        ])
        .unwrap();
        let wanted = PredicateConfig {
            alias: "p".into(),
            class: "P".into(),
            version: None,
            config: Properties::from([("pattern".into(), "x.*".into())]),
        };
        assert_eq!(
            found[0].config,
            Properties::from([("field".into(), "x".into())])
        );
        assert_eq!(found[0].version.as_deref(), Some("1"));
        assert_eq!(
            (found[0].predicate.as_ref(), found[0].negate),
            (Some(&wanted), true)
        );
        assert_eq!(found[0].version.as_deref(), Some("1"));
        assert_eq!(
            (found[1].class.as_str(), found[1].predicate.as_ref()),
            ("A", None)
        );
        assert_eq!(of(&[]).unwrap(), []);
    }

    #[test]
    fn what_cannot_work_is_said_in_the_words_of_kafka_connect() {
        let error = |pairs: &[(&str, &str)]| of(pairs).unwrap_err().to_string();
        assert_eq!(
            error(&[("transforms", "a")]),
            "Missing required configuration \"transforms.a.type\" which has no default value."
        );
        assert_eq!(
            error(&[("transforms", "a,a"), ("transforms.a.type", "A")]),
            "Invalid value [a, a] for configuration transforms: Duplicate alias provided."
        );
        let negated = [
            ("transforms", "a"),
            ("transforms.a.type", "A"),
            ("transforms.a.negate", "true"),
        ];
        assert!(error(&negated).contains("defining a predicate to be negated"));
        let unknown = [
            ("transforms", "a"),
            ("transforms.a.type", "A"),
            ("transforms.a.predicate", "p"),
        ];
        assert!(
            error(&unknown).contains("Invalid value p for configuration transforms.a.predicate")
        );
        assert!(error(&[("transforms", "a,,b")]).contains("an alias is empty"));
    }

    #[test]
    fn more_transforms_or_predicates_than_allowed_are_refused_by_key() {
        for (key, max) in [
            ("transforms", TRANSFORMS_MAX),
            ("predicates", PREDICATES_MAX),
        ] {
            let config = |count: usize| -> Properties {
                let aliases: Vec<_> = (0..count).map(|alias| format!("a{alias}")).collect();
                let types = aliases
                    .iter()
                    .map(|alias| (format!("{key}.{alias}.type"), "A".to_owned()));
                types.chain([(key.to_owned(), aliases.join(","))]).collect()
            };
            assert!(parse(&config(max)).is_ok());
            let error = parse(&config(max + 1)).unwrap_err();
            assert_eq!(error.key(), Some(key));
            assert_eq!(
                error.to_string(),
                format!("{key} names 51 aliases; at most 50 are allowed")
            );
        }
    }
}
