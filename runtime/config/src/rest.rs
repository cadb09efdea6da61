//! The REST server's configuration, besides where it listens: TLS, access, the administrator's listeners, headers of
//! answers, and pages of other origins.

use std::path::PathBuf;

use crate::Properties;
use crate::definition::list;
use crate::error::ConfigError;
use crate::errors::boolean;
use crate::limits::RestLimits;
use crate::listener::Listener;
use crate::tls::TlsConfig;

/// Kafka Connect's extension that asks for a user and a password.
const BASIC_AUTH_EXTENSION: &str =
    "org.apache.kafka.connect.rest.basic.auth.extension.BasicAuthSecurityRestExtension";
/// The key that names that extension's file of users.
const BASIC_AUTH_KEY: &str = "rest.extension.basic.auth.file";
/// The key that allows listening beyond loopback to everyone.
pub const OPEN_KEY: &str = "rest.unauthenticated.beyond.loopback";

/// Where `/admin` is answered.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum AdminListeners {
    /// Where everything is.
    #[default]
    Same,
    /// Nowhere.
    Nowhere,
    /// Here, and nothing else is.
    Own(Vec<Listener>),
}

/// What happens with a header of each answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeaderAction {
    /// It takes the place of others of its name.
    Set,
    /// It is added.
    Add,
    /// As `Set`, with the time so many milliseconds from now.
    SetDate(i64),
    /// As `Add`, with the time so many milliseconds from now.
    AddDate(i64),
}

/// A header of each answer, of `response.http.headers.config`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResponseHeader {
    /// What happens.
    pub action: HeaderAction,
    /// The header's name.
    pub name: String,
    /// Its value; of a date, nothing.
    pub value: String,
}

/// Pages of other origins that may use the API.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CrossOrigin {
    /// Their origins, such as `https://console.example`; `*`: all. Empty: none.
    pub origins: Vec<String>,
    /// The methods that they may use.
    pub methods: Vec<String>,
}

/// The REST server's configuration.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RestConfig {
    /// Of HTTPS listeners; there when there is one.
    pub tls: Option<TlsConfig>,
    /// Where `/admin` is answered.
    pub admin: AdminListeners,
    /// The file that says who may do what.
    pub access_file: Option<PathBuf>,
    /// The file of users of Kafka Connect's extension for basic authentication: each may do everything.
    pub basic_auth_file: Option<PathBuf>,
    /// Whether everyone may call from beyond loopback.
    pub open: bool,
    /// Headers of each answer.
    pub response_headers: Vec<ResponseHeader>,
    /// Pages of other origins.
    pub cross_origin: CrossOrigin,
    /// Limits on clients.
    pub limits: RestLimits,
}

impl RestConfig {
    /// Takes the worker's keys.
    ///
    /// # Errors
    /// When a value cannot work.
    pub(crate) fn of(keys: &Properties, listeners: &[Listener]) -> Result<Self, ConfigError> {
        let text = |key: &str| keys.get(key).map(|text| text.trim());
        let path = |key: &str| {
            let named = text(key).filter(|path| !path.is_empty());
            named.map(PathBuf::from)
        };
        let admin = admin_listeners(text("admin.listeners"))?;
        let own: &[Listener] = match &admin {
            AdminListeners::Own(own) => own,
            _ => &[],
        };
        let secure = listeners.iter().chain(own).any(|listener| listener.secure);
        Ok(Self {
            tls: secure.then(|| TlsConfig::of(keys)).transpose()?,
            admin,
            access_file: path("rest.access.file"),
            basic_auth_file: basic_auth(text("rest.extension.classes"), path(BASIC_AUTH_KEY))?,
            open: boolean(keys, OPEN_KEY, false)?,
            response_headers: response_headers(
                text("response.http.headers.config").unwrap_or_default(),
            )?,
            limits: RestLimits::of(keys)?,
            cross_origin: CrossOrigin {
                origins: list(text("access.control.allow.origin").unwrap_or_default()),
                methods: methods(text("access.control.allow.methods").unwrap_or_default()),
            },
        })
    }
}

