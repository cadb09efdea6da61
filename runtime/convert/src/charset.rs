//! The encodings of `converter.encoding`, with what Java does where a byte or character does not fit:
//! the replacement character when reading, a question mark when writing.

use std::borrow::Cow;

use crate::error::ConvertError;
use crate::options::refused;

/// The configuration key.
pub(crate) const CONVERTER_ENCODING: &str = "converter.encoding";

/// An encoding of text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Charset {
    /// UTF-8
    Utf8,
    /// US-ASCII
    Ascii,
    /// ISO-8859-1
    Latin1,
}

impl Charset {
    /// Finds an encoding by its name, in any case, or one of the aliases that Java knows.
    pub(crate) fn named(name: &str) -> Result<Self, ConvertError> {
        match name.to_ascii_lowercase().as_str() {
            "utf-8" | "utf8" => Ok(Self::Utf8),
            "us-ascii" | "ascii" | "iso646-us" => Ok(Self::Ascii),
            "iso-8859-1" | "iso8859_1" | "iso8859-1" | "latin1" => Ok(Self::Latin1),
            _ => Err(refused(
                CONVERTER_ENCODING,
                name,
                "UTF-8, US-ASCII, ISO-8859-1",
            )),
        }
    }

    /// Reads text.
    pub(crate) fn decode(self, bytes: &[u8]) -> Cow<'_, str> {
        match self {
            Self::Utf8 => match std::str::from_utf8(bytes) {
                Ok(text) => Cow::Borrowed(text),
                Err(_) => Cow::Owned(java_utf8(bytes)),
            },
            _ if bytes.is_ascii() => String::from_utf8_lossy(bytes),
            Self::Ascii => bytes
                .iter()
                .map(|byte| match byte {
                    0..0x80 => char::from(*byte),
                    _ => char::REPLACEMENT_CHARACTER,
                })
                .collect(),
            Self::Latin1 => bytes.iter().copied().map(char::from).collect(),
        }
    }

    /// Writes text: appends it to `out`.
    pub(crate) fn encode(self, text: &str, out: &mut Vec<u8>) {
        let last = match self {
            Self::Utf8 => None,
            Self::Ascii => Some(0x7f_u32),
            Self::Latin1 => Some(0xff),
        };
        match last {
            Some(last) if !text.is_ascii() => out.extend(text.chars().map(|character| {
                u8::try_from(u32::from(character).min(last + 1))
                    .ok()
                    .filter(|byte| u32::from(*byte) <= last)
                    .unwrap_or(b'?')
            })),
            _ => out.extend_from_slice(text.as_bytes()),
        }
    }
}

/// Reads text that is not UTF-8 throughout. Java makes one replacement character of half of a surrogate pair, in three
/// bytes or two, where Rust makes one of each byte.
fn java_utf8(bytes: &[u8]) -> String {
    let is_half = |two: &[u8]| matches!(two, [0xed, 0xa0..=0xbf]);
    let mut text = String::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some(at) = rest.windows(2).position(is_half) {
        let (plain, half) = rest.split_at_checked(at).unwrap_or_default();
        text.push_str(&String::from_utf8_lossy(plain));
        text.push(char::REPLACEMENT_CHARACTER);
        rest = match half {
            [_, _, 0x80..=0xbf, after @ ..] | [_, _, after @ ..] => after,
            _ => &[],
        };
    }
    text.push_str(&String::from_utf8_lossy(rest));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_replaced_as_java_does() {
        assert_eq!(Charset::Utf8.decode(b"a\xffb"), "a\u{fffd}b");
        assert_eq!(
            Charset::Utf8.decode(b"a\xed\xa0\x80\xffb"),
            "a\u{fffd}\u{fffd}b"
        );
        assert_eq!(Charset::Utf8.decode(b"a\xed\xaab"), "a\u{fffd}b");
        assert_eq!(Charset::Ascii.decode(b"a\xe9"), "a\u{fffd}");
        assert_eq!(Charset::Latin1.decode(b"a\xe9"), "aé");
        let encoded = |charset: Charset| {
            let mut out = Vec::new();
            charset.encode("é€x", &mut out);
            out
        };
        assert_eq!(encoded(Charset::Utf8), "é€x".as_bytes());
        assert_eq!(encoded(Charset::Ascii), b"??x");
        assert_eq!(encoded(Charset::Latin1), b"\xe9?x");
    }

    #[test]
    fn an_unknown_encoding_is_refused_with_those_allowed() {
        let error = Charset::named("utf-16").map_err(|error| error.to_string());
        assert_eq!(
            error,
            Err(
                "converter.encoding is \"utf-16\"; allowed: UTF-8, US-ASCII, ISO-8859-1".to_owned()
            )
        );
    }
}
