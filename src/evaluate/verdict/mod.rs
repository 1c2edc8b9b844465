//! The verdict on a run, in words: what its records show, the likely cause, and the next thing to try. [`judge`] is pure
//! over plain records; the same verdict goes to the window, to `--json` and to whoever compares runs.
//!
//! The rules, in the order in which they are told. The first that holds leads the verdict and gives its headline; of those
//! in one group only the first holds. Losses are in nats a token, "moved" is relative to the measure before training.
//!
//! | group | rule | threshold | likely cause | next thing to try |
//! | --- | --- | --- | --- | --- |
//! | end | halted | a loss or gradient was no finite number | learning rate too high, gradients not clipped, or a row that the model cannot compute | the last good checkpoint; a tenth of the learning rate, clipped |
//! | end | failed | any other error | what the message names | mend it, and go on from the last checkpoint |
//! | learning | nothing changed | learning rate 0, no supervised token or gradient 0 at every step | the learning rate, the mask of the data, or an adapter that takes no part | the setting or the data at fault |
//! | learning | nothing to learn | training loss below 0.001 in the first steps already | the answer stands in the question, or all answers are the same | look at the supervised tokens |
//! | learning | nothing changed | held-out loss moved less than 0.01 % | the learning rate | a higher one |
//! | learning | no held-out rows | none were held out | the held-out share | hold out a share |
//! | learning | not measured | no measure of held-out loss after the one before training | stopped too early | go on, or measure more often |
//! | learning | over-fitting | lowest at an earlier measure, at least 2 % below the last; training loss did not rise with it | more passes than the examples bear | the best checkpoint; fewer steps, more data |
//! | learning | came apart | the same, and training loss rose by at least 2 % as well | learning rate too high | the best checkpoint; a lower learning rate |
//! | learning | worse | rose by at least 2 %, and was never 2 % lower than before | learning rate too high, or examples that do not show the task | a lower learning rate, more data |
//! | learning | better | fell by at least 2 %; "much" above 20 % | | |
//! | learning | hardly moved | moved less than 2 % | learning rate below 1e-5, fewer than 20 steps, or nothing in the data that the model lacks | the one at fault |
//! | topics | topics | two topics or more were measured; better or worse by at least 2 % each | few examples of a topic that got worse | more examples of it |
//! | by heart | loss zero | training loss below 0.001 in the last steps | examples learnt by heart | fewer passes, more data |
//! | early | early stop | held-out loss did not fall for as many measures as the settings allow | | the best checkpoint |
//! | router | collapsed | one head holds more than 90 % of all gates at the last measure, or of those of at least 10 % of the modules, be it another in each | topics too alike for so many heads, or a high learning rate | fewer heads, a lower learning rate |
//!
//! How far losses spread from example to example is not recorded, so a verdict says on how many examples a topic's figure
//! rests and claims no significance. Start reading at [`judge`]; `facts.rs` is what the rules read.

mod facts;
mod faults;
mod learning;
#[cfg(test)]
mod tests;
mod words;

use serde::{Deserialize, Serialize};

pub use facts::{LoadSample, RunEnd, RunFacts};

/// Changes of a loss below this share are called no change.
const SAME: f64 = 0.02;
/// A fall beyond this share is called much.
const MUCH: f64 = 0.2;
/// Held-out loss that moved less than this share shows that nothing was changed at all.
const UNTOUCHED: f64 = 1e-4;
/// A training loss below this is called zero, in nats.
const ZERO: f64 = 1e-3;
/// A learning rate below this hardly moves an adapter.
const LOW_RATE: f64 = 1e-5;
/// Fewer steps than this are few.
const FEW_STEPS: usize = 20;

/// How much a verdict or a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// It went well.
    Good,
    /// Worth knowing.
    Neutral,
    /// Worth doing something about.
    Doubtful,
    /// It went wrong.
    Bad,
}

/// What a finding is about: the rule that found it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FindingKind {
    Halted,
    Failed,
    NothingChanged,
    NothingToLearn,
    NoHeldOut,
    NotMeasured,
    OverFitting,
    CameApart,
    Worse,
    Better,
    Flat,
    Topics,
    LossZero,
    EarlyStop,
    Collapsed,
}

