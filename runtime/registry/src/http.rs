//! Requests: one address after another, again after a while, with limits on time and size.

use std::time::Duration;

use serde_json::Value;
use tidegate_model::guest_text::clean;
use ureq::Agent;

use crate::config::{RegistryConfig, basic_header};
use crate::error::{RegistryError, hint};
use crate::url::BaseUrl;

/// The most bytes of an answer.
pub const ANSWER_BYTES_MAX: u64 = 4 * 1024 * 1024;
/// The most bytes of the registry's own words in an error.
pub const MESSAGE_BYTES_MAX: usize = 1_024;

const MEDIA_TYPE: &str = "application/vnd.schemaregistry.v1+json";
const ACCEPT: &str =
    "application/vnd.schemaregistry.v1+json, application/vnd.schemaregistry+json, application/json";

/// Sends requests.
#[derive(Debug)]
pub(crate) struct Http {
    config: RegistryConfig,
    agent: Option<Agent>,
    /// The address that answered last, by its place in the list.
    current: usize,
}

/// A request.
pub(crate) struct Request<'a> {
    /// What it asks for, for messages: "give the schema 7".
    pub(crate) what: String,
    /// The path, with a slash before it.
    pub(crate) path: String,
    /// What is posted; `None`: it is a GET.
    pub(crate) body: Option<&'a Value>,
}

impl Http {
    pub(crate) fn new(config: RegistryConfig) -> Self {
        let current = if config.randomize {
            any_below(config.urls.len())
        } else {
            0
        };
        Self {
            config,
            agent: None,
            current,
        }
    }

    /// For how long the latest schema of a subject is taken to be the latest; `None`: for ever.
    pub(crate) fn latest_for(&self) -> Option<Duration> {
        self.config.latest_for
    }

    /// Sends a request to one address after another until one answers, and again after a while when none does.
    pub(crate) fn send(&mut self, request: &Request<'_>) -> Result<Value, RegistryError> {
        let mut wait = self.config.retry_wait;
        let mut tries_left = self.config.retries;
        loop {
            match self.send_once(request) {
                Err(error)
                    if tries_left > 0 && error.class() == tidegate_model::ErrorClass::Retriable =>
                {
                    tries_left -= 1;
                    std::thread::sleep(wait.min(self.config.retry_wait_max));
                    wait = wait.saturating_mul(2);
                }
                done => return done,
            }
        }
    }

    fn send_once(&mut self, request: &Request<'_>) -> Result<Value, RegistryError> {
        let agent = self
            .agent
            .get_or_insert_with(|| agent(&self.config))
            .clone();
        let count = self.config.urls.len();
        let mut first_error = None;
        for step in 0..count {
            let place = (self.current + step) % count.max(1);
            let Some(url) = self.config.urls.get(place) else {
                break;
            };
            match exchange(&agent, &self.config, url, request) {
                Err(error) if error.class() == tidegate_model::ErrorClass::Retriable => {
                    first_error.get_or_insert(error);
                }
                done => {
                    self.current = place;
                    return done;
                }
            }
        }
        Err(first_error.unwrap_or_else(|| RegistryError::Away {
            at: String::new(),
            what: request.what.clone(),
            reason: "it has no address".to_owned(),
        }))
    }
}

fn agent(config: &RegistryConfig) -> Agent {
    let settings = Agent::config_builder()
        .http_status_as_error(false)
        // Another address might be one that may not be reached.
        .max_redirects(0)
        .max_redirects_will_error(false)
        .proxy(None)
        .user_agent(concat!("tidegate/", env!("CARGO_PKG_VERSION")))
        .accept(ACCEPT)
        .max_idle_connections(4)
        .max_idle_connections_per_host(1)
        .timeout_resolve(some(config.connect_timeout))
        .timeout_connect(some(config.connect_timeout))
        .timeout_send_request(some(config.read_timeout))
        .timeout_send_body(some(config.read_timeout))
        .timeout_recv_response(some(config.read_timeout))
        .timeout_recv_body(some(config.read_timeout))
        .tls_config(config.tls.clone());
    settings.build().new_agent()
}

