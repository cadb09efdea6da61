//! What the converters that a connector names may reach: the same policy as for its plugin. A converter runs in the
//! worker, so without this a client could have the worker connect to any server, or read any file of certificates.
//! The worker's own converters are the operator's, and may reach what they name.

use tidegate_config::ConfigError;
use tidegate_config::connector::{ConnectorConfig, ConverterConfig, ConverterRole};
use tidegate_config::definition::{ConfigKey, Definition, Names};
use tidegate_config::grants::{Policy, grants};
use tidegate_convert::Reach;

/// Refuses a connector whose own converters name what its policy does not allow.
///
/// # Errors
/// With the key that names it.
pub fn check_converters(connector: &ConnectorConfig, policy: &Policy) -> Result<(), ConfigError> {
    for role in [
        ConverterRole::Key,
        ConverterRole::Value,
        ConverterRole::Header,
    ] {
        let Some(own) = ConverterConfig::of(role, &connector.properties) else {
            continue;
        };
        let Some(class) = tidegate_convert::class::find(&own.class) else {
            continue;
        };
        let reaching = class.keys.iter().filter_map(|key| {
            let names = match key.reach {
                Reach::Nothing => return None,
                Reach::Url => Names::Url,
                Reach::File => Names::ReadFile,
            };
            Some(ConfigKey {
                names,
                ..ConfigKey::named(&format!("{}.{}", role.class_key(), key.name))
            })
        });
        grants(
            &Definition(reaching.collect()),
            &connector.properties,
            policy,
        )?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tidegate_config::Properties;
    use tidegate_config::grants::Allowed;

    use super::*;

    fn check(settings: &[(&str, &str)], policy: &Policy) -> Result<(), ConfigError> {
        let settings = settings.iter();
        let properties: Properties = settings
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect();
        check_converters(&ConnectorConfig::unnamed("c", properties), policy)
    }

    #[test]
    fn a_converter_reaches_what_the_policy_allows() {
        let allowed = Policy::Allow(Arc::new(Allowed {
            addresses: vec!["registry:8081".to_owned()],
            ..Allowed::default()
        }));
        let avro = ("value.converter", "io.confluent.connect.avro.AvroConverter");
        let url = |url| [avro, ("value.converter.schema.registry.url", url)];
        assert!(check(&url("http://registry:8081/x"), &allowed).is_ok());
        assert!(check(&url("http://169.254.169.254/"), &Policy::Permissive).is_ok());
        for (settings, policy) in [
            (url("http://u:canary@169.254.169.254/"), &allowed),
            (url("http://registry:8081, http://10.0.0.1:80"), &allowed),
            (url("http://registry:8081"), &Policy::Strict),
        ] {
            let error = check(&settings, policy).unwrap_err();
            assert_eq!(error.key(), Some("value.converter.schema.registry.url"));
            assert!(
                error.to_string().contains("sandbox.policy.http="),
                "{error}"
            );
            assert!(!error.to_string().contains("canary"), "{error}");
        }
        let file = [
            avro,
            ("value.converter.ssl.truststore.location", "/etc/passwd"),
        ];
        assert!(check(&file, &allowed).is_err());
    }

    #[test]
    fn what_reaches_nothing_is_not_looked_at() {
        let settings = [
            ("key.converter", "Json"),
            ("key.converter.schema.registry.url", "http://x"),
        ];
        assert!(check(&settings, &Policy::Strict).is_ok());
        // Without a class the worker's converter serves, with the worker's keys.
        assert!(
            check(
                &[("key.converter.schema.registry.url", "http://x")],
                &Policy::Strict
            )
            .is_ok()
        );
    }
}
