//! What configuration keys a plugin has, and whether the values given for them can work, as Kafka's `ConfigDef`
//! says it.

use std::borrow::Cow;
use std::fmt;

use tidegate_model::guest_text::clean;
use tidegate_model::limits::GUEST_MESSAGE_BYTES_MAX;

pub use crate::validator::Validator;

use crate::Properties;

/// What stands for the value of a password wherever it is shown.
pub const HIDDEN: &str = "[hidden]";

/// The type of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ConfigType {
    /// `true` or `false`.
    Boolean,
    /// Any text.
    String,
    /// A 32 bit integer.
    Int,
    /// A 16 bit integer.
    Short,
    /// A 64 bit integer.
    Long,
    /// A floating point number.
    Double,
    /// Texts separated by commas.
    List,
    /// The name of a class.
    Class,
    /// A text that is never shown.
    Password,
}

/// How much a key matters, the most first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Importance {
    /// Most users set it.
    High,
    /// Some users set it.
    Medium,
    /// Few users set it.
    Low,
}

/// How wide a form shows a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Width {
    /// Nothing is known.
    #[default]
    None,
    /// Some characters.
    Short,
    /// Some words.
    Medium,
    /// A line.
    Long,
}

/// What the value of a key names outside the component.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Names {
    /// Nothing: the value is only a value.
    #[default]
    Nothing,
    /// A file that is read.
    ReadFile,
    /// A file that is written.
    WriteFile,
    /// A folder that is read.
    ReadFolder,
    /// A folder that is read and written.
    WriteFolder,
    /// `host:port`, or several separated by commas.
    Address,
    /// A URL, whose host and port are granted.
    Url,
    /// A secret.
    Secret,
}

/// One key of a definition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigKey {
    /// The key, such as `file`.
    pub name: String,
    /// The type of its value.
    pub kind: ConfigType,
    /// The value when the key is absent. `None` with `required` false means null.
    pub default: Option<String>,
    /// Whether the key must be given.
    pub required: bool,
    /// How much the key matters.
    pub importance: Importance,
    /// What it does.
    pub documentation: String,
    /// The values allowed; empty: any.
    pub valid_values: Vec<String>,
    /// Checks beyond the type and `valid_values`.
    pub validators: Vec<Validator>,
    /// What the value names outside the component.
    pub names: Names,
    /// The group that a form shows it in.
    pub group: Option<String>,
    /// Its place in the group; -1: none.
    pub order: i32,
    /// How wide a form shows it.
    pub width: Width,
    /// How a form calls it.
    pub display_name: String,
    /// Values that a form offers; empty: none in particular.
    pub recommended_values: Vec<String>,
    /// The keys that mean something only together with this one.
    pub dependents: Vec<String>,
}

