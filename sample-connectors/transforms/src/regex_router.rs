//! `RegexRouter`: gives records another topic, where the topic matches a pattern as a whole.

use tidegate_java::regex::Pattern;
use tidegate_sdk::TransformBatch;
use tidegate_sdk::prelude::*;

use crate::replacement::{Replacement, compile};
use crate::side::PACKAGE;

/// The transform.
#[derive(Debug)]
pub struct RegexRouter {
    pattern: Pattern,
    replacement: Replacement,
}

impl Transform for RegexRouter {
    fn describe() -> Description {
        Description::new(format!("{PACKAGE}RegexRouter"))
            .version(env!("CARGO_PKG_VERSION"))
            .documentation(
                "Update the record topic using the configured regular expression and replacement string.<p/>Under the hood, the regex is compiled to a <code>java.util.regex.Pattern</code>. If the pattern matches the input topic, <code>java.util.regex.Matcher#replaceFirst()</code> is used with the replacement string to obtain the new topic.",
            )
            .config(
                ConfigDef::new()
                    .required(
                        "regex",
                        Type::Text,
                        Importance::High,
                        "Regular expression to use for matching.",
                    )
                    .required(
                        "replacement",
                        Type::Text,
                        Importance::High,
                        "Replacement string.",
                    ),
            )
    }

    fn configure(config: &Config) -> Result<Self> {
        let pattern = compile("regex", config.required("regex")?)?;
        let replacement =
            Replacement::parse("replacement", config.required("replacement")?, &pattern);
        Ok(Self {
            pattern,
            replacement,
        })
    }

    fn reads(&self) -> Reads {
        Reads::NONE
    }

    fn apply_batch(&mut self, batch: &mut TransformBatch) -> Result<()> {
        batch.rename_topics(|topic| {
            if !self.pattern.matches(topic).map_err(Error::data)? {
                return Ok(None);
            }
            self.replacement.first(&self.pattern, topic).map(Some)
        });
        Ok(())
    }
}
