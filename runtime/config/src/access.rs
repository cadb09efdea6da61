//! Who may do what over REST: the file that the worker's key `rest.access.file` names.
//!
//! ```properties
//! token.ci.role=operate
//! token.ci.sha256=9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
//! user.alice.role=admin
//! user.alice.password=pbkdf2-sha256$600000$c2FsdA==$…
//! user.bob.role=read
//! user.bob.file=/run/secrets/bob
//! certificate.ops.role=admin
//! certificate.ops.subject=CN=ops,O=Acme
//! certificate.ops.connectors=orders-*,billing
//! ```
//!
//! The file holds digests and the names of files, never a secret itself.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use crate::connector_file;
use crate::error::ConfigError;
use crate::name_patterns::NamePatterns;
use crate::{Properties, properties};

/// The most tokens, users and certificates.
pub const PRINCIPALS_MAX: usize = 1_000;
/// The most bytes of the name of a token, a user or a certificate.
pub const PRINCIPAL_NAME_BYTES_MAX: usize = 128;

/// What a caller may do. Each role may do what those before it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// See connectors, their configurations and states, plugins and metrics.
    Read,
    /// Pause, resume, stop and restart what is there, and have configurations checked.
    Operate,
    /// Everything.
    Admin,
}

/// Someone who may call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// Its name, as the audit log tells it.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// The connectors that it may see and change; `None`: all.
    pub connectors: Option<NamePatterns>,
    /// How it shows that it is the one.
    pub proof: Proof,
}

/// How a caller shows who it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Proof {
    /// A bearer token: the SHA-256 of it in hexadecimal digits, or the file that it is in.
    Token(Held),
    /// A user's password: its PBKDF2 digest, or the file that it is in.
    Password(Held),
    /// A client's certificate with this subject, as RFC 2253 writes it; `*`: any that was verified.
    Certificate(String),
}

/// Where a secret is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Held {
    /// Here, as a digest.
    Digest(String),
    /// In a file.
    File(PathBuf),
}

