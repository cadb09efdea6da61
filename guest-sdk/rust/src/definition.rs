//! What a plugin says of itself: names, version, documentation, and its configuration keys.

/// The type of a configuration value, as in Kafka's `ConfigDef.Type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Type {
    /// `true` or `false`.
    Boolean,
    /// Any text.
    Text,
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

/// How much a key matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Importance {
    /// Most users set it.
    High,
    /// Some users set it.
    Medium,
    /// Few users set it.
    Low,
}

/// What the value of a key names outside the component. What the operator writes there is what the component
/// is granted, as far as the worker's policy allows; nothing else is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
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

/// How wide a form shows a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
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

/// One configuration key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigKey {
    /// The key.
    pub name: String,
    /// The type of its value.
    pub kind: Type,
    /// The value when the key is absent; `None` of a key that is not required means null.
    pub default: Option<String>,
    /// Whether the key must be given.
    pub required: bool,
    /// How much it matters.
    pub importance: Importance,
    /// What it does: units, and what happens without it.
    pub documentation: String,
    /// The values allowed; empty: any.
    pub valid_values: Vec<String>,
    /// What the value names outside the component.
    pub names: Names,
    /// The group in which a form shows it.
    pub group: Option<String>,
    /// How wide a form shows it.
    pub width: Width,
    /// How a form calls it; `None`: by its name.
    pub display_name: Option<String>,
    /// Values that a form offers; others are allowed too.
    pub recommended_values: Vec<String>,
}

/// The configuration keys of a plugin, in the order in which they are shown.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ConfigDef {
    keys: Vec<ConfigKey>,
}

impl ConfigDef {
    /// No keys.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a key that must be given.
    #[must_use]
    pub fn required(self, name: &str, kind: Type, importance: Importance, doc: &str) -> Self {
        self.key(name, kind, None, true, importance, doc)
    }

    /// Adds a key with a default.
    #[must_use]
    pub fn optional(
        self,
        name: &str,
        kind: Type,
        default: &str,
        importance: Importance,
        doc: &str,
    ) -> Self {
        self.key(name, kind, Some(default), false, importance, doc)
    }

    /// Adds a key that may be absent and has no default.
    #[must_use]
    pub fn nullable(self, name: &str, kind: Type, importance: Importance, doc: &str) -> Self {
        self.key(name, kind, None, false, importance, doc)
    }

    /// Says what the value of the key added last names outside the component.
    #[must_use]
    pub fn names(mut self, names: Names) -> Self {
        if let Some(key) = self.keys.last_mut() {
            key.names = names;
        }
        self
    }

    /// Says which values the key added last may have.
    #[must_use]
    pub fn one_of(mut self, values: &[&str]) -> Self {
        if let Some(key) = self.keys.last_mut() {
            key.valid_values = values.iter().map(|value| (*value).to_owned()).collect();
        }
        self
    }

    /// Says in which group a form shows the key added last, and how wide.
    #[must_use]
    pub fn group(mut self, group: &str, width: Width) -> Self {
        if let Some(key) = self.keys.last_mut() {
            key.group = Some(group.to_owned());
            key.width = width;
        }
        self
    }

    /// Says how a form calls the key added last.
    #[must_use]
    pub fn display_name(mut self, name: &str) -> Self {
        if let Some(key) = self.keys.last_mut() {
            key.display_name = Some(name.to_owned());
        }
        self
    }

    /// Says which values a form offers for the key added last.
    #[must_use]
    pub fn recommended(mut self, values: &[&str]) -> Self {
        if let Some(key) = self.keys.last_mut() {
            key.recommended_values = values.iter().map(|value| (*value).to_owned()).collect();
        }
        self
    }

    /// The keys.
    #[must_use]
    pub fn keys(&self) -> &[ConfigKey] {
        &self.keys
    }

    fn key(
        mut self,
        name: &str,
        kind: Type,
        default: Option<&str>,
        required: bool,
        importance: Importance,
        doc: &str,
    ) -> Self {
        self.keys.push(ConfigKey {
            name: name.to_owned(),
            kind,
            default: default.map(str::to_owned),
            required,
            importance,
            documentation: doc.to_owned(),
            valid_values: Vec::new(),
            names: Names::Nothing,
            group: None,
            width: Width::None,
            display_name: None,
            recommended_values: Vec::new(),
        });
        self
    }
}

/// What a plugin says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description {
    /// The full class name.
    pub class_name: String,
    /// Further names it is found by.
    pub aliases: Vec<String>,
    /// Its version.
    pub version: String,
    /// What it does, in a sentence or two.
    pub documentation: String,
    /// Its configuration keys.
    pub config: ConfigDef,
}

impl Description {
    /// A plugin with a class name and nothing else yet; its version is 0.1.0.
    pub fn new(class_name: impl Into<String>) -> Self {
        Self {
            class_name: class_name.into(),
            aliases: Vec::new(),
            version: "0.1.0".to_owned(),
            documentation: String::new(),
            config: ConfigDef::new(),
        }
    }

    /// Adds a further name.
    #[must_use]
    pub fn alias(mut self, alias: impl Into<String>) -> Self {
        self.aliases.push(alias.into());
        self
    }

    /// Sets the version; `env!("CARGO_PKG_VERSION")` is a good one.
    #[must_use]
    pub fn version(mut self, version: &str) -> Self {
        version.clone_into(&mut self.version);
        self
    }

    /// Sets the documentation.
    #[must_use]
    pub fn documentation(mut self, documentation: &str) -> Self {
        documentation.clone_into(&mut self.documentation);
        self
    }

    /// Sets the configuration keys.
    #[must_use]
    pub fn config(mut self, config: ConfigDef) -> Self {
        self.config = config;
        self
    }
}

/// A configuration value that cannot work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigIssue {
    /// The key; one that is absent may be named too.
    pub key: String,
    /// What was found, what was wanted and what to do.
    pub message: String,
}

impl ConfigIssue {
    /// An issue with the value of `key`.
    pub fn new(key: &str, message: impl Into<String>) -> Self {
        Self {
            key: key.to_owned(),
            message: message.into(),
        }
    }
}