impl ConfigKey {
    /// An optional text of low importance without a default; fields are set from there.
    #[must_use]
    pub fn named(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            kind: ConfigType::String,
            default: None,
            required: false,
            importance: Importance::Low,
            documentation: String::new(),
            valid_values: Vec::new(),
            validators: Vec::new(),
            names: Names::Nothing,
            group: None,
            order: -1,
            width: Width::None,
            display_name: name.to_owned(),
            recommended_values: Vec::new(),
            dependents: Vec::new(),
        }
    }

    /// Checks the value given for this key, or its absence.
    #[must_use]
    pub fn validate(&self, given: Option<&str>) -> ConfigValue {
        self.check(given, self.kind == ConfigType::Password)
    }

    /// The same for a value that no message may show.
    #[must_use]
    pub fn validate_hidden(&self, given: Option<&str>) -> ConfigValue {
        self.check(given, true)
    }

    fn check(&self, given: Option<&str>, hidden: bool) -> ConfigValue {
        let invalid = |found: Option<&str>, message: &str| {
            let found = if hidden { Some(HIDDEN) } else { found };
            format!(
                "Invalid value {} for configuration {}: {message}",
                found.unwrap_or("null"),
                self.name
            )
        };
        let mut value = ConfigValue {
            recommended_values: self.recommended_values.clone(),
            ..ConfigValue::named(&self.name)
        };
        let parsed = match given.or(self.default.as_deref()) {
            None if self.required => {
                value.errors.push(format!(
                    "Missing required configuration \"{}\" which has no default value.",
                    self.name
                ));
                return value;
            }
            None => return value,
            Some(text) => match Parsed::of(self.kind, text) {
                Ok(parsed) => Some(parsed),
                Err(message) => {
                    // A default is a guest's text; what was given is the user's own.
                    let shown = match given {
                        Some(given) => Cow::Borrowed(given),
                        None => clean(text, GUEST_MESSAGE_BYTES_MAX),
                    };
                    value.errors.push(invalid(Some(&shown), &message));
                    None
                }
            },
        };
        let shown = parsed.as_ref().map(Parsed::shown);
        let listed_only = !self.validators.contains(&Validator::OneOfIgnoringCase);
        if let (Some(shown), true, true) = (&shown, listed_only, !self.valid_values.is_empty())
            && !self.is_valid(parsed.as_ref(), shown)
        {
            let allowed = self.valid_values.join(", ");
            let allowed = clean(&allowed, GUEST_MESSAGE_BYTES_MAX);
            let found = match given {
                Some(_) => Cow::Borrowed(shown.as_str()),
                None => clean(shown, GUEST_MESSAGE_BYTES_MAX),
            };
            let message = format!("String must be one of: {allowed}");
            value.errors.push(invalid(Some(&found), &message));
        }
        for validator in &self.validators {
            if let Some(message) = validator.check_list(&self.name, parsed.as_ref()) {
                value.errors.push(message);
            } else if let Some(message) = validator.check(parsed.as_ref(), &self.valid_values) {
                let found = match &parsed {
                    Some(Parsed::List(words)) => Some(format!("[{}]", words.join(", "))),
                    _ => shown.clone(),
                };
                value.errors.push(invalid(found.as_deref(), &message));
            }
        }
        value.value = shown;
        value
    }

    fn is_valid(&self, parsed: Option<&Parsed>, shown: &str) -> bool {
        let is_listed = |word: &str| self.valid_values.iter().any(|valid| valid == word);
        match parsed {
            Some(Parsed::List(words)) => words.iter().all(|word| is_listed(word)),
            _ => is_listed(shown),
        }
    }
}

/// A value of a configuration type.
#[derive(Debug, Clone, PartialEq)]
pub enum Parsed {
    /// A boolean.
    Boolean(bool),
    /// A text, or the name of a class.
    Text(String),
    /// A password; its text is not kept here.
    Password,
    /// An integer of any size.
    Number(i64),
    /// A floating point number.
    Double(f64),
    /// Texts.
    List(Vec<String>),
}

impl Parsed {
    /// Parses a text as a type, in the way and with the words of `ConfigDef.parseType`.
    ///
    /// # Errors
    /// When it is no such value; the text says why.
    pub fn of(kind: ConfigType, text: &str) -> Result<Self, String> {
        let text = trim(text);
        let not_a_number = || format!("Not a number of type {kind}");
        match kind {
            ConfigType::Boolean if text.eq_ignore_ascii_case("true") => Ok(Self::Boolean(true)),
            ConfigType::Boolean if text.eq_ignore_ascii_case("false") => Ok(Self::Boolean(false)),
            ConfigType::Boolean => Err("Expected value to be either true or false".to_owned()),
            ConfigType::String | ConfigType::Class => Ok(Self::Text(text.to_owned())),
            ConfigType::Password => Ok(Self::Password),
            ConfigType::Int => text
                .parse::<i32>()
                .map(|n| Self::Number(n.into()))
                .map_err(|_| not_a_number()),
            ConfigType::Short => text
                .parse::<i16>()
                .map(|n| Self::Number(n.into()))
                .map_err(|_| not_a_number()),
            ConfigType::Long => text.parse().map(Self::Number).map_err(|_| not_a_number()),
            ConfigType::Double => text.parse().map(Self::Double).map_err(|_| not_a_number()),
            ConfigType::List => Ok(Self::List(list(text))),
        }
    }

    /// The value as REST shows it.
    #[must_use]
    pub fn shown(&self) -> String {
        match self {
            Self::Boolean(value) => value.to_string(),
            Self::Text(text) => text.clone(),
            Self::Password => HIDDEN.to_owned(),
            Self::Number(number) => number.to_string(),
            Self::Double(number) => format!("{number:?}"),
            Self::List(words) => words.join(","),
        }
    }
}

