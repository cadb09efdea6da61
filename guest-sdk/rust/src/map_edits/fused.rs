//! Neighbours of a chain that edit maps, with the plans they made: applied to a batch in one pass.

use tidegate_model::MapShape;
use tidegate_model::value::tag;

use super::map_plan::{MapPlan, Scratch};
use super::{Facts, MapEdits};
use crate::row::{Row, Side};
use crate::schemas::{NO_SCHEMA, Schemas};
use crate::transform_batch::{Edit, TransformBatch};

/// How many plans neighbours in a chain keep: one for each order of keys that is in use.
pub const MAP_PLANS_MAX: usize = 8;

/// So many shapes of a batch are remembered with their plans.
const REMEMBERED_MAX: usize = 64;

/// Which records a plan is for: those that refer to this schema, of which this is known.
type Fitting = (i32, Facts);

/// Neighbours of a chain that edit maps.
#[derive(Debug)]
pub(crate) struct Fused {
    side: Side,
    keeps_null: bool,
    needs_facts: bool,
    plans: Vec<MapPlan>,
    /// The number of the batch in hand, whose schemas have places of their own.
    batch: u64,
    /// The plan that fitted last, and what it fitted in this batch.
    last: usize,
    last_fitted: Option<Fitting>,
    /// The plans that were looked for in this batch; `None`: there is none.
    remembered: Vec<(Fitting, Option<usize>)>,
    /// The plan that gives way to the next one.
    oldest: usize,
    /// So many plans may be made until the next batch. It grows by one a batch, so that records which are all
    /// different cost little more than one transform after another.
    may_learn: usize,
    scratch: Scratch,
}

/// What became of a record.
enum Done {
    Stays,
    /// It refers to this schema now.
    Written(i32),
    /// It is left to one transform after another, with its keys.
    Left(Edit),
}

impl Fused {
    /// Neighbours, which edit the same side.
    pub(crate) fn of(transforms: &[&dyn MapEdits], side: Side) -> Self {
        Self {
            side,
            keeps_null: transforms.iter().all(|edits| edits.keeps_null()),
            needs_facts: transforms.iter().any(|edits| edits.needs_facts()),
            plans: Vec::new(),
            batch: 0,
            last: 0,
            last_fitted: None,
            remembered: Vec::new(),
            oldest: 0,
            may_learn: MAP_PLANS_MAX,
            scratch: Scratch::default(),
        }
    }

    /// Does what the neighbours do to each record where that is foreseen. The answer says of which it was not;
    /// `None`: of no record.
    pub(crate) fn apply(
        &mut self,
        batch: &mut TransformBatch,
        transforms: &[&dyn MapEdits],
    ) -> Option<Vec<bool>> {
        self.may_learn = (self.may_learn + 1).min(MAP_PLANS_MAX);
        self.last_fitted = None;
        self.remembered.clear();
        self.batch += 1;
        let count = batch.len();
        let mut left: Option<Vec<bool>> = None;
        batch.rewrite(self.side, |row, schemas, out| {
            Ok(match self.record(&row, schemas, transforms, out) {
                Done::Written(schema) => Edit::Written(schema),
                Done::Stays => Edit::Unchanged,
                Done::Left(edit) => {
                    let left = left.get_or_insert_with(|| vec![false; count]);
                    if let Some(left) = left.get_mut(row.index) {
                        *left = true;
                    }
                    edit
                }
            })
        });
        left
    }

    #[inline]
    fn record(
        &mut self,
        row: &Row<'_>,
        schemas: &mut Schemas<'_>,
        transforms: &[&dyn MapEdits],
        out: &mut Vec<u8>,
    ) -> Done {
        let (value, schema) = match row.side(self.side) {
            (None | Some([tag::NULL]), NO_SCHEMA) if self.keeps_null => return Done::Stays,
            (Some(bytes), schema) => (bytes, schema),
            (None, _) => return Done::Left(Edit::Unchanged),
        };
        let facts = if self.needs_facts {
            Facts::of(row)
        } else {
            Facts::default()
        };
        let mark = out.len();
        match self.shaped(value, (schema, facts), row, schemas, transforms, out) {
            Some(schema) => Done::Written(schema),
            None => {
                out.truncate(mark);
                Done::Left(expanded(value, schema, schemas, out))
            }
        }
    }

    /// A map that left its keys to a shape: where it has few, the host saw to that. The answer is the schema of what was
    /// written.
    #[inline]
    fn shaped(
        &mut self,
        value: &[u8],
        fitting: Fitting,
        row: &Row<'_>,
        schemas: &mut Schemas<'_>,
        transforms: &[&dyn MapEdits],
        out: &mut Vec<u8>,
    ) -> Option<i32> {
        if self.last_fitted != Some(fitting) {
            self.last = self.plan(fitting, schemas, transforms)?;
            self.last_fitted = Some(fitting);
        }
        // The host says that it has as many values as its shape has keys.
        let ([tag::STRUCT, ..], values) = value.split_first_chunk::<9>()? else {
            return None;
        };
        let plan = self.plans.get_mut(self.last)?;
        plan.write(values, row, transforms, &mut self.scratch, out)?;
        plan.schema(schemas, self.batch)
    }

    /// The number of the plan for a shape; `None`: there is none.
    #[cold]
    fn plan(
        &mut self,
        fitting: Fitting,
        schemas: &Schemas<'_>,
        transforms: &[&dyn MapEdits],
    ) -> Option<usize> {
        let mut remembered = self.remembered.iter();
        if let Some((_, place)) = remembered.find(|(known, _)| *known == fitting) {
            return *place;
        }
        let (schema, facts) = fitting;
        let encoded = schemas.encoded(schema)?;
        if !MapShape::is(encoded) {
            return None;
        }
        let shape = MapShape::decode(encoded).ok()?;
        let mut plans = self.plans.iter();
        let known = plans.position(|plan| plan.is_for(&shape, facts));
        let place = known.or_else(|| self.learn(shape, facts, transforms));
        if self.remembered.len() < REMEMBERED_MAX {
            self.remembered.push((fitting, place));
        }
        place
    }

    /// Makes a plan; `None`: no more of them may be made.
    fn learn(
        &mut self,
        shape: MapShape,
        facts: Facts,
        transforms: &[&dyn MapEdits],
    ) -> Option<usize> {
        self.may_learn = self.may_learn.checked_sub(1)?;
        let plan = MapPlan::of(shape, facts, transforms);
        if self.plans.len() < MAP_PLANS_MAX {
            self.plans.push(plan);
            return Some(self.plans.len() - 1);
        }
        let place = self.oldest;
        self.oldest = (place + 1) % MAP_PLANS_MAX;
        self.remembered.retain(|(_, known)| *known != Some(place));
        *self.plans.get_mut(place)? = plan;
        Some(place)
    }
}

/// A record that is left to one transform after another, which know no shapes.
fn expanded(value: &[u8], schema: i32, schemas: &Schemas<'_>, out: &mut Vec<u8>) -> Edit {
    match schemas.encoded(schema).map(MapShape::decode) {
        Some(Ok(shape)) => {
            shape.expand(value, out);
            Edit::Written(NO_SCHEMA)
        }
        _ => Edit::Unchanged,
    }
}
