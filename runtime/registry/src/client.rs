//! Schemas of a registry: by id, by subject, by text. What is found is kept, up to a number; an id that is unknown is
//! remembered for a short time, so that a topic full of it does not mean a request for each record.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::config::RegistryConfig;
use crate::error::RegistryError;
use crate::http::{Http, Request};
use crate::url::path_part;

/// The most answers of each kind that are kept.
pub const ANSWERS_KEPT_MAX: usize = 1_000;
/// The most schemas that one schema may refer to, with those that these refer to.
pub const REFERENCES_MAX: usize = 100;
/// For how long a refusal is remembered.
pub const REFUSAL_KEPT_MS_MAX: u64 = 5_000;

/// A schema of the registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// The schemas that it refers to, each after those that it refers to itself.
    pub references: Vec<String>,
    /// Its own text.
    pub schema: String,
}

/// A schema's place under a subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registered {
    /// Its id.
    pub id: i32,
    /// Its version; `None` when the registry does not say.
    pub version: Option<i32>,
}

/// The latest schema of a subject.
type Latest = (Registered, Arc<Stored>);

/// Asks a registry.
#[derive(Debug)]
pub struct Client {
    http: Http,
    by_id: Kept<i32, Arc<Stored>>,
    latest: Kept<String, Latest>,
}

impl Client {
    /// A client that has asked nothing yet.
    #[must_use]
    pub fn new(config: RegistryConfig) -> Self {
        Self {
            http: Http::new(config),
            by_id: Kept::default(),
            latest: Kept::default(),
        }
    }

    /// The schema with an id.
    ///
    /// # Errors
    /// When the registry cannot be reached, does not know it, or has another kind of schema there.
    pub fn by_id(&mut self, id: i32) -> Result<Arc<Stored>, RegistryError> {
        if let Some(known) = self.by_id.get(&id, None) {
            return known;
        }
        let answer = self
            .get(
                format!("give the schema {id}"),
                format!("/schemas/ids/{id}"),
            )
            .and_then(|answer| self.stored(&answer))
            .map(Arc::new);
        self.by_id.put(id, answer)
    }

    /// Registers a schema under a subject, where it may be already.
    ///
    /// # Errors
    /// When the registry cannot be reached or refuses it.
    pub fn register(
        &mut self,
        subject: &str,
        schema: &str,
        normalize: bool,
    ) -> Result<i32, RegistryError> {
        let part = path_part(subject);
        let answer = self.http.send(&Request {
            what: format!("register a schema under {subject}"),
            path: format!("/subjects/{part}/versions{}", query(normalize, false)),
            body: Some(&json!({ "schema": schema })),
        })?;
        Ok(self.registered(&answer)?.id)
    }

    /// Looks for a schema under a subject. `deleted`: among deleted versions too.
    ///
    /// # Errors
    /// When the registry cannot be reached or the schema is not there.
    pub fn lookup(
        &mut self,
        subject: &str,
        stored: &Stored,
        normalize: bool,
        deleted: bool,
    ) -> Result<Registered, RegistryError> {
        let part = path_part(subject);
        let answer = self.http.send(&Request {
            what: format!("find the schema under {subject}"),
            path: format!("/subjects/{part}{}", query(normalize, deleted)),
            body: Some(&json!({ "schema": stored.schema })),
        })?;
        self.registered(&answer)
    }

    /// The latest schema of a subject.
    ///
    /// # Errors
    /// When the registry cannot be reached, or has none.
    pub fn latest(&mut self, subject: &str) -> Result<(Registered, Arc<Stored>), RegistryError> {
        let kept_for = self.http.latest_for();
        if let Some(known) = self.latest.get(&subject.to_owned(), kept_for) {
            return known;
        }
        let part = path_part(subject);
        let answer = self
            .get(
                format!("give the latest schema of {subject}"),
                format!("/subjects/{part}/versions/latest"),
            )
            .and_then(|answer| Ok((self.registered(&answer)?, Arc::new(self.stored(&answer)?))));
        self.latest.put(subject.to_owned(), answer)
    }

    fn get(&mut self, what: String, path: String) -> Result<Value, RegistryError> {
        self.http.send(&Request {
            what,
            path,
            body: None,
        })
    }

    /// The schema of an answer, with those that it refers to.
    fn stored(&mut self, answer: &Value) -> Result<Stored, RegistryError> {
        let mut references = Vec::new();
        let mut seen = HashSet::new();
        let schema = self.with_references(answer, &mut seen, &mut references)?;
        Ok(Stored { references, schema })
    }

