//! Rows that differ in a few words: candidates by bands of their signatures, each proved by the Jaccard index of the two
//! texts.
//!
//! Pairs are never all compared. In a bucket of a band every row is held against the leaders of a few groups, a group is
//! its leader and the rows that are alike to it, and two groups become one where their leaders are alike. So time grows
//! with the rows, and memory is one signature a row; the texts are read again where two have to be compared.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use super::minhash::{BANDS, Signature, jaccard};
use super::shingles;
use crate::data::{DataError, Examples};
use crate::job::Job;

/// Rows of at least this Jaccard index are near duplicates, measured by all that is said in them that is not common.
const ALIKE: f64 = 0.8;
/// In texts with fewer shingles a single word tells two examples apart: they may differ in case, spaces and stops alone.
const SHORT: usize = 20;
/// Their questions must share at least this much, and so must their answers. A question asked about something else, or
/// answered otherwise, is another example.
const ALIKE_PARTS: f64 = 0.6;
/// Signatures below this likeness are not worth reading the texts for: three deviations below [`ALIKE`].
const WORTH_READING: f32 = 0.62;

/// Groups that a row is held against in one bucket. A bucket with more is one of rows that share a form.
const LEADERS: usize = 8;
/// Texts that are kept read.
const READ: usize = 4_096;
/// Pairs that are remembered to be different.
const DIFFERENT: usize = 1 << 20;

/// Rows whose shingles are counted, to know which are common.
const SAMPLED: usize = 1_000;
/// A shingle of more than this share of the rows, and of at least [`COMMON_ROWS`], belongs to the form of the rows.
const COMMON_SHARE: usize = 10;
const COMMON_ROWS: usize = 20;

/// Which shingles belong to the form that the rows share, such as an instruction that stands in all of them.
#[derive(Default)]
pub(super) struct Common {
    counts: HashMap<u64, u32>,
    sampled: usize,
}

impl Common {
    /// Counts the shingles of a row of `rows`, where it belongs to the sample.
    pub fn see(&mut self, row: usize, rows: usize, shingles: &[u64]) {
        if !row.is_multiple_of(rows.div_ceil(SAMPLED).max(1)) {
            return;
        }
        self.sampled += 1;
        for shingle in set(shingles.to_vec()) {
            *self.counts.entry(shingle).or_default() += 1;
        }
    }

    pub fn append(&mut self, other: Self) {
        self.sampled += other.sampled;
        other.counts.into_iter().for_each(|(shingle, count)| *self.counts.entry(shingle).or_default() += count);
    }

    fn has(&self, shingle: u64) -> bool {
        let least = (self.sampled / COMMON_SHARE).max(COMMON_ROWS);
        self.counts.get(&shingle).is_some_and(|count| *count as usize > least)
    }
}

/// The leader of every row's group: the first row that it is nearly the same as, or itself. `firsts` names for every row
/// the first that says exactly the same; only those are compared.
pub(super) fn leaders(
    signatures: &[Signature],
    firsts: &[u32],
    common: &Common,
    examples: &Examples,
    job: &Job,
) -> Result<Vec<u32>, DataError> {
    let rows: Vec<u32> = (0..).zip(firsts).filter(|(row, first)| row == *first).map(|(row, _)| row).collect();
    let rows = rows.get(..rows.partition_point(|row| (*row as usize) < signatures.len())).unwrap_or_default();
    let mut groups = Groups {
        leaders: (0..u32::try_from(firsts.len()).unwrap_or(u32::MAX)).collect(),
        followers: HashMap::new(),
        different: HashSet::new(),
        texts: Texts { examples, common, kept: HashMap::new() },
        signatures,
    };
    for band in 0..BANDS {
        let key = |row: &u32| signatures.get(*row as usize).map_or(0, |signature| signature.key(band));
        let mut order: Vec<(u32, u32)> = rows.iter().map(|row| (key(row), *row)).collect();
        order.sort_unstable();
        let mut done = 0;
        for bucket in order.chunk_by(|a, b| a.0 == b.0) {
            if bucket.len() > 1 {
                job.check()?;
                groups.bucket(bucket.iter().map(|(_, row)| *row))?;
            }
            done += bucket.len();
            if done % 4096 < bucket.len() {
                let share = (band as f32 + done as f32 / order.len() as f32) / BANDS as f32;
                job.progress(0.7 + 0.3 * share, "Comparing rows that look alike");
            }
        }
    }
    let Groups { mut leaders, .. } = groups;
    // Copies follow the row that they are copies of.
    for (row, first) in firsts.iter().enumerate() {
        let leader = leaders.get(*first as usize).copied();
        if let (Some(place), Some(leader)) = (leaders.get_mut(row), leader) {
            *place = leader;
        }
    }
    Ok(leaders)
}