fn admin_listeners(text: Option<&str>) -> Result<AdminListeners, ConfigError> {
    let Some(text) = text else {
        return Ok(AdminListeners::Same);
    };
    let urls = list(text);
    if urls.is_empty() {
        return Ok(AdminListeners::Nowhere);
    }
    let parsed = urls
        .iter()
        .map(|url| Listener::parse_as("admin.listeners", url));
    Ok(AdminListeners::Own(parsed.collect::<Result<_, _>>()?))
}

fn basic_auth(
    classes: Option<&str>,
    file: Option<PathBuf>,
) -> Result<Option<PathBuf>, ConfigError> {
    let key = "rest.extension.classes";
    let classes = list(classes.unwrap_or_default());
    for class in &classes {
        let simple = BASIC_AUTH_EXTENSION.rsplit('.').next().unwrap_or_default();
        if class != BASIC_AUTH_EXTENSION && class != simple {
            let message = format!(
                "extensions are Java classes, which do not run here; {BASIC_AUTH_EXTENSION} is known by its name"
            );
            return Err(ConfigError::value(key, class, message));
        }
    }
    match (classes.is_empty(), file) {
        (true, None) => Ok(None),
        (false, Some(file)) => Ok(Some(file)),
        (true, Some(_)) => Err(ConfigError::key_message(
            BASIC_AUTH_KEY,
            format!(
                "{BASIC_AUTH_KEY} is for {key}={BASIC_AUTH_EXTENSION}, which is not set; rest.access.file names users with roles"
            ),
        )),
        (false, None) => Err(ConfigError::key_message(
            BASIC_AUTH_KEY,
            format!(
                "{BASIC_AUTH_KEY}: it is missing; name the file that the JAAS configuration gives to PropertyFileLoginModule, with lines user=password"
            ),
        )),
    }
}

fn methods(text: &str) -> Vec<String> {
    let given = list(text);
    let given = given.into_iter().map(|method| method.to_ascii_uppercase());
    let methods: Vec<String> = given.collect();
    if methods.is_empty() {
        ["GET", "POST", "HEAD"].map(str::to_owned).to_vec()
    } else {
        methods
    }
}

/// `set X-Frame-Options: DENY, "add Cache-Control: no-cache, no-store"`, in Kafka Connect's words where it is wrong.
fn response_headers(text: &str) -> Result<Vec<ResponseHeader>, ConfigError> {
    let entries = quoted_list(text);
    entries.iter().map(|entry| response_header(entry)).collect()
}

fn response_header(entry: &str) -> Result<ResponseHeader, ConfigError> {
    let wrong =
        |message: String| ConfigError::value("response.http.headers.config", entry, message);
    let Some((action, header)) = entry.trim().split_once(char::is_whitespace) else {
        return Err(wrong(format!(
            "Invalid format of header config '{entry}'. Expected: '[action] [header name]:[header value]'"
        )));
    };
    let header = header.trim();
    let Some((name, value)) = header.split_once(':') else {
        return Err(wrong(format!(
            "Invalid format of header name and header value pair '{header}'. Expected: '[header name]:[header value]'"
        )));
    };
    let (name, value) = (name.trim(), value.trim());
    let is_token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    if name.is_empty() || !name.chars().all(is_token) {
        return Err(wrong(format!(
            "Invalid header name '{name}'. The '[header name]' cannot contain whitespace"
        )));
    }
    if !value.chars().all(|c| matches!(c, ' '..='~' | '\t')) {
        return Err(wrong(
            "the value has characters that no header may have".to_owned(),
        ));
    }
    let milliseconds = || {
        value.parse().map_err(|_| {
            wrong(format!(
                "'{value}' was found; a number of milliseconds from now is wanted"
            ))
        })
    };
    let action = match action {
        word if word.eq_ignore_ascii_case("set") => HeaderAction::Set,
        word if word.eq_ignore_ascii_case("add") => HeaderAction::Add,
        word if word.eq_ignore_ascii_case("setDate") => HeaderAction::SetDate(milliseconds()?),
        word if word.eq_ignore_ascii_case("addDate") => HeaderAction::AddDate(milliseconds()?),
        word => {
            return Err(wrong(format!(
                "Invalid header config action: '{word}'. Expected one of [set, add, setDate, addDate]"
            )));
        }
    };
    let value = match action {
        HeaderAction::Set | HeaderAction::Add => value.to_owned(),
        HeaderAction::SetDate(_) | HeaderAction::AddDate(_) => String::new(),
    };
    Ok(ResponseHeader {
        action,
        name: name.to_owned(),
        value,
    })
}

