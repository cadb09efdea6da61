//! Who may call: tokens, passwords, certificates, roles, the audit log, and listening beyond loopback.

mod access_file;
mod audit;
mod credentials;
mod headers;
mod listeners;
mod log;
mod tenants;
mod tls;

use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine;
use tidegate_config::Properties;
use tidegate_config::rest::RestConfig;
use tidegate_config::worker::{Listener, WorkerConfig};
use tidegate_rest::{RestError, Server, new_token};

use crate::support::{Answer, Fake, read, send};

const CONNECTOR: &str = r#"{"name": "c", "config": {"connector.class": "C"}}"#;

/// The worker's configuration of some keys, and of a listener of its own.
fn config(pairs: &[(&str, &str)]) -> (Vec<Listener>, RestConfig) {
    let mut keys: Properties = [
        ("key.converter", "K"),
        ("value.converter", "V"),
        ("listeners", "http://127.0.0.1:0"),
    ]
    .iter()
    .chain(pairs)
    .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
    .collect();
    keys.retain(|_, value| !value.is_empty());
    let (config, _) = WorkerConfig::standalone(keys).unwrap();
    (config.listeners, config.rest)
}

async fn opened(pairs: &[(&str, &str)]) -> Result<Server, RestError> {
    let (listeners, rest) = config(pairs);
    Server::open(&listeners, &rest).await
}

/// Serves as long as the test's runtime lives.
async fn start(pairs: &[(&str, &str)]) -> Vec<SocketAddr> {
    let server = opened(pairs).await.unwrap();
    let addresses = server.addresses();
    tokio::spawn(server.serve(Arc::new(Fake::default()), std::future::pending()));
    addresses
}

fn file(folder: &Path, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
    let path = folder.join(name);
    let mut file = std::fs::File::create(&path).unwrap();
    file.write_all(text.as_ref()).unwrap();
    path
}

fn basic(user: &str, password: &str) -> String {
    let text = base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}"));
    format!("Basic {text}")
}

async fn with(address: SocketAddr, method: &str, path: &str, authorization: &str) -> Answer {
    let headers = [("authorization", authorization)];
    let body = (method == "POST" || method == "PUT").then_some(CONNECTOR);
    send(address, method, path, &headers, body).await
}

/// A file with a token of each role; the tokens by their role.
fn tokens(folder: &Path) -> (PathBuf, impl Fn(&str) -> String) {
    let mut text = String::new();
    let mut tokens = Vec::new();
    for role in ["read", "operate", "admin"] {
        let (token, digest) = new_token().unwrap();
        text.push_str(&format!(
            "token.{role}er.role={role}\ntoken.{role}er.sha256={digest}\n"
        ));
        tokens.push((role, token));
    }
    let of = move |role: &str| {
        let found = tokens.iter().find(|(known, _)| *known == role);
        format!("Bearer {}", found.unwrap().1)
    };
    (file(folder, "access.properties", text), of)
}