struct Groups<'a> {
    leaders: Vec<u32>,
    /// Of leaders that have any.
    followers: HashMap<u32, Vec<u32>>,
    /// Leaders that were compared and are not alike.
    different: HashSet<(u32, u32)>,
    texts: Texts<'a>,
    signatures: &'a [Signature],
}

impl Groups<'_> {
    /// Groups the rows of a bucket, which come in ascending order.
    fn bucket(&mut self, rows: impl Iterator<Item = u32>) -> Result<(), DataError> {
        let mut held_against: Vec<u32> = Vec::new();
        for row in rows {
            let mut is_placed = false;
            for other in &held_against {
                let (first, second) = (self.leader(*other), self.leader(row));
                if first == second || self.join(first.min(second), first.max(second))? {
                    is_placed = true;
                    break;
                }
            }
            if !is_placed && held_against.len() < LEADERS {
                held_against.push(row);
            }
        }
        Ok(())
    }

    fn leader(&self, row: u32) -> u32 {
        self.leaders.get(row as usize).copied().unwrap_or(row)
    }

    /// Puts the group of `second` into that of `first`, where these leaders are alike. Rows that were alike to the one but
    /// are not to the other are on their own again.
    fn join(&mut self, first: u32, second: u32) -> Result<bool, DataError> {
        if !self.are_alike(first, second)? {
            return Ok(false);
        }
        let followers = self.followers.remove(&second).unwrap_or_default();
        self.follow(first, second);
        for row in followers {
            if self.are_alike(first, row)? {
                self.follow(first, row);
            } else if let Some(leader) = self.leaders.get_mut(row as usize) {
                *leader = row;
            }
        }
        Ok(true)
    }

    fn follow(&mut self, leader: u32, row: u32) {
        if let Some(place) = self.leaders.get_mut(row as usize) {
            *place = leader;
        }
        self.followers.entry(leader).or_default().push(row);
    }

    fn are_alike(&mut self, a: u32, b: u32) -> Result<bool, DataError> {
        let signature = |row: u32| self.signatures.get(row as usize);
        let likeness = signature(a).zip(signature(b)).map_or(0.0, |(a, b)| a.likeness(b));
        if likeness < WORTH_READING || self.different.contains(&(a, b)) {
            return Ok(false);
        }
        let are_alike = self.texts.of(a)?.is_alike(&*self.texts.of(b)?);
        if !are_alike && self.different.len() < DIFFERENT {
            self.different.insert((a, b));
        }
        Ok(are_alike)
    }
}

/// The shingles of one row, as sets.
struct Text {
    whole: Vec<u64>,
    /// Those of them that are not common.
    own: Vec<u64>,
    questions: Vec<u64>,
    answers: Vec<u64>,
}

impl Text {
    fn is_alike(&self, other: &Self) -> bool {
        if self.own.len().min(other.own.len()) < SHORT {
            return self.whole == other.whole;
        }
        jaccard(&self.own, &other.own) >= ALIKE
            && jaccard(&self.questions, &other.questions) >= ALIKE_PARTS
            && jaccard(&self.answers, &other.answers) >= ALIKE_PARTS
    }
}

/// Reads rows again, and keeps some.
struct Texts<'a> {
    examples: &'a Examples,
    common: &'a Common,
    kept: HashMap<u32, Rc<Text>>,
}

impl Texts<'_> {
    fn of(&mut self, row: u32) -> Result<Rc<Text>, DataError> {
        if let Some(text) = self.kept.get(&row) {
            return Ok(Rc::clone(text));
        }
        let example = self.examples.get(row as usize)?;
        let whole = set(shingles::of_example(&example));
        let own = whole.iter().copied().filter(|shingle| !self.common.has(*shingle)).collect();
        let questions = set(shingles::of_questions(&example));
        let text = Rc::new(Text { whole, own, questions, answers: set(shingles::of_answers(&example)) });
        if self.kept.len() >= READ {
            self.kept.clear();
        }
        self.kept.insert(row, Rc::clone(&text));
        Ok(text)
    }
}

fn set(mut shingles: Vec<u64>) -> Vec<u64> {
    shingles.sort_unstable();
    shingles.dedup();
    shingles
}