/// Takes away what Java's `String.trim` takes away.
fn trim(text: &str) -> &str {
    text.trim_matches(|c| c <= ' ')
}

/// The words of a list: none for an empty text.
#[must_use]
pub fn list(text: &str) -> Vec<String> {
    let text = trim(text);
    if text.is_empty() {
        Vec::new()
    } else {
        text.split(',').map(|word| word.trim().to_owned()).collect()
    }
}

/// The keys of a plugin, in their order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Definition(pub Vec<ConfigKey>);

impl Definition {
    /// Checks the values of all keys, in the order of the keys. Keys that are not defined are left alone.
    #[must_use]
    pub fn validate(&self, config: &Properties) -> Vec<ConfigValue> {
        self.0
            .iter()
            .map(|key| key.validate(config.get(&key.name).map(String::as_str)))
            .collect()
    }

    /// The configuration with the defaults of absent keys filled in.
    #[must_use]
    pub fn resolved(&self, config: &Properties) -> Properties {
        let mut resolved = config.clone();
        for key in &self.0 {
            if let Some(default) = &key.default
                && !resolved.contains_key(&key.name)
            {
                resolved.insert(key.name.clone(), default.clone());
            }
        }
        resolved
    }

    /// The key of a name.
    #[must_use]
    pub fn key(&self, name: &str) -> Option<&ConfigKey> {
        self.0.iter().find(|key| key.name == name)
    }
}

/// A value, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigValue {
    /// The key.
    pub name: String,
    /// The value as it is shown; `None`: null.
    pub value: Option<String>,
    /// What is wrong.
    pub errors: Vec<String>,
    /// The values that could be given.
    pub recommended_values: Vec<String>,
    /// Whether a form shows it.
    pub visible: bool,
}

impl ConfigValue {
    /// A value that is null, and nothing wrong with it.
    #[must_use]
    pub fn named(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            value: None,
            errors: Vec::new(),
            recommended_values: Vec::new(),
            visible: true,
        }
    }
}

impl ConfigType {
    /// The type that Kafka Connect's REST API calls so.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        let all = [
            Self::Boolean,
            Self::String,
            Self::Int,
            Self::Short,
            Self::Long,
            Self::Double,
            Self::List,
            Self::Class,
            Self::Password,
        ];
        all.into_iter().find(|kind| kind.to_string() == name)
    }
}

impl Importance {
    /// The importance that Kafka Connect's REST API calls so.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        let all = [Self::High, Self::Medium, Self::Low];
        all.into_iter()
            .find(|importance| importance.to_string() == name)
    }
}

impl Width {
    /// The width that Kafka Connect's REST API calls so.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        let all = [Self::None, Self::Short, Self::Medium, Self::Long];
        all.into_iter().find(|width| width.to_string() == name)
    }
}

impl fmt::Display for ConfigType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Boolean => "BOOLEAN",
            Self::String => "STRING",
            Self::Int => "INT",
            Self::Short => "SHORT",
            Self::Long => "LONG",
            Self::Double => "DOUBLE",
            Self::List => "LIST",
            Self::Class => "CLASS",
            Self::Password => "PASSWORD",
        })
    }
}

impl fmt::Display for Importance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::High => "HIGH",
            Self::Medium => "MEDIUM",
            Self::Low => "LOW",
        })
    }
}

impl fmt::Display for Width {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "NONE",
            Self::Short => "SHORT",
            Self::Medium => "MEDIUM",
            Self::Long => "LONG",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn errors(key: &ConfigKey, given: Option<&str>) -> Vec<String> {
        key.validate(given).errors
    }

