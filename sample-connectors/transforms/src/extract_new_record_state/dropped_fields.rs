//! The fields that a header of each record names to be left out (`drop.fields.…`).

use std::collections::HashMap;

use tidegate_sdk::model::value::tag;
use tidegate_sdk::{Batch, Config, Error, Field, Result, View};

use crate::encoded::class_of;

/// So many lists are remembered from batch to batch.
const DROPPED_LISTS_MAX: usize = 64;

/// So many shapes are kept of keys or rows of one schema, each without the fields of another list; then all
/// are forgotten.
pub const DROPPED_SHAPES_MAX: usize = 64;

/// What is configured.
#[derive(Debug)]
pub struct DroppedFields {
    header: String,
    /// Whether fields leave the key as well.
    pub from_key: bool,
    /// Whether only optional fields are left out.
    keep_compatible: bool,
    lists: Vec<Vec<String>>,
    /// The number of each list, by its encoded value.
    numbers: HashMap<Vec<u8>, u32>,
}

/// What the header of a record says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Named {
    /// No fields, or there is no such header.
    Nothing,
    /// The fields of a list, by its number.
    List(u32),
    /// Something that is no list: an object of a Java class.
    Other(&'static str),
}

/// Fields to leave out of a struct or map.
#[derive(Debug, Clone, Copy)]
pub struct Dropped<'a> {
    /// The number of the list.
    pub number: u32,
    names: &'a [String],
    keep_compatible: bool,
}

impl DroppedFields {
    /// Reads the configuration; `None`: no header is named.
    ///
    /// # Errors
    /// When a value is not `true` or `false`.
    pub fn configure(config: &Config) -> Result<Option<Self>> {
        let from_key = config.boolean("drop.fields.from.key")?;
        let keep_compatible = config.boolean("drop.fields.keep.schema.compatible")?;
        let key = "drop.fields.header.name";
        if config.get(key).is_none_or(str::is_empty) {
            return Ok(None);
        }
        let header = config.untrimmed(key)?;
        Ok(Some(Self {
            header: header.to_owned(),
            from_key,
            keep_compatible,
            lists: Vec::new(),
            numbers: HashMap::new(),
        }))
    }

    /// Whether so many lists were seen that they should be forgotten, with all that was made of them.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.lists.len() > DROPPED_LISTS_MAX
    }

    /// Forgets all lists: their numbers mean nothing any more.
    pub fn clear(&mut self) {
        self.lists.clear();
        self.numbers.clear();
    }

    /// What the first header of the name says, for each record of a batch.
    pub fn of_batch(&mut self, batch: &Batch) -> Vec<Named> {
        let mut named = vec![Named::Nothing; batch.count];
        let headers = &batch.headers;
        let mut keys = headers.keys.iter();
        let mut values = headers.values.iter();
        for (count, named) in headers.counts.iter().zip(&mut named) {
            let mut first = true;
            for _ in 0..*count {
                let is_it = keys.next().flatten() == Some(self.header.as_bytes());
                let value = values.next().flatten();
                if is_it && first {
                    first = false;
                    *named = value.map_or(Named::Nothing, |value| self.read(value));
                }
            }
        }
        named
    }

    fn read(&mut self, value: &[u8]) -> Named {
        if value == [tag::NULL] {
            return Named::Nothing;
        }
        if let Some(number) = self.numbers.get(value) {
            return Named::List(*number);
        }
        let mut names = match View::read(value) {
            Ok(View::Array(names)) => names,
            Ok(other) => return Named::Other(class_of(&other)),
            Err(_) => return Named::Other("a damaged value"),
        };
        let mut list = Vec::with_capacity(names.len());
        // What is no text is the name of no field.
        while let Ok(Some(name)) = names.next_view() {
            if let View::String(name) = name {
                list.push(name.to_owned());
            }
        }
        if list.is_empty() {
            return Named::Nothing;
        }
        let number = u32::try_from(self.lists.len()).unwrap_or(u32::MAX);
        self.lists.push(list);
        self.numbers.insert(value.to_vec(), number);
        Named::List(number)
    }

    /// The fields that are named.
    ///
    /// # Errors
    /// When the header holds something else than a list.
    pub fn fields(&self, named: Named) -> Result<Option<Dropped<'_>>> {
        match named {
            Named::Nothing => Ok(None),
            Named::List(number) => Ok(self.lists.get(number as usize).map(|names| Dropped {
                number,
                names,
                keep_compatible: self.keep_compatible,
            })),
            Named::Other(class) => Err(Error::data(format_args!(
                "class {class} cannot be cast to class java.util.List: the header {} must hold a list of names of fields",
                self.header
            ))),
        }
    }
}

impl Dropped<'_> {
    /// Whether a field of a struct is left out.
    #[must_use]
    pub fn has(self, field: &Field) -> bool {
        (field.schema.optional || !self.keep_compatible) && self.has_name(&field.name)
    }

    /// Whether an entry of a map is left out, which has no schema that says whether it is optional.
    #[must_use]
    pub fn has_entry(self, name: &str) -> bool {
        !self.keep_compatible && self.has_name(name)
    }

    /// Whether a struct with such fields is made anew.
    #[must_use]
    pub fn changes(self, fields: &[Field]) -> bool {
        !self.keep_compatible || fields.iter().any(|field| self.has(field))
    }

    /// Whether maps are made anew.
    #[must_use]
    pub fn changes_maps(self) -> bool {
        !self.keep_compatible
    }

    fn has_name(self, name: &str) -> bool {
        self.names.iter().any(|known| known == name)
    }
}
