//! Who calls, and what that one may do.
//!
//! | it shows | it is |
//! | --- | --- |
//! | `Authorization: Bearer …` | the token of that digest |
//! | `Authorization: Basic …` | the user, if the password is right |
//! | a certificate that the truststore knows | the one with that subject |
//! | nothing | refused, unless nobody is asked |
//!
//! A header that is wrong is refused, whatever certificate comes with it.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tidegate_config::ConfigError;
use tidegate_config::access::{Held, Principal, Proof, Role};
use tidegate_config::name_patterns::NamePatterns;
use tidegate_config::rest::RestConfig;
use tidegate_config::tls::ClientAuth;

use crate::access_files::Stamp;
use crate::error::{Failure, RestError};
use crate::peer::Peer;
use crate::secrets::{Password, Token, Verifier};

/// The certificate of anyone who was verified.
const ANY_SUBJECT: &str = "*";

/// Who may call.
pub(crate) struct Access {
    /// Whether a caller has to show something.
    asks: bool,
    tokens: Vec<(Token, Known)>,
    users: BTreeMap<String, (Password, Known)>,
    /// Compared with where no user is.
    nobody: Password,
    certificates: Vec<(String, Known)>,
    verifier: Verifier,
    /// The files that all this was read from, as they were then.
    files: Vec<Stamp>,
}

/// Someone who may call.
#[derive(Debug, Clone)]
struct Known {
    name: String,
    role: Role,
    connectors: Option<Arc<NamePatterns>>,
}

/// Who calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Caller {
    /// The name.
    pub(crate) name: String,
    /// What was shown.
    pub(crate) by: &'static str,
    /// What it may do.
    pub(crate) role: Role,
    /// The connectors that it may see and change; `None`: all.
    connectors: Option<Arc<NamePatterns>>,
}

impl Caller {
    fn known(by: &'static str, known: &Known) -> Self {
        Self {
            name: known.name.clone(),
            by,
            role: known.role,
            connectors: known.connectors.clone(),
        }
    }

    /// Somebody who may do everything.
    pub(crate) fn anyone(name: &str, by: &'static str) -> Self {
        Self {
            name: name.to_owned(),
            by,
            role: Role::Admin,
            connectors: None,
        }
    }

    /// Whether it may see a connector.
    pub(crate) fn may_see(&self, connector: &str) -> bool {
        let all = self.connectors.as_ref();
        all.is_none_or(|names| names.has(connector))
    }

    /// Refuses what it wants of a connector that is none of its own; whether that is there is not told.
    pub(crate) fn check(&self, connector: &str) -> Result<(), Failure> {
        match &self.connectors {
            Some(names) if !names.has(connector) => {
                Err(self.refused(names, "this one is not among them"))
            }
            _ => Ok(()),
        }
    }

    /// Refuses what is about all connectors.
    pub(crate) fn check_all(&self) -> Result<(), Failure> {
        match &self.connectors {
            Some(names) => Err(self.refused(names, "this is about all of the worker")),
            None => Ok(()),
        }
    }

    fn refused(&self, names: &NamePatterns, why: &str) -> Failure {
        let message = format!("{} may use the connectors {names}; {why}", self.name);
        Failure::new(StatusCode::FORBIDDEN, message)
    }

    /// Whose an uploaded component is: of somebody who may not use all connectors.
    pub(crate) fn owner(&self) -> Option<String> {
        let limited = self.connectors.is_some();
        limited.then(|| format!("{} {}", self.by, self.name))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = Failure;

    /// The guard has said who it is.
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        let caller = parts.extensions.get::<Self>().cloned();
        caller.ok_or_else(|| Failure::plain(StatusCode::INTERNAL_SERVER_ERROR))
    }
}

impl Access {
    /// As the worker's keys say.
    pub(crate) fn of(config: &RestConfig) -> Result<Self, RestError> {
        let verifier = Verifier::new().map_err(RestError::Random)?;
        let mut access = Self {
            asks: config.access_file.is_some() || config.basic_auth_file.is_some(),
            tokens: Vec::new(),
            users: BTreeMap::new(),
            nobody: Password::nobodys(None, &verifier),
            certificates: Vec::new(),
            verifier,
            files: Vec::new(),
        };
        for file in config.access_file.iter().chain(&config.basic_auth_file) {
            access.reads(file);
        }
        if let Some(file) = &config.access_file {
            for principal in tidegate_config::access::read(file)? {
                access.add(principal, file)?;
            }
        }
        if let Some(file) = &config.basic_auth_file {
            access.add_users(file)?;
        }
        let asks_certificates = config
            .tls
            .as_ref()
            .is_some_and(|tls| tls.client_auth != ClientAuth::None);
        if !access.certificates.is_empty() && !asks_certificates {
            return Err(RestError::Config(ConfigError::Key {
                key: "ssl.client.auth".to_owned(),
                message: "rest.access.file names certificates; clients are asked for one with an https listener and \
                          ssl.client.auth=required, or requested"
                    .to_owned(),
            }));
        }
        let slowest = access.users.values().map(|(password, _)| password);
        let slowest = slowest.max_by_key(|password| password.iterations());
        access.nobody = Password::nobodys(slowest, &access.verifier);
        Ok(access)
    }