    fn with_references(
        &mut self,
        answer: &Value,
        seen: &mut HashSet<(String, i64)>,
        found: &mut Vec<String>,
    ) -> Result<String, RegistryError> {
        let kind = answer.get("schemaType").and_then(Value::as_str);
        if let Some(kind) = kind.filter(|kind| *kind != "AVRO") {
            return Err(unusable(format!(
                "the schema is of the type {kind:.40}; AVRO is wanted"
            )));
        }
        let references = answer.get("references").and_then(Value::as_array);
        for reference in references.into_iter().flatten() {
            let subject = reference.get("subject").and_then(Value::as_str);
            let version = reference.get("version").and_then(Value::as_i64);
            let (Some(subject), Some(version)) = (subject, version) else {
                return Err(unusable(
                    "a reference has no subject or no version".to_owned(),
                ));
            };
            if !seen.insert((subject.to_owned(), version)) {
                continue;
            }
            if seen.len() > REFERENCES_MAX {
                return Err(unusable(format!(
                    "it refers to more than {REFERENCES_MAX} schemas, which is the most that is allowed"
                )));
            }
            let part = path_part(subject);
            let answer = self.get(
                format!("give version {version} of {subject}"),
                format!("/subjects/{part}/versions/{version}"),
            )?;
            let schema = self.with_references(&answer, seen, found)?;
            found.push(schema);
        }
        match answer.get("schema").and_then(Value::as_str) {
            Some(schema) => Ok(schema.to_owned()),
            None => Err(unusable("there is no \"schema\" in it".to_owned())),
        }
    }

    fn registered(&self, answer: &Value) -> Result<Registered, RegistryError> {
        let number = |name| {
            let number = answer.get(name).and_then(Value::as_i64);
            number.and_then(|number| i32::try_from(number).ok())
        };
        match number("id") {
            Some(id) => Ok(Registered {
                id,
                version: number("version"),
            }),
            None => Err(unusable("there is no \"id\" in it".to_owned())),
        }
    }
}

/// An answer of the right form that cannot be used.
fn unusable(problem: String) -> RegistryError {
    RegistryError::Unusable { problem }
}

fn query(normalize: bool, deleted: bool) -> &'static str {
    match (normalize, deleted) {
        (false, false) => "",
        (true, false) => "?normalize=true",
        (false, true) => "?deleted=true",
        (true, true) => "?normalize=true&deleted=true",
    }
}

/// Answers by key, up to a number; the oldest goes first.
#[derive(Debug)]
struct Kept<K, V> {
    answers: HashMap<K, (Instant, Result<V, RegistryError>)>,
}

impl<K, V> Default for Kept<K, V> {
    fn default() -> Self {
        Self {
            answers: HashMap::new(),
        }
    }
}

impl<K: Hash + Eq + Clone, V: Clone> Kept<K, V> {
    /// The answer that is kept and not too old; an error is too old soon.
    fn get(&self, key: &K, kept_for: Option<Duration>) -> Option<Result<V, RegistryError>> {
        let (since, answer) = self.answers.get(key)?;
        let kept_for = match answer {
            Ok(_) => kept_for,
            Err(_) => Some(Duration::from_millis(REFUSAL_KEPT_MS_MAX)),
        };
        let fresh = kept_for.is_none_or(|kept_for| since.elapsed() < kept_for);
        fresh.then(|| answer.clone())
    }

    /// Keeps an answer, unless it says that the registry is away, and gives it back.
    fn put(&mut self, key: K, answer: Result<V, RegistryError>) -> Result<V, RegistryError> {
        let passes = |error: &RegistryError| error.class() != tidegate_model::ErrorClass::Data;
        if answer.as_ref().is_err_and(passes) {
            return answer;
        }
        if self.answers.len() >= ANSWERS_KEPT_MAX && !self.answers.contains_key(&key) {
            let oldest = self.answers.iter().min_by_key(|(_, (since, _))| *since);
            if let Some(oldest) = oldest.map(|(key, _)| key.clone()) {
                self.answers.remove(&oldest);
            }
        }
        self.answers.insert(key, (Instant::now(), answer.clone()));
        answer
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(status: u16) -> RegistryError {
        RegistryError::Refused {
            at: String::new(),
            what: String::new(),
            status,
            message: String::new(),
            hint: "",
        }
    }

    #[test]
    fn so_many_answers_are_kept_and_no_passing_failure() {
        let mut kept = Kept::default();
        for number in 0..=ANSWERS_KEPT_MAX {
            assert_eq!(kept.put(number, Ok(number)), Ok(number));
        }
        assert_eq!(kept.answers.len(), ANSWERS_KEPT_MAX);
        assert_eq!(
            kept.get(&ANSWERS_KEPT_MAX, None),
            Some(Ok(ANSWERS_KEPT_MAX))
        );
        assert_eq!(kept.get(&5, Some(Duration::ZERO)), None);
        assert!(kept.put(5, Err(refusal(503))).is_err());
        assert_eq!(kept.get(&5, None), Some(Ok(5)));
        assert!(kept.put(5, Err(refusal(404))).is_err());
        assert_eq!(kept.get(&5, Some(Duration::ZERO)), Some(Err(refusal(404))));
    }
}
