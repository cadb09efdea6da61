//! Neighbours of a chain that edit maps, with the plans they made: applied to a batch in one pass.

use tidegate_model::value::tag;

use super::layout::entries;
use super::map_plan::{MapPlan, Scratch};
use super::{Facts, MapEdits};
use crate::row::{Row, Side};
use crate::schemas::NO_SCHEMA;
use crate::transform_batch::{Edit, TransformBatch};

/// How many plans neighbours in a chain keep: one for each order of keys that is in use.
pub const MAP_PLANS_MAX: usize = 8;

/// Neighbours of a chain that edit maps.
#[derive(Debug)]
pub(crate) struct Fused {
    side: Side,
    keeps_null: bool,
    needs_facts: bool,
    plans: Vec<MapPlan>,
    /// The plan that fitted last.
    last: usize,
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
    Written,
    /// It is left to one transform after another.
    Left,
}

impl Fused {
    /// Neighbours, which edit the same side.
    pub(crate) fn of(transforms: &[&dyn MapEdits], side: Side) -> Self {
        Self {
            side,
            keeps_null: transforms.iter().all(|edits| edits.keeps_null()),
            needs_facts: transforms.iter().any(|edits| edits.needs_facts()),
            plans: Vec::new(),
            last: 0,
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
        let schemas = match self.side {
            Side::Key => &batch.batch().key_schemas,
            Side::Value => &batch.batch().value_schemas,
        };
        if schemas.iter().any(|schema| *schema != NO_SCHEMA) {
            return Some(vec![true; batch.len()]);
        }
        self.may_learn = (self.may_learn + 1).min(MAP_PLANS_MAX);
        let count = batch.len();
        let mut left: Option<Vec<bool>> = None;
        batch.rewrite(self.side, |row, _, out| {
            Ok(match self.record(&row, transforms, out) {
                Done::Written => Edit::Written(NO_SCHEMA),
                Done::Stays => Edit::Unchanged,
                Done::Left => {
                    let left = left.get_or_insert_with(|| vec![false; count]);
                    if let Some(left) = left.get_mut(row.index) {
                        *left = true;
                    }
                    Edit::Unchanged
                }
            })
        });
        left
    }

    #[inline]
    fn record(&mut self, row: &Row<'_>, transforms: &[&dyn MapEdits], out: &mut Vec<u8>) -> Done {
        let body = match row.side(self.side).0 {
            None | Some([tag::NULL]) if self.keeps_null => return Done::Stays,
            Some(bytes) => body_of_map(bytes),
            None => None,
        };
        let Some(body) = body else {
            return Done::Left;
        };
        let facts = if self.needs_facts {
            Facts::of(row)
        } else {
            Facts::default()
        };
        let Some(plan) = self.plan(body, facts, transforms) else {
            return Done::Left;
        };
        let scratch = &mut self.scratch;
        let plan = self.plans.get(plan).and_then(|plan| plan.output.as_ref());
        match plan.map(|plan| plan.write(body, row, transforms, scratch, out)) {
            Some(Ok(())) => Done::Written,
            _ => Done::Left,
        }
    }

    /// The number of the plan for a map, of which the parts were located; `None`: none fits.
    #[inline]
    fn plan(&mut self, body: &[u8], facts: Facts, transforms: &[&dyn MapEdits]) -> Option<usize> {
        if let Some(plan) = self.plans.get_mut(self.last)
            && plan.fits(body, facts, &mut self.scratch)
        {
            return Some(self.last);
        }
        self.other_plan(body, facts, transforms)
    }

    #[cold]
    fn other_plan(
        &mut self,
        body: &[u8],
        facts: Facts,
        transforms: &[&dyn MapEdits],
    ) -> Option<usize> {
        let scratch = &mut self.scratch;
        let known = self
            .plans
            .iter_mut()
            .position(|plan| plan.fits(body, facts, scratch));
        let place = match known {
            Some(place) => place,
            None => {
                self.may_learn = self.may_learn.checked_sub(1)?;
                let mut plan = MapPlan::of(&entries(body)?, facts, transforms);
                let fits = plan.fits(body, facts, scratch);
                self.add(plan, fits)?
            }
        };
        self.last = place;
        Some(place)
    }

    fn add(&mut self, plan: MapPlan, fits: bool) -> Option<usize> {
        if !fits {
            return None;
        }
        if self.plans.len() < MAP_PLANS_MAX {
            self.plans.push(plan);
            return Some(self.plans.len() - 1);
        }
        let place = self.oldest;
        self.oldest = (place + 1) % MAP_PLANS_MAX;
        *self.plans.get_mut(place)? = plan;
        Some(place)
    }
}

/// The entries of a map; `None`: it is something else, or damaged.
#[inline]
fn body_of_map(bytes: &[u8]) -> Option<&[u8]> {
    let ([tag::MAP, a, b, c, d, ..], body) = bytes.split_first_chunk::<9>()? else {
        return None;
    };
    let length = u32::from_le_bytes([*a, *b, *c, *d]) as usize;
    (length.checked_add(5) == Some(bytes.len())).then_some(body)
}
