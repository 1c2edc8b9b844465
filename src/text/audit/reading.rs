//! Every example as the model reads it: once whole, and then as it is at any context.

use super::histogram::{Histogram, quantile};
use crate::data::audit::{Fault, Findings, Mend, Places, in_parts};
use crate::data::{DataError, Example, Examples};
use crate::job::Job;
use crate::text::{ChatTokenizer, TokenizedExample};

/// The share of the examples that the context which is advised leaves whole.
pub const WHOLE_SHARE: f64 = 0.99;

/// Contexts are advised in steps of this, as rows of tokens are computed best.
const STEP: usize = 8;

/// How long examples are and where their answers stand, about 20 bytes an example.
#[derive(Clone, Debug, Default)]
pub struct Reading {
    /// What is wrong at any context.
    findings: Findings,
    places: Places,
    /// Tokens of every example; 0 where the model cannot read it.
    lengths: Vec<u32>,
    /// Tokens that count, as stretches from the first to behind the last, example after example.
    spans: Vec<(u32, u32)>,
    /// Where the stretches of every example end in `spans`.
    span_ends: Vec<usize>,
}

/// What a model will learn at a context.
#[derive(Clone, Debug, Default)]
pub struct TokenAudit {
    pub findings: Findings,
    /// Examples that the model can read.
    pub read: usize,
    /// Of those, the ones that are whole at the context.
    pub whole: usize,
    /// Tokens of the examples, uncut.
    pub lengths: Histogram,
    /// Tokens of the examples that count within the context.
    pub learnt: Histogram,
    /// The least context that leaves [`WHOLE_SHARE`] of the examples whole, in steps of eight, be it longer than the model
    /// allows; `None` without any example.
    pub fitting: Option<usize>,
}

/// Reads all examples with the model's tokenizer and chat template.
///
/// # Errors
/// Where the examples cannot be read from where they are kept, and when the job is cancelled.
pub fn read(examples: &Examples, tokenizer: &ChatTokenizer, job: &Job) -> Result<Reading, DataError> {
    let note = "Reading the examples as the model will";
    let parts = in_parts(examples.len(), (job, 0.0..1.0, note), |rows, watch| {
        let mut part = Reading::default();
        for (row, example) in rows.clone().zip(examples.iter_of(rows)) {
            watch.row()?;
            part.see(row, &example?, tokenizer);
        }
        Ok::<_, DataError>(part)
    })?;
    let mut all = Reading::default();
    parts.into_iter().for_each(|part| all.append(part));
    Ok(all)
}

impl Reading {
    /// Takes in the next example.
    fn see(&mut self, row: usize, example: &Example, tokenizer: &ChatTokenizer) {
        self.places.push(&example.source);
        let tell = |findings: &mut Findings, fault: Fault, reason: String| {
            let mend = fault.mends().first().copied().unwrap_or(Mend::Drop);
            findings.add_row(fault, mend, row, || (example.source.clone(), reason));
        };
        let mut length = 0;
        match tokenizer.encode_example(&example.messages, usize::MAX) {
            Err(error) => tell(&mut self.findings, Fault::TemplateRefused, error.to_string()),
            Ok(tokens) => {
                length = small(tokens.ids.len());
                let spans = spans(&tokens);
                if let Some(reason) = without_end(&tokens, &spans, tokenizer.eos_ids()) {
                    tell(&mut self.findings, Fault::MissingEnd, reason);
                }
                self.spans.extend(spans);
            }
        }
        self.lengths.push(length);
        self.span_ends.push(self.spans.len());
    }

    fn append(&mut self, later: Self) {
        let before = self.spans.len();
        self.findings.append(later.findings);
        self.places.append(later.places);
        self.lengths.extend(later.lengths);
        self.spans.extend(later.spans);
        self.span_ends.extend(later.span_ends.into_iter().map(|end| before + end));
    }

    /// What is learnt at a context; `longest` is the longest context that the model allows.
    pub fn audit(&self, context: usize, longest: usize) -> TokenAudit {
        let mut audit = TokenAudit { findings: self.findings.clone(), ..TokenAudit::default() };
        let (mut lengths, mut learnt) = (Vec::new(), Vec::new());
        for (row, length) in self.lengths.iter().map(|length| *length as usize).enumerate() {
            if length == 0 {
                continue;
            }
            let spans = self.spans_of(row);
            let counted = |limit: usize| {
                spans.iter().map(|(from, to)| to.min(&small(limit)).saturating_sub(*from)).sum::<u32>() as usize
            };
            let counts = counted(context);
            audit.whole += usize::from(length <= context);
            self.find(row, (length, context, longest), (counts, counted(length)), &mut audit.findings);
            lengths.push(length);
            learnt.push(counts);
        }
        audit.read = lengths.len();
        let mut sorted = lengths.clone();
        sorted.sort_unstable();
        let whole = Some(quantile(&sorted, WHOLE_SHARE)).filter(|fitting| *fitting > 0);
        audit.fitting = whole.map(|fitting| fitting.next_multiple_of(STEP));
        audit.lengths = Histogram::of(lengths, Some(context));
        audit.learnt = Histogram::of(learnt, None);
        audit
    }

    /// What the context does to one example: of `counted` tokens within it and in all.
    fn find(
        &self,
        row: usize,
        (length, context, longest): (usize, usize, usize),
        (counts, of): (usize, usize),
        findings: &mut Findings,
    ) {
        let mend = if length <= longest { Mend::FitContext } else { Mend::Drop };
        if counts == 0 {
            let begins = self.spans_of(row).first().map(|(from, _)| from + 1);
            let told = || match begins {
                Some(begins) => format!("its first answer begins at token {begins}, beyond the context of {context}"),
                None => "no token of it counts".to_owned(),
            };
            findings.add_row(Fault::NothingToLearn, mend, row, || (self.places.source(row), told()));
        } else if length > context {
            let (cut, lost) = (length - context, of.saturating_sub(counts));
            let told =
                || format!("of {length} tokens {cut} are beyond the context of {context}, {lost} of which count");
            findings.add_row(Fault::Cut, mend, row, || (self.places.source(row), told()));
        }
    }

    fn spans_of(&self, row: usize) -> &[(u32, u32)] {
        let start = row.checked_sub(1).and_then(|before| self.span_ends.get(before)).copied().unwrap_or_default();
        let end = self.span_ends.get(row).copied().unwrap_or(start);
        self.spans.get(start..end).unwrap_or_default()
    }
}

fn small(tokens: usize) -> u32 {
    u32::try_from(tokens).unwrap_or(u32::MAX)
}

/// The stretches of tokens that count. The first token never does: nothing stands before it to predict it from.
fn spans(tokens: &TokenizedExample) -> Vec<(u32, u32)> {
    let mut spans: Vec<(u32, u32)> = Vec::new();
    for (at, _) in tokens.supervised.iter().enumerate().skip(1).filter(|(_, counts)| **counts) {
        let at = small(at);
        match spans.last_mut() {
            Some((_, end)) if *end == at => *end += 1,
            _ => spans.push((at, at + 1)),
        }
    }
    spans
}

/// Which answer does not end in an end token, in words.
fn without_end(tokens: &TokenizedExample, spans: &[(u32, u32)], ends: &[u32]) -> Option<String> {
    let is_ended = |(_, end): &(u32, u32)| {
        (*end as usize).checked_sub(1).and_then(|last| tokens.ids.get(last)).is_some_and(|last| ends.contains(last))
    };
    let answer = spans.iter().position(|span| !is_ended(span))?;
    Some(format!("answer {} of {} does not end in a token that ends a turn", answer + 1, spans.len()))
}