/// A list with commas between its entries; an entry in double quotes may have commas.
fn quoted_list(text: &str) -> Vec<String> {
    let mut entries = vec![String::new()];
    let mut quoted = false;
    for c in text.chars() {
        match c {
            '"' => quoted = !quoted,
            ',' if !quoted => entries.push(String::new()),
            c => entries.last_mut().map_or((), |entry| entry.push(c)),
        }
    }
    entries.retain(|entry| !entry.trim().is_empty());
    entries
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(pairs: &[(&str, &str)]) -> Result<RestConfig, String> {
        let pair = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
        let keys: Properties = pairs.iter().map(pair).collect();
        RestConfig::of(&keys, &[Listener::default()]).map_err(|error| error.to_string())
    }

    #[test]
    fn headers_of_answers_are_read_as_kafka_connect_reads_them() {
        let config = of(&[(
            "response.http.headers.config",
            "add X-XSS-Protection: 1; mode=block, \"add Cache-Control: no-cache, no-store\", setDate Expires: 3600000",
        )])
        .unwrap();
        let shown: Vec<_> = config
            .response_headers
            .iter()
            .map(|header| (header.action, header.name.as_str(), header.value.as_str()))
            .collect();
        assert_eq!(
            shown,
            [
                (HeaderAction::Add, "X-XSS-Protection", "1; mode=block"),
                (HeaderAction::Add, "Cache-Control", "no-cache, no-store"),
                (HeaderAction::SetDate(3_600_000), "Expires", ""),
            ]
        );
        for (bad, wanted) in [
            ("set", "Invalid format of header config 'set'"),
            (
                "set X",
                "Invalid format of header name and header value pair 'X'",
            ),
            ("put X: y", "Invalid header config action: 'put'"),
            ("set a b: y", "Invalid header name 'a b'"),
            ("setDate X: soon", "a number of milliseconds"),
            ("set X: é", "no header may have"),
        ] {
            let error = of(&[("response.http.headers.config", bad)]).unwrap_err();
            assert!(error.contains(wanted), "{bad}: {error}");
        }
    }

    #[test]
    fn admin_listeners_may_be_the_same_their_own_or_none() {
        assert_eq!(of(&[]).unwrap().admin, AdminListeners::Same);
        let none = of(&[("admin.listeners", " ")]).unwrap();
        assert_eq!(none.admin, AdminListeners::Nowhere);
        let own = of(&[("admin.listeners", "http://localhost:1")]).unwrap();
        assert!(matches!(own.admin, AdminListeners::Own(own) if own.len() == 1));
        let error = of(&[("admin.listeners", "8083")]).unwrap_err();
        assert!(error.contains("admin.listeners"), "{error}");
        let error = of(&[("admin.listeners", "https://localhost:1")]).unwrap_err();
        assert!(error.contains("ssl.keystore.location"), "{error}");
    }

    #[test]
    fn the_extension_for_basic_authentication_is_known_by_its_name() {
        let file = ("rest.extension.basic.auth.file", "users");
        let class = ("rest.extension.classes", BASIC_AUTH_EXTENSION);
        let config = of(&[class, file]).unwrap();
        assert_eq!(config.basic_auth_file, Some("users".into()));
        let short = ("rest.extension.classes", "BasicAuthSecurityRestExtension");
        assert!(of(&[short, file]).is_ok());
        for (pairs, wanted) in [
            (&[class][..], "it is missing"),
            (&[file], "is for rest.extension.classes"),
            (
                &[("rest.extension.classes", "org.example.Mine")],
                "Java classes",
            ),
        ] {
            let error = of(pairs).unwrap_err();
            assert!(error.contains(wanted), "{error}");
        }
    }

    #[test]
    fn pages_of_other_origins_have_kafka_connects_methods() {
        let config = of(&[("access.control.allow.origin", "https://a, https://b")]).unwrap();
        assert_eq!(config.cross_origin.origins, ["https://a", "https://b"]);
        assert_eq!(config.cross_origin.methods, ["GET", "POST", "HEAD"]);
        let config = of(&[("access.control.allow.methods", "get,put")]).unwrap();
        assert_eq!(config.cross_origin.methods, ["GET", "PUT"]);
    }
}