/// As in Java, 0 is no limit.
fn some(timeout: Duration) -> Option<Duration> {
    (!timeout.is_zero()).then_some(timeout)
}

/// One request and its answer.
fn exchange(
    agent: &Agent,
    config: &RegistryConfig,
    url: &BaseUrl,
    request: &Request<'_>,
) -> Result<Value, RegistryError> {
    let at = || url.base().to_owned();
    let away = |error: &ureq::Error| RegistryError::Away {
        at: at(),
        what: request.what.clone(),
        reason: reason(error, url),
    };
    let unusable = |problem: String| RegistryError::Answer {
        at: at(),
        what: request.what.clone(),
        problem,
    };
    let target = format!("{}{}", url.base(), request.path);
    let authorization = match &config.authorization {
        Some(header) => Some(header.clone()),
        None => url.user_info().map(basic_header),
    };
    let sent = match request.body {
        None => {
            let mut call = agent.get(&target);
            if let Some(authorization) = &authorization {
                call = call.header("authorization", authorization);
            }
            call.call()
        }
        Some(body) => {
            let mut call = agent.post(&target).header("content-type", MEDIA_TYPE);
            if let Some(authorization) = &authorization {
                call = call.header("authorization", authorization);
            }
            call.send(body.to_string())
        }
    };
    let mut answer = sent.map_err(|error| away(&error))?;
    let status = answer.status().as_u16();
    let read = answer
        .body_mut()
        .with_config()
        .limit(ANSWER_BYTES_MAX)
        .read_to_vec();
    if !(200..300).contains(&status) {
        let body = read
            .ok()
            .and_then(|bytes| serde_json::from_slice(&bytes).ok());
        return Err(RegistryError::Refused {
            at: at(),
            what: request.what.clone(),
            status,
            message: own_words(body.as_ref()),
            hint: hint(status),
        });
    }
    let bytes = match read {
        Ok(bytes) => bytes,
        Err(ureq::Error::BodyExceedsLimit(_)) => {
            return Err(unusable(format!(
                "it has more than {ANSWER_BYTES_MAX} bytes, which is the most that is allowed"
            )));
        }
        Err(error) => return Err(away(&error)),
    };
    serde_json::from_slice(&bytes).map_err(|error| unusable(format!("it is no JSON: {error}")))
}

/// The registry's message and code, cleaned and cut.
fn own_words(body: Option<&Value>) -> String {
    let code = body.and_then(|body| body.get("error_code")?.as_i64());
    let message = body.and_then(|body| body.get("message")?.as_str());
    let message = message.map(|message| clean(message, MESSAGE_BYTES_MAX));
    match (code, message) {
        (Some(code), Some(message)) => format!(" ({code}): {message}"),
        (None, Some(message)) => format!(": {message}"),
        (Some(code), None) => format!(" ({code})"),
        (None, None) => String::new(),
    }
}

/// Why there was no answer.
fn reason(error: &ureq::Error, url: &BaseUrl) -> String {
    match error {
        ureq::Error::Io(error) => error.to_string(),
        ureq::Error::HostNotFound => "its host is not found".to_owned(),
        ureq::Error::NativeTls(error) => {
            format!("TLS: {error}; is the signer of its certificate in ssl.truststore.location?")
        }
        ureq::Error::Timeout(_) => {
            "it takes too long (http.connect.timeout.ms, http.read.timeout.ms)".to_owned()
        }
        other if url.is_secure() => format!("{other}; does it speak https there?"),
        other => other.to_string(),
    }
}

/// Any number below another.
fn any_below(count: usize) -> usize {
    use std::hash::{BuildHasher, RandomState};
    let any = RandomState::new().hash_one(count);
    usize::try_from(any % u64::try_from(count.max(1)).unwrap_or(1)).unwrap_or(0)
}
