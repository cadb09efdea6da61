//! `ReplaceField`: leaves out fields and renames them.

use std::collections::BTreeMap;
use std::marker::PhantomData;

use tidegate_sdk::model::value::tag;
use tidegate_sdk::prelude::*;
use tidegate_sdk::{
    Edit, Facts, MapEdits, NO_SCHEMA, Naming, NewSchema, PlannedMap, Row, SchemaPlans, Side,
    TransformBatch,
};

use crate::distinct::distinct;
use crate::encoded::{
    FieldPlan, Run, Scan, copy_fields, field_plans, misfit, present, require_map_scan,
    require_struct, struct_like, text,
};
use crate::short::Named;
use crate::side::{OnSide, REPLACE_NULL, with_replace_null};
use tidegate_sdk::model::short::append;

const PURPOSE: &str = "field replacement";

/// The transform.
#[derive(Debug)]
pub struct ReplaceField<S> {
    rules: Rules,
    replace_null: bool,
    plans: SchemaPlans<Plan>,
    side: PhantomData<S>,
}

/// Which fields stay, and under which names. All names are encoded texts.
#[derive(Debug)]
struct Rules {
    /// What is said of a name.
    named: Named<Rule>,
    /// What happens to names that are not listed.
    keep_others: bool,
    /// Whether two renames lead to one name.
    renames_collide: bool,
    /// New names and the old ones that Kafka Connect reads for them, whether or not those are renamed.
    sources: BTreeMap<String, String>,
}

/// What happens to a field.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Rule {
    LeaveOut,
    Keep,
    /// It stays, and another may be renamed to its name.
    KeepTarget,
    Rename(Vec<u8>),
}

/// What becomes of structs with one schema.
#[derive(Debug)]
struct Plan {
    schema: NewSchema,
    fields: Vec<FieldPlan>,
    kept: usize,
}

impl<S: OnSide> Transform for ReplaceField<S> {
    fn describe() -> Description {
        let definition = ConfigDef::new()
            .optional(
                "exclude",
                Type::List,
                "",
                Importance::Medium,
                "Fields to exclude. This takes precedence over the fields to include.",
            )
            .optional(
                "include",
                Type::List,
                "",
                Importance::Medium,
                "Fields to include. If specified, only these fields will be used.",
            )
            .optional(
                "renames",
                Type::List,
                "",
                Importance::Medium,
                "Field rename mappings.",
            );
        Description::new(S::class("ReplaceField"))
            .version(env!("CARGO_PKG_VERSION"))
            .documentation("Filter or rename fields.")
            .config(with_replace_null(definition))
    }

    fn configure(config: &Config) -> Result<Self> {
        Ok(Self {
            rules: Rules::parse(config)?,
            replace_null: config.boolean(REPLACE_NULL)?,
            plans: SchemaPlans::default(),
            side: PhantomData,
        })
    }

    fn reads(&self) -> Reads {
        S::READS
    }

    fn map_edits(&self) -> Option<&dyn MapEdits> {
        Some(self)
    }

    fn apply_batch(&mut self, batch: &mut TransformBatch) -> Result<()> {
        let number = self.plans.begin();
        let (rules, replace_null) = (&self.rules, self.replace_null);
        let plans = &mut self.plans;
        batch.rewrite(S::SIDE, |row, schemas, out| {
            let (bytes, schema) = row.side(S::SIDE);
            let Some(bytes) = present(bytes) else {
                return Ok(Edit::Unchanged);
            };
            if schema == NO_SCHEMA {
                rules.copy_map(require_map_scan(bytes, PURPOSE)?, out)?;
                return Ok(Edit::Written(NO_SCHEMA));
            }
            let elements = require_struct(Some(bytes), PURPOSE)?;
            let plan = plans.plan(schemas, schema, |schema| rules.plan(schema, replace_null))?;
            if elements.len() != plan.fields.len() {
                return Err(misfit());
            }
            let container = Encoder::new(out).structure();
            copy_fields(elements, &plan.fields, out)?;
            Encoder::new(out).end(container, plan.kept);
            Ok(Edit::Written(plan.schema.index(schemas, number)))
        });
        Ok(())
    }
}

