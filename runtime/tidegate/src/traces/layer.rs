//! Follows spans from their beginning to their end.
//!
//! Some fields are meant for here: `otel.name` is the name, `otel.kind` is `server` for a request, `traceparent` is the
//! caller's span, `failed` says that it failed, and `idle` that nothing came of it: such a span is forgotten.

use std::fmt::Debug;
use std::time::{SystemTime, UNIX_EPOCH};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use super::span::{Attribute, Finished, Place};
use super::{EXPORT, TARGET};

/// The most attributes of a span.
const ATTRIBUTES_MAX: usize = 32;

/// Follows spans.
pub struct Spans;

/// Whether a span is exported.
pub fn is_exported(metadata: &Metadata<'_>) -> bool {
    metadata.is_span() && metadata.target() == TARGET && EXPORT.get().is_some()
}

/// A span that is not over.
struct Begun {
    span: Finished,
    idle: bool,
    caller: Option<Place>,
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Spans {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let (Some(span), Some(export)) = (context.span(id), EXPORT.get()) else {
            return;
        };
        let above = span.parent().and_then(|above| {
            let extensions = above.extensions();
            extensions.get::<Begun>().map(|begun| begun.span.place)
        });
        let mut begun = Begun {
            span: Finished {
                place: Place::first(0.0),
                name: attributes.metadata().name().to_owned(),
                kind: 1,
                begun_ns: now_ns(),
                ended_ns: 0,
                failed: false,
                attributes: Vec::new(),
            },
            idle: false,
            caller: None,
        };
        attributes.record(&mut begun);
        begun.span.place = match (begun.caller, above) {
            (Some(place), _) => place,
            (None, Some(above)) => above.below(),
            (None, None) => Place::first(export.ratio),
        };
        span.extensions_mut().insert(begun);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        if let Some(span) = context.span(id)
            && let Some(begun) = span.extensions_mut().get_mut::<Begun>()
        {
            values.record(begun);
        }
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        let begun = context
            .span(&id)
            .and_then(|span| span.extensions_mut().remove::<Begun>());
        if let (Some(mut begun), Some(export)) = (begun, EXPORT.get())
            && begun.span.place.sampled
            && !begun.idle
        {
            begun.span.ended_ns = now_ns();
            export.send(begun.span);
        }
    }
}

impl Begun {
    fn add(&mut self, field: &Field, value: Attribute) {
        match (field.name(), value) {
            ("otel.name", Attribute::Text(name)) => self.span.name = name,
            ("otel.kind", Attribute::Text(kind)) if kind == "server" => self.span.kind = 2,
            ("traceparent", Attribute::Text(header)) => self.caller = Place::of_caller(&header),
            ("failed", Attribute::Bool(failed)) => self.span.failed = failed,
            ("idle", Attribute::Bool(idle)) => self.idle = idle,
            (name, value) if self.span.attributes.len() < ATTRIBUTES_MAX => {
                self.span.attributes.push((name, value));
            }
            _ => {}
        }
    }
}

impl Visit for Begun {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.add(field, Attribute::text(&format!("{value:?}")));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field, Attribute::text(value));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.add(field, Attribute::Number(value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.add(
            field,
            Attribute::Number(i64::try_from(value).unwrap_or(i64::MAX)),
        );
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.add(field, Attribute::Float(value));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.add(field, Attribute::Bool(value));
    }
}

fn now_ns() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.map_or(0, |now| u64::try_from(now.as_nanos()).unwrap_or(u64::MAX))
}