    #[test]
    fn errors_are_in_the_words_of_kafka_connect() {
        let tasks = ConfigKey {
            kind: ConfigType::Int,
            default: Some("1".into()),
            validators: vec![Validator::AtLeast(1)],
            ..ConfigKey::named("tasks.max")
        };
        assert_eq!(
            errors(&tasks, Some("abc")),
            [
                "Invalid value abc for configuration tasks.max: Not a number of type INT",
                "Invalid value null for configuration tasks.max: Value must be non-null"
            ]
        );
        assert_eq!(
            errors(&tasks, Some("0")),
            ["Invalid value 0 for configuration tasks.max: Value must be at least 1"]
        );
        assert_eq!(errors(&tasks, Some("2147483648")).len(), 2);
        assert_eq!(errors(&tasks, None), [""; 0]);
        assert_eq!(tasks.validate(None).value.as_deref(), Some("1"));

        let topic = ConfigKey {
            required: true,
            ..ConfigKey::named("topic")
        };
        assert_eq!(
            errors(&topic, None),
            ["Missing required configuration \"topic\" which has no default value."]
        );

        let tolerance = ConfigKey {
            valid_values: vec!["none".into(), "all".into()],
            ..ConfigKey::named("errors.tolerance")
        };
        assert_eq!(
            errors(&tolerance, Some("some")),
            [
                "Invalid value some for configuration errors.tolerance: String must be one of: none, all"
            ]
        );
        assert_eq!(
            tolerance.validate(Some("some")).value.as_deref(),
            Some("some")
        );
        assert_eq!(errors(&tolerance, None), [""; 0]);

        let flag = ConfigKey {
            kind: ConfigType::Boolean,
            ..ConfigKey::named("f")
        };
        assert_eq!(
            errors(&flag, Some("yes")),
            ["Invalid value yes for configuration f: Expected value to be either true or false"]
        );
        assert_eq!(flag.validate(Some(" TRUE ")).value.as_deref(), Some("true"));

        let aliases = ConfigKey {
            kind: ConfigType::List,
            validators: vec![Validator::UniqueAliases],
            ..ConfigKey::named("transforms")
        };
        assert_eq!(
            errors(&aliases, Some("a, a")),
            ["Invalid value [a, a] for configuration transforms: Duplicate alias provided."]
        );
    }

    #[test]
    fn what_a_guest_wrote_is_made_safe_where_it_is_shown() {
        let key = ConfigKey {
            default: Some("a\u{1b}[31m".into()),
            valid_values: vec!["\n".into(), ";".into()],
            ..ConfigKey::named("separator")
        };
        assert_eq!(errors(&key, Some("\n;")).len(), 0, "it is trimmed");
        assert_eq!(
            errors(&key, None),
            [
                "Invalid value a\\u{1b}[31m for configuration separator: String must be one of: \\n, ;"
            ]
        );
        let number = ConfigKey {
            kind: ConfigType::Int,
            default: Some("\u{1b}".into()),
            ..ConfigKey::named("number")
        };
        assert_eq!(
            errors(&number, None),
            ["Invalid value \\u{1b} for configuration number: Not a number of type INT"]
        );
    }

    #[test]
    fn a_password_is_never_shown() {
        let key = ConfigKey {
            kind: ConfigType::Password,
            valid_values: vec!["other".into()],
            ..ConfigKey::named("password")
        };
        let value = key.validate(Some("canary"));
        assert_eq!(value.value.as_deref(), Some(HIDDEN));
        assert!(!format!("{value:?}").contains("canary"));
    }

    #[test]
    fn a_name_may_not_be_empty_or_have_control_characters() {
        let name = ConfigKey {
            required: true,
            validators: vec![Validator::ConnectorName],
            ..ConfigKey::named("name")
        };
        assert_eq!(
            errors(&name, Some("")),
            ["Invalid value  for configuration name: String may not be empty"]
        );
        assert!(errors(&name, Some("a\u{7}b"))[0].ends_with("ASCII chars: 7"));
    }

    #[test]
    fn defaults_fill_absent_keys_only() {
        let definition = Definition(vec![ConfigKey {
            default: Some("2000".into()),
            ..ConfigKey::named("batch.size")
        }]);
        let given = Properties::from([("batch.size".into(), "1".into()), ("x".into(), "y".into())]);
        assert_eq!(definition.resolved(&given), given);
        assert_eq!(
            definition.resolved(&Properties::new())["batch.size"],
            "2000"
        );
    }

    proptest! {
        #[test]
        fn any_text_is_a_value_or_an_error(text in "(?s).{0,40}") {
            for kind in [ConfigType::Boolean, ConfigType::Int, ConfigType::Short, ConfigType::Long, ConfigType::Double,
                ConfigType::List, ConfigType::Class, ConfigType::Password, ConfigType::String] {
                let key = ConfigKey { kind, validators: vec![Validator::Regex, Validator::Between(1, 5)], ..ConfigKey::named("k") };
                drop(key.validate(Some(&text)));
            }
        }
    }
}
