//! Client settings that nobody may give, whatever the broker.

use crate::{BrokerError, Properties};

/// Settings that would load code or reach for files and programs of the worker.
const DANGEROUS: &[&str] = &[
    "plugin.library.paths",
    "sasl.kerberos.kinit.cmd",
    "sasl.oauthbearer.config",
    "ssl.engine.location",
    "ssl_engine_callback_data",
];

/// Refuses settings that are dangerous, by name.
///
/// # Errors
/// The first such setting.
pub fn refuse_dangerous(properties: &Properties) -> Result<(), BrokerError> {
    match properties.keys().find(|key| is_dangerous(key)) {
        None => Ok(()),
        Some(key) => Err(BrokerError::Setting {
            key: key.clone(),
            reason: "it would run code or programs in the worker; remove it".to_owned(),
        }),
    }
}

/// Refuses settings that a connector may not give for its own clients: where the cluster is, who the worker is
/// there, and which files prove it.
///
/// # Errors
/// The first such setting.
pub fn refuse_overrides(overrides: &Properties) -> Result<(), BrokerError> {
    refuse_dangerous(overrides)?;
    const KEPT: [&str; 4] = ["bootstrap.servers", "security.", "sasl.", "ssl."];
    let kept = |key: &&String| KEPT.iter().any(|kept| key.starts_with(kept));
    match overrides.keys().find(kept) {
        None => Ok(()),
        Some(key) => Err(BrokerError::Setting {
            key: key.clone(),
            reason: "a connector may not choose the cluster, or as whom the worker logs in there; set it in the worker's file".to_owned(),
        }),
    }
}

fn is_dangerous(key: &str) -> bool {
    DANGEROUS.contains(&key) || key.ends_with("_cb") || key == "opaque"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_that_load_code_are_refused_by_name() {
        for key in ["plugin.library.paths", "dr_msg_cb", "opaque"] {
            let properties = [(key.to_owned(), "x".to_owned())].into();
            let error = refuse_dangerous(&properties).unwrap_err();
            assert!(error.to_string().contains(key), "{error}");
        }
        let allowed = [("acks".to_owned(), "1".to_owned())].into();
        assert_eq!(refuse_overrides(&allowed), Ok(()));
    }

    #[test]
    fn a_connector_may_not_choose_the_workers_identity() {
        for key in [
            "sasl.jaas.config",
            "bootstrap.servers",
            "ssl.keystore.location",
        ] {
            let properties = [(key.to_owned(), "x".to_owned())].into();
            assert!(refuse_overrides(&properties).is_err(), "{key}");
            assert_eq!(refuse_dangerous(&properties), Ok(()));
        }
    }
}
