//! How far the grants of a connector may go.
//!
//! | where the configuration comes from | policy |
//! | --- | --- |
//! | the command line of a standalone worker: the operator's own | [`Policy::Permissive`] |
//! | REST | [`Policy::Strict`], or [`Policy::Allow`] when the worker's `sandbox.policy.` keys allow something |
//!
//! Addresses that are not public are allowed by address only, by no `*` and no name: a name's answer is somebody
//! else's word.

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::grants::FolderGrant;
use crate::ip::{self, Block, Reach};
use crate::own_limits::Most;
use crate::rules::Rule;

/// How far grants may go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Policy {
    /// As far as the configuration says.
    Permissive,
    /// Nothing is granted.
    Strict,
    /// As far as these allow.
    Allow(Arc<Allowed>),
}

/// What may be granted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Allowed {
    /// Folders that may be read, with all that is in them (`sandbox.policy.read`).
    pub read: Vec<PathBuf>,
    /// Folders that may be read and written (`sandbox.policy.write`).
    pub write: Vec<PathBuf>,
    /// `host:port` that may be connected to; `*` stands for any host or any port, `*.` before a name for any name
    /// below it, and `10.0.0.0/8` for addresses (`sandbox.policy.addresses`).
    pub addresses: Vec<String>,
    /// The same of those that may be sent HTTP requests and nothing else (`sandbox.policy.http`).
    pub http: Vec<String>,
    /// How much a connector may ask for.
    pub most: Most,
    /// What certain connectors may be granted beyond all this (`sandbox.policy.rules`).
    pub rules: Vec<Rule>,
}

/// What an address is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Any connection.
    Tcp,
    /// HTTP requests.
    Http,
}

impl Policy {
    /// The policy of a connector of this name: with the rules that are for it.
    pub(crate) fn of(&self, connector: &str) -> Cow<'_, Self> {
        match self {
            Self::Allow(allowed) if allowed.rules.iter().any(|rule| rule.is_for(connector)) => {
                Cow::Owned(Self::Allow(allowed.with_rules_of(connector).into()))
            }
            _ => Cow::Borrowed(self),
        }
    }

    /// The grant of a folder; `None`: it may not be granted. Links are followed before it is compared, and the grant
    /// holds for where they led.
    pub(crate) fn folder(&self, path: PathBuf, writable: bool) -> Option<FolderGrant> {
        let real = match self {
            Self::Permissive => None,
            Self::Strict => return None,
            Self::Allow(allowed) => Some(allowed.real_folder(&path, writable)?),
        };
        Some(FolderGrant {
            path,
            writable,
            real,
        })
    }

    /// Whether a `host:port` may be granted.
    pub(crate) fn allows_address(&self, address: &str, purpose: Purpose) -> bool {
        let Some((host, port)) = address.rsplit_once(':') else {
            return false;
        };
        if let Some(Reach::Never(_)) = ip::literal(host).map(ip::reach) {
            return false;
        }
        let allowed = match self {
            Self::Permissive => return true,
            Self::Strict => return false,
            Self::Allow(allowed) => allowed,
        };
        let http = match purpose {
            Purpose::Tcp => [].as_slice(),
            Purpose::Http => allowed.http.as_slice(),
        };
        let mut entries = allowed.addresses.iter().chain(http);
        entries.any(|entry| allows(entry, host, port))
    }

    /// The addresses that are allowed by address: private ones may be reached there, also by a name.
    pub(crate) fn blocks(&self) -> Vec<Block> {
        let Self::Allow(allowed) = self else {
            return Vec::new();
        };
        let entries = allowed.addresses.iter().chain(&allowed.http);
        entries.filter_map(|entry| Block::parse(entry)).collect()
    }

    /// How much a connector may ask for; `None`: as much as it likes.
    pub(crate) fn most(&self) -> Option<Most> {
        match self {
            Self::Permissive => None,
            Self::Strict => Some(Most::default()),
            Self::Allow(allowed) => Some(allowed.most),
        }
    }
}

/// Whether an entry of a policy is for a host and port, both in their usual form.
fn allows(entry: &str, host: &str, port: &str) -> bool {
    let Some((wanted_host, wanted_port)) = entry.rsplit_once(':') else {
        return false;
    };
    if wanted_port != "*" && wanted_port != port {
        return false;
    }
    if wanted_host.eq_ignore_ascii_case(host) {
        return true;
    }
    let address = ip::literal(host);
    if let (Some(address), Some(block), Ok(port)) = (address, Block::parse(entry), port.parse())
        && block.has(address, port)
    {
        return true;
    }
    let public = match address {
        Some(address) => ip::reach(address) == Reach::Public,
        None => !is_localhost(host),
    };
    let below = wanted_host.strip_prefix('*').filter(|suffix| {
        let suffix = suffix.to_ascii_lowercase();
        suffix.is_empty()
            || (address.is_none() && suffix.starts_with('.') && host.ends_with(&suffix))
    });
    public && below.is_some()
}

/// Whether a name means this machine, whatever a name server says.
#[must_use]
pub fn is_localhost(host: &str) -> bool {
    host == "localhost" || host.ends_with(".localhost")
}

impl Allowed {
    /// Where a folder really is, if that is allowed.
    fn real_folder(&self, folder: &Path, writable: bool) -> Option<PathBuf> {
        let real = folder.canonicalize().ok()?;
        let read = if writable {
            [].as_slice()
        } else {
            self.read.as_slice()
        };
        let mut roots = self
            .write
            .iter()
            .chain(read)
            .filter_map(|root| root.canonicalize().ok());
        roots.any(|root| real.starts_with(root)).then_some(real)
    }

    fn with_rules_of(&self, connector: &str) -> Self {
        let mut all = Self {
            rules: Vec::new(),
            ..self.clone()
        };
        for rule in self.rules.iter().filter(|rule| rule.is_for(connector)) {
            let more = &rule.allowed;
            all.read.extend_from_slice(&more.read);
            all.write.extend_from_slice(&more.write);
            all.addresses.extend_from_slice(&more.addresses);
            all.http.extend_from_slice(&more.http);
            all.most = all.most.or(more.most);
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_public_is_allowed_by_address_only() {
        let policy = Policy::Allow(Arc::new(Allowed {
            addresses: [
                "*:443",
                "10.0.0.0/8:5432",
                "127.0.0.1:9",
                "*.example.com:80",
                "Db:1",
            ]
            .map(str::to_owned)
            .into(),
            http: vec!["api:80".to_owned()],
            ..Allowed::default()
        }));
        let tcp = |address: &str| policy.allows_address(address, Purpose::Tcp);
        for yes in [
            "a:443",
            "1.1.1.1:443",
            "10.1.2.3:5432",
            "127.0.0.1:9",
            "a.b.example.com:80",
            "db:1",
        ] {
            assert!(tcp(yes), "{yes}");
        }
        for no in [
            "127.0.0.1:443",
            "169.254.169.254:443",
            "localhost:443",
            "x.localhost:443",
            "[::1]:443",
            "10.1.2.3:443",
            "11.0.0.1:5432",
            "example.com:80",
            "badexample.com:80",
            "127.0.0.1:10",
            "0.0.0.0:443",
            "224.0.0.1:443",
            "api:80",
            "1.1.1.1:80",
        ] {
            assert!(!tcp(no), "{no}");
        }
        assert!(policy.allows_address("api:80", Purpose::Http));
        assert!(Policy::Permissive.allows_address("127.0.0.1:80", Purpose::Tcp));
        assert!(!Policy::Permissive.allows_address("0.0.0.0:80", Purpose::Tcp));
    }
}
