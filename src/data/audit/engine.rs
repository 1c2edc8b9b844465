//! Every example shown once, then all of them together.

use std::collections::HashMap;

use super::exact::{Hashes, firsts};
use super::minhash::Signature;
use super::near::{Common, leaders};
use super::parts::in_parts;
use super::places::Places;
use super::shingles::of_example;
use super::sides::Sides;
use super::{Fault, Finding, Findings, Mend, answers, mojibake, personal, repaired, roles, signs};
use crate::data::{DataError, Dropped, DroppedRows, Example, Examples};
use crate::figures::count;
use crate::job::Job;

/// Rows of which near duplicates are looked for: a signature takes 64 bytes.
const MOST_COMPARED: usize = 2_000_000;

/// What is hashed into signatures, so that they are the same every time.
const SEED: u64 = 0x0048_5944_5241;

/// What was found without a model.
#[derive(Clone, Debug, Default)]
pub struct DataAudit {
    pub findings: Findings,
    /// What was not looked at, in words.
    pub note: Option<String>,
}

/// Looks at all examples: `held_out` are those that measure, `dropped` the rows that became none.
///
/// Time grows with the rows; memory is about 90 bytes a row.
///
/// # Errors
/// Where the examples cannot be read, and when the job is cancelled.
pub fn audit(
    examples: &Examples,
    dropped: &DroppedRows,
    held_out: &[usize],
    job: &Job,
) -> Result<DataAudit, DataError> {
    let rows = examples.len();
    let hashes = Hashes::default();
    let parts = in_parts(rows, (job, 0.0..0.7, "Looking for faults in the texts"), |stretch, watch| {
        let mut part = Auditor::new(rows, hashes.clone());
        for (row, example) in stretch.clone().zip(examples.iter_of(stretch)) {
            watch.row()?;
            part.see(row, &example?);
        }
        Ok::<_, DataError>(part)
    })?;
    let mut all = Auditor::new(rows, hashes);
    for dropped in dropped.iter() {
        all.see_dropped(&dropped?);
    }
    parts.into_iter().for_each(|part| all.append(part));
    all.finish(held_out, examples, job)
}

/// Takes in examples one by one, in the order of their rows.
struct Auditor {
    /// All rows, of which this one may see a stretch.
    rows: usize,
    findings: Findings,
    hashes: Hashes,
    hashed: Vec<u64>,
    signatures: Vec<Signature>,
    common: Common,
    places: Places,
}

impl Auditor {
    fn new(rows: usize, hashes: Hashes) -> Self {
        Self {
            rows,
            findings: Findings::default(),
            hashes,
            hashed: Vec::new(),
            signatures: Vec::new(),
            common: Common::default(),
            places: Places::default(),
        }
    }

    fn see_dropped(&mut self, dropped: &Dropped) {
        let fault = if answers::had_no_answer(dropped) { Fault::EmptyAnswer } else { Fault::Dropped };
        let (source, reason) = (dropped.source.clone(), dropped.reason.clone());
        self.findings.add(Finding { fault, row: None, source, reason, mend: Mend::EditFile });
    }

    fn see(&mut self, row: usize, example: &Example) {
        let messages = &example.messages;
        let told = [
            (Fault::EmptyAnswer, answers::says_nothing(messages)),
            (Fault::RoleOrder, roles::disorder(messages)),
            (Fault::Mojibake, mojibake::misread(messages)),
            (Fault::MixedEncodings, signs::lost_letters(messages)),
            (Fault::ControlCharacters, signs::controls(messages)),
            (Fault::PersonalData, personal::told(messages)),
        ];
        for (fault, reason) in told {
            let Some(reason) = reason else { continue };
            let mend = suggested(fault, example);
            self.findings.add_row(fault, mend, row, || (example.source.clone(), reason));
        }
        self.places.push(&example.source);
        self.hashed.push(self.hashes.of(messages));
        if row < MOST_COMPARED {
            let shingles = of_example(example);
            self.common.see(row, self.rows, &shingles);
            self.signatures.push(Signature::of(&shingles, SEED));
        }
    }