impl<S: OnSide> MapEdits for ReplaceField<S> {
    fn side(&self) -> Side {
        S::SIDE
    }

    fn keeps_null(&self) -> bool {
        true
    }

    fn plan(&self, _: Facts, map: &mut PlannedMap) {
        map.rename(|key| match self.rules.named.get(key) {
            Some(Rule::Rename(name)) => Naming::Renamed(name),
            Some(Rule::LeaveOut) => Naming::LeftOut,
            None if !self.rules.keep_others => Naming::LeftOut,
            _ => Naming::Stays,
        });
    }

    /// It edits no values.
    fn write(&self, _: u32, value: &[u8], _: &Row<'_>, out: &mut Vec<u8>) -> Result<()> {
        append(out, value);
        Ok(())
    }
}

impl Rules {
    fn parse(config: &Config) -> Result<Self> {
        let exclude = distinct(config, "exclude")?;
        let include = distinct(config, "include")?;
        let renames = config.list("renames")?;
        let mut named = BTreeMap::new();
        let mut targets = Vec::new();
        for name in &include {
            named.insert(text(name), Rule::Keep);
        }
        for mapping in &renames {
            let (from, to) = rename(mapping).ok_or_else(|| {
                Error::config_key(
                    "renames",
                    format_args!(
                        "Invalid value [{}] for configuration renames: Invalid rename mapping: {mapping}",
                        renames.join(", ")
                    ),
                )
            })?;
            if include.is_empty() || include.contains(&from) {
                named.insert(text(from), Rule::Rename(text(to)));
                targets.push(text(to));
            }
        }
        for name in &exclude {
            named.insert(text(name), Rule::LeaveOut);
        }
        let keep_others = include.is_empty();
        for target in &targets {
            let rule = named.entry(target.clone()).or_insert(if keep_others {
                Rule::Keep
            } else {
                Rule::LeaveOut
            });
            if *rule == Rule::Keep {
                *rule = Rule::KeepTarget;
            }
        }
        let all = targets.len();
        let mut pairs: Vec<(&str, &str)> = Vec::new();
        for (from, to) in renames.iter().filter_map(|one| rename(one)) {
            match pairs.iter_mut().find(|(known, _)| *known == from) {
                Some((_, known)) => *known = to,
                None => pairs.push((from, to)),
            }
        }
        in_hash_order(&mut pairs);
        let sources = pairs
            .into_iter()
            .map(|(from, to)| (to.to_owned(), from.to_owned()));
        targets.sort_unstable();
        targets.dedup();
        Ok(Self {
            named: named.into_iter().collect(),
            keep_others,
            renames_collide: targets.len() < all,
            sources: sources.collect(),
        })
    }

    /// Copies a map: listed fields as the rules say, the others as they are.
    fn copy_map(&self, mut entries: Scan<'_>, out: &mut Vec<u8>) -> Result<()> {
        let mark = out.len();
        let container = Encoder::new(out).map();
        let mut run = Run::new(entries.body());
        let mut kept = 0;
        let (mut renamed, mut target_kept) = (false, false);
        for (key, length) in entries.by_ref() {
            let rule = self.named.get(key);
            match rule {
                Some(Rule::Rename(name)) => {
                    run.skip(key.len(), out);
                    append(out, name);
                    run.keep(length - key.len());
                    kept += 1;
                    renamed = true;
                }
                Some(Rule::LeaveOut) => run.skip(length, out),
                None if !self.keep_others => run.skip(length, out),
                _ => {
                    run.keep(length);
                    kept += 1;
                    target_kept |= rule == Some(&Rule::KeepTarget);
                }
            }
        }
        entries.end()?;
        run.end(out);
        Encoder::new(out).end(container, kept);
        if renamed && (target_kept || self.renames_collide) {
            merge_same_names(out, mark)?;
        }
        Ok(())
    }