    fn add(&mut self, principal: Principal, file: &Path) -> Result<(), RestError> {
        let Principal {
            name,
            role,
            connectors,
            proof,
        } = principal;
        let known = Known {
            name: name.clone(),
            role,
            connectors: connectors.map(Arc::new),
        };
        let of = |kind: &str, key: &str, message: String| {
            let key = format!("{kind}.{name}.{key}");
            let message = format!("{key}: {message}");
            let error = Box::new(ConfigError::Key { key, message });
            let path = file.to_owned();
            RestError::Config(ConfigError::InFile { path, error })
        };
        if let Proof::Token(Held::File(path)) | Proof::Password(Held::File(path)) = &proof {
            self.reads(path);
        }
        match proof {
            Proof::Token(held) => {
                let token = match &held {
                    Held::Digest(text) => {
                        Token::of_digest(text).map_err(|message| of("token", "sha256", message))
                    }
                    Held::File(path) => {
                        Token::of_file(path).map_err(|message| of("token", "file", message))
                    }
                };
                self.tokens.push((token?, known));
            }
            Proof::Password(held) => {
                let password = match &held {
                    Held::Digest(text) => {
                        Password::of_digest(text).map_err(|message| of("user", "password", message))
                    }
                    Held::File(path) => Password::of_file(path, &self.verifier)
                        .map_err(|message| of("user", "file", message)),
                };
                self.users.insert(name.clone(), (password?, known));
            }
            Proof::Certificate(subject) => self.certificates.push((subject, known)),
        }
        Ok(())
    }

    /// The users of Kafka Connect's extension: lines `user=password`; each may do everything.
    fn add_users(&mut self, file: &Path) -> Result<(), RestError> {
        let text = std::fs::read_to_string(file).map_err(|source| ConfigError::Read {
            path: file.to_owned(),
            source,
        })?;
        let users =
            tidegate_config::properties::parse(&text).map_err(|error| ConfigError::InFile {
                path: file.to_owned(),
                error: Box::new(error),
            })?;
        for (name, password) in users {
            let known = Known {
                name: name.clone(),
                role: Role::Admin,
                connectors: None,
            };
            let password = Password::of_text(&password, &self.verifier);
            self.users.entry(name).or_insert((password, known));
        }
        Ok(())
    }

    /// Notes a file before it is read, so that what changes meanwhile is a change.
    fn reads(&mut self, file: &Path) {
        warn_of_readers(file);
        self.files.push(Stamp::of(file));
    }

    /// The files that all this was read from, as they were then.
    pub(crate) fn files(&self) -> &[Stamp] {
        &self.files
    }

    /// Whether a caller has to show something.
    pub(crate) fn asks(&self) -> bool {
        self.asks
    }

    /// Who sends a request.
    ///
    /// # Errors
    /// What is answered to those who may not call at all.
    pub(crate) async fn caller(
        &self,
        authorization: Option<HeaderValue>,
        peer: Option<&Peer>,
    ) -> Result<Caller, Failure> {
        let subject = peer.and_then(|peer| peer.subject.as_deref());
        if !self.asks {
            return Ok(match subject {
                Some(subject) => Caller::anyone(subject, "certificate"),
                None => Caller::anyone("anonymous", "nothing"),
            });
        }
        if let Some(header) = authorization {
            return self.by_header(&header).await;
        }
        let Some(subject) = subject else {
            return Err(unknown());
        };
        let mut known = self.certificates.iter();
        let of = |wanted: &str| known.find(|(subject, _)| subject == wanted);
        let found = [subject, ANY_SUBJECT].into_iter().find_map(of);
        match found {
            Some((_, known)) => Ok(Caller {
                name: subject.to_owned(),
                ..Caller::known("certificate", known)
            }),
            None => Err(Failure::new(
                StatusCode::FORBIDDEN,
                format!(
                    "the certificate of {subject} has no role here; an administrator can name it in the file of \
                     rest.access.file"
                ),
            )),
        }
    }

    async fn by_header(&self, header: &HeaderValue) -> Result<Caller, Failure> {
        let header = header.to_str().map_err(|_| unknown())?;
        let (scheme, rest) = header.split_once(' ').ok_or_else(unknown)?;
        if scheme.eq_ignore_ascii_case("bearer") {
            return self.by_token(rest.trim()).ok_or_else(unknown);
        }
        if !scheme.eq_ignore_ascii_case("basic") {
            return Err(unknown());
        }
        let decoded = STANDARD.decode(rest.trim()).map_err(|_| unknown())?;
        let decoded = String::from_utf8(decoded).map_err(|_| unknown())?;
        let (name, password) = decoded.split_once(':').ok_or_else(unknown)?;
        let found = self.users.get(name);
        let compared = found.map_or(&self.nobody, |(password, _)| password);
        let right = compared.is(password, &self.verifier).await.map_err(|_| {
            let message = "too many passwords are being checked; try again shortly";
            Failure::new(StatusCode::SERVICE_UNAVAILABLE, message)
        })?;
        match found {
            Some((_, known)) if right => Ok(Caller::known("password", known)),
            _ => Err(unknown()),
        }
    }

    /// Every token is compared, so that the time does not tell which one it was like.
    fn by_token(&self, token: &str) -> Option<Caller> {
        let digest = Token::digest(token);
        let mut found = None;
        for (token, known) in &self.tokens {
            if token.is(&digest) {
                found = Some(known);
            }
        }
        found.map(|known| Caller::known("token", known))
    }
}

/// Says that everyone on this machine may read a file of secrets.
fn warn_of_readers(file: &Path) {
    let mode = std::fs::metadata(file).map(|found| found.permissions().mode());
    if mode.is_ok_and(|mode| mode & 0o004 != 0) {
        tracing::warn!(file = %file.display(),
            "Every user of this machine may read this file, which says who may call the worker; `chmod o-r` it.");
    }
}

/// In the words of Kafka Connect's extension: the same whatever was wrong.
fn unknown() -> Failure {
    Failure::new(StatusCode::UNAUTHORIZED, "User cannot access the resource.")
}
