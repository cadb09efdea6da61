//! Where traces go, by the keys of OpenTelemetry's Java agent. Nowhere unless an endpoint is named.

use crate::Properties;
use crate::definition::list;
use crate::error::ConfigError;
use crate::tls::Password;

/// Where traces go.
#[derive(Debug, Clone, PartialEq)]
pub struct TracesConfig {
    /// The URL that spans are posted to.
    pub url: String,
    /// Headers of each request; their values may be secret.
    pub headers: Vec<(String, Password)>,
    /// What the worker is called there.
    pub service_name: String,
    /// The part of all traces that is sent, from 0 to 1.
    pub ratio: f64,
}

impl Eq for TracesConfig {}

impl TracesConfig {
    /// Takes the worker's keys; none where no endpoint is named.
    ///
    /// # Errors
    /// When a value cannot work.
    pub(crate) fn of(keys: &Properties) -> Result<Option<Self>, ConfigError> {
        let text = |key: &str| {
            let value = keys.get(key).map(|value| value.trim());
            value.filter(|value| !value.is_empty())
        };
        let protocol = "otel.exporter.otlp.protocol";
        if let Some(found) = text(protocol).filter(|found| *found != "http/json") {
            return Err(ConfigError::value(protocol, found, "http/json is wanted"));
        }
        let ratio = match text("otel.traces.sampler.arg") {
            None => 1.0,
            Some(found) => {
                let ratio = found.parse().ok();
                ratio
                    .filter(|ratio| (0.0..=1.0).contains(ratio))
                    .ok_or_else(|| {
                        let message = "a number from 0 to 1 is wanted";
                        ConfigError::value("otel.traces.sampler.arg", found, message)
                    })?
            }
        };
        let (key, url) = match text("otel.exporter.otlp.traces.endpoint") {
            Some(url) => ("otel.exporter.otlp.traces.endpoint", url.to_owned()),
            None => match text("otel.exporter.otlp.endpoint") {
                Some(base) => (
                    "otel.exporter.otlp.endpoint",
                    format!("{}/v1/traces", base.trim_end_matches('/')),
                ),
                None => return Ok(None),
            },
        };
        let rest = ["http://", "https://"]
            .iter()
            .find_map(|scheme| url.strip_prefix(scheme));
        let host = rest.and_then(|rest| rest.split('/').next());
        let fits = |host: &str| {
            let odd = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '@' | '?' | '#');
            !host.is_empty() && !host.contains(odd)
        };
        if !host.is_some_and(fits) {
            let message = format!(
                "{key}: http://HOST:PORT or https://HOST:PORT is wanted; user and password go into otel.exporter.otlp.headers"
            );
            return Err(ConfigError::key_message(key, message));
        }
        Ok(Some(Self {
            url,
            headers: headers(text("otel.exporter.otlp.headers").unwrap_or_default())?,
            service_name: text("otel.service.name").unwrap_or("tidegate").to_owned(),
            ratio,
        }))
    }
}

/// `name=value` with commas between.
fn headers(text: &str) -> Result<Vec<(String, Password)>, ConfigError> {
    let header = |entry: &String| {
        let (name, value) = entry.split_once('=')?;
        let (name, value) = (name.trim(), value.trim());
        let is_token = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        let fits = !name.is_empty()
            && name.chars().all(is_token)
            && value.chars().all(|c| matches!(c, ' '..='~'));
        fits.then(|| (name.to_owned(), Password(value.to_owned())))
    };
    let headers: Option<Vec<_>> = list(text).iter().map(header).collect();
    headers.ok_or_else(|| {
        let key = "otel.exporter.otlp.headers";
        let message = format!("{key}: NAME=VALUE is wanted, separated by commas");
        ConfigError::key_message(key, message)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(pairs: &[(&str, &str)]) -> Result<Option<TracesConfig>, String> {
        let pair = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
        let keys: Properties = pairs.iter().map(pair).collect();
        TracesConfig::of(&keys).map_err(|error| error.to_string())
    }

    #[test]
    fn traces_go_nowhere_unless_an_endpoint_is_named() {
        assert_eq!(of(&[]).unwrap(), None);
        let endpoint = ("otel.exporter.otlp.endpoint", "http://127.0.0.1:4318/");
        let config = of(&[endpoint]).unwrap().unwrap();
        assert_eq!(config.url, "http://127.0.0.1:4318/v1/traces");
        assert_eq!(
            (config.service_name.as_str(), config.ratio),
            ("tidegate", 1.0)
        );
        let config = of(&[
            endpoint,
            ("otel.exporter.otlp.traces.endpoint", "https://a/b"),
            (
                "otel.exporter.otlp.headers",
                "authorization=Bearer canary, x=y",
            ),
            ("otel.traces.sampler.arg", "0.25"),
        ]);
        let config = config.unwrap().unwrap();
        assert_eq!((config.url.as_str(), config.ratio), ("https://a/b", 0.25));
        assert_eq!(config.headers.len(), 2);
        assert!(!format!("{config:?}").contains("canary"));
    }

    #[test]
    fn what_cannot_work_is_refused_by_its_key_and_shows_no_secret() {
        let endpoint = ("otel.exporter.otlp.endpoint", "http://a:1");
        for (pair, wanted) in [
            (
                ("otel.exporter.otlp.endpoint", "a:1"),
                "otel.exporter.otlp.endpoint",
            ),
            (
                ("otel.exporter.otlp.endpoint", "http://canary:x@a:1"),
                "otel.exporter.otlp.headers",
            ),
            (
                ("otel.exporter.otlp.protocol", "grpc"),
                "http/json is wanted",
            ),
            (("otel.traces.sampler.arg", "2"), "from 0 to 1"),
            (("otel.traces.sampler.arg", "NaN"), "from 0 to 1"),
            (("otel.exporter.otlp.headers", "canary"), "NAME=VALUE"),
        ] {
            let error = of(&[endpoint, pair]).unwrap_err();
            assert!(error.contains(wanted), "{error}");
            assert!(!error.contains("canary"), "{error}");
        }
    }
}
