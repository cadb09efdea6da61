//! Finding a class by the names that Kafka Connect accepts.
//!
//! | written | finds |
//! | --- | --- |
//! | `org.apache.kafka.connect.file.FileStreamSourceConnector` | the full name |
//! | `FileStreamSourceConnector` | what follows the last dot |
//! | `FileStreamSource` | the same without `Connector` (`Transformation`, `Predicate` for the others) |
//! | an alias | as the plugin says |

use crate::describe::Kind;

/// Whether a plugin of this kind, class name and aliases is meant by `written`, and how exactly: lower is closer.
pub(crate) fn closeness(written: &str, kind: Kind, class: &str, aliases: &[String]) -> Option<u8> {
    if class == written {
        return Some(0);
    }
    if aliases.iter().any(|alias| alias == written) {
        return Some(1);
    }
    std::iter::once(class)
        .chain(aliases.iter().map(String::as_str))
        .filter_map(|name| match simple(name) {
            simple if simple == written => Some(2),
            simple if without_suffix(simple, kind) == Some(written) => Some(3),
            _ => None,
        })
        .min()
}

pub(crate) fn simple(class: &str) -> &str {
    class.rsplit_once('.').map_or(class, |(_, simple)| simple)
}

fn without_suffix(simple: &str, kind: Kind) -> Option<&str> {
    let suffix = match kind {
        Kind::Source | Kind::Sink => "Connector",
        Kind::Transform => "Transformation",
        Kind::Predicate => "Predicate",
    };
    simple.strip_suffix(suffix).filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn full_simple_and_short_names_are_found() {
        let class = "org.apache.kafka.connect.file.FileStreamSourceConnector";
        let aliases = ["com.example.OtherSourceConnector".to_owned()];
        for (written, wanted) in [
            (class, Some(0)),
            ("com.example.OtherSourceConnector", Some(1)),
            ("FileStreamSourceConnector", Some(2)),
            ("FileStreamSource", Some(3)),
            ("OtherSource", Some(3)),
            ("FileStream", None),
            ("", None),
            ("filestreamsource", None),
        ] {
            assert_eq!(
                closeness(written, Kind::Source, class, &aliases),
                wanted,
                "{written}"
            );
        }
        let nested = "org.apache.kafka.connect.transforms.InsertField$Value";
        assert_eq!(
            closeness("InsertField$Value", Kind::Transform, nested, &[]),
            Some(2)
        );
    }
}