/// What a user can do about a finding at once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum Action {
    /// Take the adapter of a checkpoint; `name` is its folder inside the run folder.
    UseCheckpoint { step: usize, name: String },
    /// Look at the settings of the next run.
    ShowSettings,
    /// Look at the examples as the model reads them.
    ShowData,
}

/// What one rule found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    pub kind: FindingKind,
    pub level: Level,
    /// What the records show, with their figures.
    pub text: String,
    /// The likely cause, where there is one to name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// The next thing to try, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<Action>,
}

impl Finding {
    fn new(kind: FindingKind, level: Level, text: impl Into<String>) -> Self {
        Self { kind, level, text: text.into(), cause: None, next: None, action: None }
    }

    fn because(mut self, cause: impl Into<String>) -> Self {
        self.cause = Some(cause.into());
        self
    }

    fn try_next(mut self, next: impl Into<String>) -> Self {
        self.next = Some(next.into());
        self
    }

    fn with(mut self, action: Option<Action>) -> Self {
        self.action = action;
        self
    }
}

/// The measure at which held-out loss was lowest, after training began.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BestMeasure {
    pub step: usize,
    pub loss: f64,
    /// The checkpoint of that step, where it is kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkpoint: Option<String>,
}

/// How a run went.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// One short sentence.
    pub headline: String,
    pub level: Level,
    /// The leading one first; never empty.
    pub findings: Vec<Finding>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub best: Option<BestMeasure>,
}

impl Verdict {
    /// The finding of a kind, where there is one.
    pub fn finding(&self, kind: FindingKind) -> Option<&Finding> {
        self.findings.iter().find(|finding| finding.kind == kind)
    }
}

/// Judges a run that has ended.
pub fn judge(facts: &RunFacts<'_>) -> Verdict {
    let end = faults::end(facts);
    let has_learnt_something = end.is_none() || facts.measures().is_some();
    let learning = has_learnt_something.then(|| learning::learning(facts));
    let is_told = |kind| learning.as_ref().is_some_and(|finding| finding.kind == kind);
    let is_void = is_told(FindingKind::NothingChanged) || is_told(FindingKind::NothingToLearn);
    let more = [
        learning::topics(facts).filter(|_| !is_void),
        faults::loss_zero(facts).filter(|_| !is_void),
        faults::early_stop(facts),
        faults::collapsed(facts),
    ];
    let findings: Vec<Finding> = end.into_iter().chain(learning).chain(more.into_iter().flatten()).collect();
    let (headline, level) = findings.first().map_or(("", Level::Neutral), |lead| (headline(lead, facts), lead.level));
    Verdict { headline: headline.to_owned(), level, findings, best: facts.best() }
}

/// The verdict in one sentence, by the finding that leads it.
fn headline(lead: &Finding, facts: &RunFacts<'_>) -> &'static str {
    let change = facts.measures().map_or(0.0, |measures| measures.change());
    match lead.kind {
        FindingKind::Halted => "Training halted before it could spoil the adapter.",
        FindingKind::Failed => "The run ended with an error.",
        FindingKind::NothingChanged => "Nothing changed.",
        FindingKind::NothingToLearn => "There was nothing to learn.",
        FindingKind::NoHeldOut => "It is trained, but nobody can say how well.",
        FindingKind::NotMeasured => "It ended before anyone could say what it learnt.",
        FindingKind::OverFitting if change <= -SAME => "It learnt, and then began to learn by heart.",
        FindingKind::OverFitting => "It learnt the examples by heart instead of the task.",
        FindingKind::CameApart => "It learnt, and then came apart.",
        FindingKind::Worse => "It got worse.",
        FindingKind::Better if change <= -MUCH => "It learnt: it answers much better than before.",
        FindingKind::Better => "It learnt: it answers a little better than before.",
        FindingKind::Flat => "It hardly learnt anything.",
        FindingKind::Topics | FindingKind::LossZero | FindingKind::EarlyStop | FindingKind::Collapsed => "It is done.",
    }
}
