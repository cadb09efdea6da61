//! Reading a converter's configuration: text in, typed values or a refusal that names the key out.

use std::collections::BTreeMap;

use crate::error::ConvertError;

/// A converter's configuration, its keys without prefix.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Options<'a>(pub(crate) &'a BTreeMap<String, String>);

impl<'a> Options<'a> {
    /// A text, or `None` where the key is absent.
    pub(crate) fn text(self, key: &str) -> Option<&'a str> {
        self.0.get(key).map(String::as_str)
    }

    /// A boolean: true or false, in any case.
    pub(crate) fn boolean(self, key: &'static str, default: bool) -> Result<bool, ConvertError> {
        match self.text(key).map(str::trim) {
            None => Ok(default),
            Some(text) if text.eq_ignore_ascii_case("true") => Ok(true),
            Some(text) if text.eq_ignore_ascii_case("false") => Ok(false),
            Some(text) => Err(refused(key, text, "true or false")),
        }
    }

    /// A number from 0 up.
    pub(crate) fn count(self, key: &'static str, default: usize) -> Result<usize, ConvertError> {
        match self.text(key).map(str::trim) {
            None => Ok(default),
            Some(text) => text
                .parse::<u32>()
                .ok()
                .filter(|count| i32::try_from(*count).is_ok())
                .map(|count| count as usize)
                .ok_or_else(|| refused(key, text, "a whole number from 0 to 2147483647")),
        }
    }
}

/// The refusal of a value.
pub(crate) fn refused(key: &'static str, found: &str, wanted: &str) -> ConvertError {
    ConvertError::Option {
        key,
        found: found.to_owned(),
        wanted: wanted.to_owned(),
    }
}