    /// Kafka Connect reads a field by the name that is renamed to its new one. Where that is another field, its value
    /// is the wrong one; where there is none, or one of another type, the record is refused.
    fn check_source(&self, schema: &Schema, field: &Field, name: &str) -> Result<()> {
        let Some(source) = self
            .sources
            .get(name)
            .filter(|source| **source != field.name)
        else {
            return Ok(());
        };
        let known = schema.fields().iter().find(|known| known.name == *source);
        let Some(known) = known else {
            return Err(Error::data(format_args!(
                "{source} is not a valid field name; it is renamed to {name}, which is there"
            )));
        };
        if known.schema.kind == field.schema.kind && known.schema.name == field.schema.name {
            return Ok(());
        }
        Err(Error::data(format_args!(
            "Invalid Java object for schema with type {} for field: \"{name}\"; leave out the rename of {source}",
            field.schema.kind.name().to_uppercase()
        )))
    }

    fn plan(&self, schema: &Schema, replace_null: bool) -> Result<Plan> {
        let name_of = |field: &Field| match self.named.get(&text(&field.name)) {
            Some(Rule::Rename(name)) => Some(decoded(name)),
            Some(Rule::LeaveOut) => None,
            Some(Rule::Keep | Rule::KeepTarget) => Some(field.name.clone()),
            None => self.keep_others.then(|| field.name.clone()),
        };
        let fields: Vec<Field> = schema
            .fields()
            .iter()
            .filter_map(|field| {
                Some(Field {
                    name: name_of(field)?,
                    schema: field.schema.clone(),
                })
            })
            .collect();
        let kept = fields.len();
        let new_schema = struct_like(schema, fields)?;
        for field in schema.fields() {
            if let Some(name) = name_of(field) {
                self.check_source(schema, field, &name)?;
            }
        }
        Ok(Plan {
            kept,
            schema: NewSchema::new(&new_schema),
            fields: field_plans(schema.fields(), replace_null, |field| {
                name_of(field).is_some()
            }),
        })
    }
}

/// The two names of a mapping, divided as Java's `split(":")` does.
fn rename(mapping: &str) -> Option<(&str, &str)> {
    let (from, to) = mapping.trim_end_matches(':').split_once(':')?;
    (!to.contains(':') && mapping.len() == from.len() + to.len() + 1).then_some((from, to))
}

/// Puts pairs into the order of a `HashMap` by their first names: where two lead to one name, the last counts.
fn in_hash_order(pairs: &mut [(&str, &str)]) {
    let mut buckets = 16_u32;
    while pairs.len() * 4 > buckets as usize * 3 {
        buckets *= 2;
    }
    pairs.sort_by_key(|(from, _)| {
        let step = |hash: u32, unit: u16| hash.wrapping_mul(31).wrapping_add(u32::from(unit));
        let hash = from.encode_utf16().fold(0, step);
        (hash ^ (hash >> 16)) & (buckets - 1)
    });
}

fn decoded(name: &[u8]) -> String {
    String::from_utf8_lossy(name.get(5..).unwrap_or_default()).into_owned()
}

/// Where a renamed field met one of its new name: the later one stays, as in a Java map.
fn merge_same_names(out: &mut Vec<u8>, mark: usize) -> Result<()> {
    let map = out.get(mark..).unwrap_or_default().to_vec();
    let View::Map(mut entries) = View::read(&map)? else {
        return Ok(());
    };
    let mut merged: Vec<(&[u8], &[u8])> = Vec::with_capacity(entries.len());
    while let Some((key, value)) = entries.next_encoded()? {
        match merged.iter_mut().find(|(known, _)| *known == key) {
            Some((_, known)) if key.first() == Some(&tag::STRING) => *known = value,
            _ => merged.push((key, value)),
        }
    }
    out.truncate(mark);
    let mut encoder = Encoder::new(out);
    let container = encoder.map();
    for (key, value) in &merged {
        encoder.encoded(key);
        encoder.encoded(value);
    }
    encoder.end(container, merged.len());
    Ok(())
}
