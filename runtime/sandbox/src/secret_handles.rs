//! SecretHandles by handle: a guest gets a text in the place of a secret, and the host puts the secret into what goes out.
//!
//! A handle names its key and holds a number that is new with each instance, so that nobody else can write one into a
//! record and have a secret put there. Instances that only describe, validate or divide work are given handles that are
//! worth nothing; what they copy into a task's configuration becomes a handle of the task.

use std::borrow::Cow;
use std::fmt;
use std::hash::{BuildHasher, RandomState};

use tidegate_config::Properties;
use tidegate_config::grants::Secret;

/// The secrets of a guest with their handles.
#[derive(Default)]
pub(crate) struct SecretHandles(Vec<Known>);

struct Known {
    handle: String,
    placeholder: String,
    secret: Secret,
}

impl SecretHandles {
    pub(crate) fn new(secrets: &[Secret]) -> Self {
        let number = || RandomState::new().hash_one(0);
        let known = secrets.iter().map(|secret| Known {
            handle: format!("secret:{}:{:016x}{:016x}", secret.key, number(), number()),
            placeholder: placeholder(&secret.key),
            secret: secret.clone(),
        });
        Self(known.collect())
    }

    /// The configuration as the guest gets it.
    pub(crate) fn hidden<'a>(&self, config: &'a Properties) -> Cow<'a, Properties> {
        if self.0.is_empty() {
            return Cow::Borrowed(config);
        }
        let mut config = config.clone();
        for (key, value) in &mut config {
            for known in &self.0 {
                if known.secret.key == *key {
                    value.clone_from(&known.handle);
                } else if value.contains(&known.placeholder) {
                    *value = value.replace(&known.placeholder, &known.handle);
                }
            }
        }
        Cow::Owned(config)
    }

    /// What goes out: secrets in the place of their handles. `None`: there is none in it.
    pub(crate) fn revealed(&self, bytes: &[u8]) -> Option<Vec<u8>> {
        let mut out: Option<Vec<u8>> = None;
        for known in &self.0 {
            let text = out.as_deref().unwrap_or(bytes);
            if let Some(replaced) = replace(text, known.handle.as_bytes(), &known.secret.value) {
                out = Some(replaced);
            }
        }
        out
    }
}

impl fmt::Debug for SecretHandles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys = self.0.iter().map(|known| &known.secret.key);
        f.debug_list().entries(keys).finish()
    }
}

/// What stands for a secret where no handle is worth anything.
pub(crate) fn placeholder(key: &str) -> String {
    format!("secret:{key}:{:032}", 0)
}

fn replace(text: &[u8], handle: &[u8], secret: &str) -> Option<Vec<u8>> {
    let find = |text: &[u8]| text.windows(handle.len()).position(|part| part == handle);
    let mut rest = text;
    let mut out = Vec::new();
    while let Some(place) = find(rest) {
        out.extend_from_slice(rest.get(..place).unwrap_or_default());
        out.extend_from_slice(secret.as_bytes());
        rest = rest.get(place + handle.len()..).unwrap_or_default();
    }
    if out.is_empty() && rest.len() == text.len() {
        return None;
    }
    out.extend_from_slice(rest);
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secrets() -> SecretHandles {
        SecretHandles::new(&[Secret {
            key: "token".to_owned(),
            value: "canary".to_owned(),
        }])
    }

    #[test]
    fn a_guest_gets_a_handle_and_the_wire_the_secret() {
        let secrets = secrets();
        let config = Properties::from([
            ("token".to_owned(), "canary".to_owned()),
            (
                "copy".to_owned(),
                format!("Bearer {}", placeholder("token")),
            ),
        ]);
        let hidden = secrets.hidden(&config);
        assert!(!format!("{hidden:?} {secrets:?}").contains("canary"));
        assert!(hidden.contains_key("copy") && !hidden["copy"].contains(&placeholder("token")));
        let out = |text: &str| {
            secrets
                .revealed(text.as_bytes())
                .map(|out| String::from_utf8(out).unwrap())
        };
        assert_eq!(out(&hidden["copy"]).as_deref(), Some("Bearer canary"));
        let twice = format!("{0}{0}!", hidden["token"]);
        assert_eq!(out(&twice).as_deref(), Some("canarycanary!"));
        assert_eq!(out(&placeholder("token")), None);
        assert_eq!(out("secret:token:"), None);
    }

    #[test]
    fn the_handle_of_another_instance_is_worth_nothing() {
        let config = Properties::from([("token".to_owned(), "x".to_owned())]);
        let (one, other) = (secrets(), secrets());
        let handle = one.hidden(&config)["token"].clone();
        assert_eq!(other.revealed(handle.as_bytes()), None);
    }
}