impl Role {
    /// The role's word in the file.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Operate => "operate",
            Self::Admin => "admin",
        }
    }

    fn parse(word: &str) -> Option<Self> {
        let roles = [Self::Read, Self::Operate, Self::Admin];
        roles.into_iter().find(|role| role.name() == word.trim())
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Reads the file of `rest.access.file`.
///
/// # Errors
/// When it cannot be read, or a line of it cannot work. No value that may be a secret is in the error.
pub fn read(path: &Path) -> Result<Vec<Principal>, ConfigError> {
    let in_file = |error| ConfigError::InFile {
        path: path.to_owned(),
        error: Box::new(error),
    };
    parse(&connector_file::read(path)?).map_err(in_file)
}

/// Parses what is in that file.
///
/// # Errors
/// When a line of it cannot work. No value that may be a secret is in the error.
pub fn parse(text: &str) -> Result<Vec<Principal>, ConfigError> {
    principals(&properties::parse(text)?)
}

fn principals(keys: &Properties) -> Result<Vec<Principal>, ConfigError> {
    let mut grouped: BTreeMap<(&str, &str), BTreeMap<&str, &str>> = BTreeMap::new();
    for (key, value) in keys {
        let parts = key
            .split_once('.')
            .and_then(|(kind, rest)| Some((kind, rest.rsplit_once('.')?)));
        let Some((kind, (name, field))) = parts else {
            return Err(wrong(
                key,
                "this is no key of the file; token.NAME.…, user.NAME.… and certificate.NAME.… are",
            ));
        };
        if name.is_empty() || name.len() > PRINCIPAL_NAME_BYTES_MAX {
            let message = format!("a name of 1 to {PRINCIPAL_NAME_BYTES_MAX} bytes is wanted");
            return Err(wrong(key, &message));
        }
        let fields = grouped.entry((kind, name)).or_default();
        fields.insert(field, value.trim());
    }
    if grouped.is_empty() {
        let message = "the file names nobody; it needs a line such as token.NAME.role=admin";
        return Err(ConfigError::key_message("rest.access.file", message));
    }
    if grouped.len() > PRINCIPALS_MAX {
        let message = format!("the file names more than {PRINCIPALS_MAX} callers");
        return Err(ConfigError::key_message("rest.access.file", message));
    }
    grouped
        .into_iter()
        .map(|((kind, name), fields)| principal(kind, name, fields))
        .collect()
}

fn principal(
    kind: &str,
    name: &str,
    mut fields: BTreeMap<&str, &str>,
) -> Result<Principal, ConfigError> {
    let key = |field: &str| format!("{kind}.{name}.{field}");
    let role = fields.remove("role").ok_or_else(|| {
        wrong(
            &key("role"),
            "it is missing; read, operate or admin is wanted",
        )
    })?;
    let role =
        Role::parse(role).ok_or_else(|| wrong(&key("role"), "read, operate or admin is wanted"))?;
    let digest = match kind {
        "token" => "sha256",
        "user" => "password",
        "certificate" => "subject",
        _ => return Err(wrong(&key("role"), "token, user and certificate are known")),
    };
    let connectors = match fields.remove("connectors") {
        None => None,
        Some(names) => Some(NamePatterns::parse(names).ok_or_else(|| {
            let message = "names of connectors are wanted, such as orders-*, or no such key: all";
            wrong(&key("connectors"), message)
        })?),
    };
    let (given, file) = (fields.remove(digest), fields.remove("file"));
    if let Some(other) = fields.keys().next() {
        let message =
            format!("this is no key of a {kind}; role, connectors, {digest} and file are");
        return Err(wrong(&key(other), &message));
    }
    let held = match (given, file) {
        (Some(given), None) if !given.is_empty() => Held::Digest(given.to_owned()),
        (None, Some(file)) if !file.is_empty() => Held::File(file.into()),
        _ => {
            let message = format!("{} or {} is wanted, and not both", key(digest), key("file"));
            return Err(wrong(&key(digest), &message));
        }
    };
    let proof = match (kind, held) {
        ("token", held) => Proof::Token(held),
        ("user", held) => Proof::Password(held),
        (_, Held::Digest(subject)) => Proof::Certificate(subject),
        (_, Held::File(_)) => {
            return Err(wrong(&key("file"), "a certificate is named by its subject"));
        }
    };
    Ok(Principal {
        name: name.to_owned(),
        role,
        connectors,
        proof,
    })
}

fn wrong(key: &str, message: &str) -> ConfigError {
    ConfigError::key_message(key, format!("{key}: {message}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<Vec<Principal>, String> {
        let keys = properties::parse(text).unwrap();
        principals(&keys).map_err(|error| error.to_string())
    }

    #[test]
    fn tokens_users_and_certificates_are_read() {
        let found = parsed(
            "token.ci.role=operate\ntoken.ci.sha256=ab\nuser.a.b.role = admin\nuser.a.b.file=/p\n\
             certificate.ops.role=read\ncertificate.ops.subject=CN=ops,O=Acme\n\
             token.ci.connectors=orders-*",
        )
        .unwrap();
        let of = |name: &str| {
            let found = found.iter().find(|principal| principal.name == name);
            found.unwrap().clone()
        };
        assert_eq!(of("ci").proof, Proof::Token(Held::Digest("ab".into())));
        assert_eq!(of("ci").role, Role::Operate);
        assert!(of("ci").connectors.unwrap().has("orders-1"));
        assert_eq!(of("a.b").connectors, None);
        assert_eq!(of("a.b").proof, Proof::Password(Held::File("/p".into())));
        assert_eq!(of("ops").proof, Proof::Certificate("CN=ops,O=Acme".into()));
        assert!(Role::Read < Role::Operate && Role::Operate < Role::Admin);
    }

    #[test]
    fn what_cannot_work_is_refused_by_its_key_and_shows_no_value() {
        for (text, wanted) in [
            ("", "names nobody"),
            ("a=canary", "a: this is no key"),
            ("token.x=canary", "token.x: this is no key"),
            ("token.x.sha256=canary", "token.x.role: it is missing"),
            (
                "token.x.role=canary",
                "token.x.role: read, operate or admin",
            ),
            (
                "token.x.role=read",
                "token.x.sha256 or token.x.file is wanted",
            ),
            (
                "token.x.role=read\ntoken.x.sha256=canary\ntoken.x.file=canary",
                "and not both",
            ),
            (
                "token.x.role=read\ntoken.x.secret=canary",
                "token.x.secret: this is no key of a token",
            ),
            ("robot.x.role=read", "token, user and certificate are known"),
            (
                "certificate.x.role=read\ncertificate.x.file=canary",
                "named by its subject",
            ),
            ("token..role=read", "a name of 1 to"),
            (
                "token.x.role=read\ntoken.x.connectors=,\ntoken.x.file=canary",
                "token.x.connectors: names of connectors are wanted",
            ),
        ] {
            let error = parsed(text).unwrap_err();
            assert!(error.contains(wanted), "{text:?}: {error}");
            assert!(!error.contains("canary"), "{text:?}: {error}");
        }
    }
}