    /// Takes in what another saw of the rows that follow.
    fn append(&mut self, later: Self) {
        self.findings.append(later.findings);
        self.hashed.extend(later.hashed);
        self.signatures.extend(later.signatures);
        self.common.append(later.common);
        self.places.append(later.places);
    }

    fn finish(mut self, held_out: &[usize], examples: &Examples, job: &Job) -> Result<DataAudit, DataError> {
        let firsts = firsts(&self.hashed);
        let leaders = leaders(&self.signatures, &firsts, &self.common, examples, job)?;
        let copies = self.copies(&firsts, &leaders, &Sides::new(held_out, self.places.files()));
        let mut findings = std::mem::take(&mut self.findings);
        for copy in copies {
            let mend = copy.fault.mends().first().copied().unwrap_or(Mend::Keep);
            findings.add_row(copy.fault, mend, copy.row as usize, || {
                (self.places.source(copy.row as usize), self.told(&copy))
            });
        }
        let note = (self.rows > MOST_COMPARED)
            .then(|| format!("Near duplicates were looked for among the first {} rows.", count(MOST_COMPARED)));
        Ok(DataAudit { findings, note })
    }

    /// Rows that stand again, in ascending order.
    fn copies(&self, firsts: &[u32], leaders: &[u32], sides: &Sides) -> Vec<Copied> {
        let group = |row: &u32| leaders.get(*row as usize).copied().unwrap_or(*row);
        let measures = |row: &u32| sides.measures(*row, self.places.file(*row as usize));
        let mut rows: Vec<u32> = (0..u32::try_from(leaders.len()).unwrap_or(u32::MAX)).collect();
        rows.sort_by_key(|row| (group(row), *row));
        let mut copies = Vec::new();
        for same in rows.chunk_by(|a, b| group(a) == group(b)).filter(|same| same.len() > 1) {
            let (measured, trained): (Vec<u32>, Vec<u32>) = same.iter().partition(|row| measures(row));
            match trained.first() {
                Some(&of) => copies.extend(measured.iter().map(|&row| Copied { fault: Fault::AcrossSplit, row, of })),
                None => again(&measured, firsts, &mut copies),
            }
            again(&trained, firsts, &mut copies);
        }
        copies.sort_unstable_by_key(|copy| copy.row);
        copies
    }

    fn told(&self, copy: &Copied) -> String {
        let (row, of) = (self.places.source(copy.row as usize), self.places.source(copy.of as usize));
        let place = if row.file == of.file { format!("line {}", of.line) } else { of.to_string() };
        match copy.fault {
            Fault::AcrossSplit => {
                format!("it measures, and {place}, which is trained on, says the same or nearly so")
            }
            Fault::ExactDuplicate => format!("it says the same as {place}"),
            _ => format!("it differs in a few words from {place}"),
        }
    }
}

/// A row that stands again.
struct Copied {
    fault: Fault,
    row: u32,
    /// The row that it is held against.
    of: u32,
}

/// Of rows that are alike, all but the first.
fn again(rows: &[u32], firsts: &[u32], copies: &mut Vec<Copied>) {
    let mut seen: HashMap<u32, u32> = HashMap::new();
    let Some(&leader) = rows.first() else { return };
    for &row in rows {
        let first = firsts.get(row as usize).copied().unwrap_or(row);
        match seen.get(&first) {
            Some(&of) => copies.push(Copied { fault: Fault::ExactDuplicate, row, of }),
            None if row != leader => copies.push(Copied { fault: Fault::NearDuplicate, row, of: leader }),
            None => {}
        }
        seen.entry(first).or_insert(row);
    }
}

/// What is best done about a fault of this example.
fn suggested(fault: Fault, example: &Example) -> Mend {
    match fault.mends() {
        // What was lost cannot be repaired.
        [Mend::Repair, second, ..] if repaired(fault, &example.messages).is_none() => *second,
        [first, ..] => *first,
        [] => Mend::Keep,
    }
}
