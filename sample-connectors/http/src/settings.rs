//! The configuration of the sink.

use std::time::Duration;

use tidegate_sdk::http::Request;
use tidegate_sdk::prelude::*;

const URL: &str = "http.url";
const METHOD: &str = "http.method";
const HEADERS: &str = "http.headers";
const SECRET_NAME: &str = "http.secret.header.name";
const SECRET_VALUE: &str = "http.secret.header.value";
const FORMAT: &str = "batch.format";
const RECORDS: &str = "batch.max.records";
const RETRIES: &str = "retry.max";
const BACKOFF: &str = "retry.backoff.ms";
const TIMEOUT: &str = "request.timeout.ms";

/// How the records of a request stand in its body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// One on each line.
    Lines,
    /// A JSON array.
    Array,
}

/// What the sink was told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Where requests go.
    pub url: String,
    /// `POST` or `PUT`.
    pub method: String,
    /// Names and values; that of the secret is a handle.
    pub headers: Vec<(String, String)>,
    /// How records stand in a body.
    pub format: Format,
    /// The most records of a request.
    pub records_max: usize,
    /// How often a request is tried again within a `put`.
    pub retries: u32,
    /// The wait before the first of these; it doubles.
    pub backoff: Duration,
    /// The longest exchange.
    pub timeout: Duration,
}

/// The keys.
#[must_use]
pub fn definition() -> ConfigDef {
    let number = |default, key: &str, definition: ConfigDef, doc: &str| {
        definition.optional(key, Type::Int, default, Importance::Medium, doc)
    };
    let definition = ConfigDef::new()
        .required(
            URL,
            Type::Text,
            Importance::High,
            "Where requests go, http:// or https://. Its host and port are what the connector is granted",
        )
        .names(Names::Url)
        .optional(METHOD, Type::Text, "POST", Importance::Low, "The method of requests")
        .one_of(&["POST", "PUT"])
        .optional(
            HEADERS,
            Type::List,
            "",
            Importance::Medium,
            "Headers of requests, such as Content-Type: application/json, separated by commas",
        )
        .optional(
            SECRET_NAME,
            Type::Text,
            "Authorization",
            Importance::Medium,
            "The header that has the value of http.secret.header.value",
        )
        .nullable(
            SECRET_VALUE,
            Type::Password,
            Importance::High,
            "The value of the secret header, such as Bearer and a token. The worker puts it into requests; the connector \
             itself never sees it",
        )
        .names(Names::Secret)
        .optional(
            FORMAT,
            Type::Text,
            "lines",
            Importance::Medium,
            "How the records of a request stand in its body: one on each line, or a JSON array",
        )
        .one_of(&["lines", "array"]);
    let definition = number(
        "500",
        RECORDS,
        definition,
        "The most records of a request, at least 1",
    );
    let definition = number(
        "3",
        RETRIES,
        definition,
        "How often a request without an answer, or with the answer 408, 429 or 5xx, is sent again within a batch. After \
         that the worker tries the batch again",
    );
    let definition = number(
        "200",
        BACKOFF,
        definition,
        "Milliseconds to wait before a request is sent again; they double each time. A header Retry-After counts more",
    );
    number(
        "10000",
        TIMEOUT,
        definition,
        "The most milliseconds of a request, unless the call has less left",
    )
}

impl Settings {
    /// Reads a configuration.
    ///
    /// # Errors
    /// With the key that cannot work.
    pub fn of(config: &Config) -> Result<Self> {
        let url = config.required(URL)?;
        Request::get(url).map_err(|error| Error::config_key(URL, error.message()))?;
        let mut headers = Vec::new();
        for header in config.list(HEADERS)? {
            let (name, value) = header.split_once(':').ok_or_else(|| {
                Error::config_key(
                    HEADERS,
                    format_args!("Invalid value {header} for configuration {HEADERS}: a name, a colon and a value are wanted"),
                )
            })?;
            headers.push((name.trim().to_owned(), value.trim().to_owned()));
        }
        if let Some(secret) = config.get(SECRET_VALUE).filter(|secret| !secret.is_empty()) {
            headers.push((config.required(SECRET_NAME)?.to_owned(), secret.to_owned()));
        }
        let format = match config.one_of(FORMAT, &["lines", "array"])? {
            "array" => Format::Array,
            _ => Format::Lines,
        };
        let number = |key: &str, least: i64, most: i64| {
            config
                .integer_in(key, least..=most)
                .map(|number| u64::try_from(number).unwrap_or(0))
        };
        Ok(Self {
            url: url.to_owned(),
            method: config.one_of(METHOD, &["POST", "PUT"])?.to_owned(),
            headers,
            format,
            records_max: usize::try_from(number(RECORDS, 1, 10_000)?).unwrap_or(1),
            retries: u32::try_from(number(RETRIES, 0, 100)?).unwrap_or(0),
            backoff: Duration::from_millis(number(BACKOFF, 1, 60_000)?),
            timeout: Duration::from_millis(number(TIMEOUT, 1, 3_600_000)?),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(settings: &[(&str, &str)]) -> Result<Settings> {
        let mut given = vec![(URL.to_owned(), "http://h/x".to_owned())];
        given.extend(
            settings
                .iter()
                .map(|(key, value)| ((*key).to_owned(), (*value).to_owned())),
        );
        Settings::of(&Config::resolve(&definition(), given))
    }

    #[test]
    fn a_configuration_is_read_or_refused_with_its_key() {
        let settings = of(&[
            (HEADERS, "Content-Type: application/json, X: a:b"),
            (SECRET_VALUE, "secret:x"),
            (FORMAT, "array"),
        ])
        .unwrap();
        assert_eq!(settings.format, Format::Array);
        assert_eq!(settings.headers[1], ("X".to_owned(), "a:b".to_owned()));
        assert_eq!(
            settings.headers[2],
            ("Authorization".to_owned(), "secret:x".to_owned())
        );
        for (key, value) in [
            (URL, "ftp://h"),
            (HEADERS, "no colon"),
            (FORMAT, "xml"),
            (METHOD, "GET"),
            (RECORDS, "0"),
            (RETRIES, "-1"),
        ] {
            assert_eq!(of(&[(key, value)]).unwrap_err().key(), Some(key));
        }
    }
}
