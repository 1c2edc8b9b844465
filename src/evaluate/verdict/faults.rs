//! What went wrong in a run, or never began: its end by an error, nothing changed, a loss of zero, a collapsed router.

use super::words::{count, counted, nats, rate, share};
use super::{Action, Finding, FindingKind, Level, LoadSample, RunFacts, UNTOUCHED, ZERO};
use crate::adapter::{FEW_MODULES, LEADS_ALONE, leader};
use crate::train::{EndCause, NOT_FINITE};

/// A learning rate from which on a number out of range is its likely work.
const HIGH_RATE: f64 = 5e-3;
/// How many times its usual size a gradient has grown to when it is called runaway.
const RUNAWAY: f64 = 10.0;

/// How the run ended, where it ended badly.
pub(super) fn end(facts: &RunFacts<'_>) -> Option<Finding> {
    let is_spoilt = facts.evals.last().is_some_and(|eval| !eval.loss.is_finite());
    let message = facts.end.message.unwrap_or_default();
    if message.contains(NOT_FINITE) || is_spoilt {
        return Some(halted(facts, message));
    }
    (facts.end.cause == EndCause::Failed).then(|| failed(facts, message))
}

fn halted(facts: &RunFacts<'_>, message: &str) -> Finding {
    let good = facts.last_good();
    let kept = match good {
        Some(checkpoint) => format!("The last good checkpoint is {}.", checkpoint.name),
        None => "No checkpoint before it is known to be good.".to_owned(),
    };
    let text = match message {
        "" => format!("Held-out loss was not a finite number at step {}. {kept}", count(facts.end.step)),
        message if message.contains(&kept) => sentence(message),
        message => format!("{} {kept}", sentence(message)),
    };
    let settings = facts.settings;
    let cause = if settings.lr >= HIGH_RATE {
        format!("A learning rate of {} is high: adapters usually take 1e-4 to 1e-3.", rate(settings.lr))
    } else if let Some((usual, last)) = runaway(facts) {
        format!(
            "The gradient grew from about {} to {} before, as it does when the learning rate is too high.",
            nats(usual),
            nats(last)
        )
    } else if settings.max_grad_norm == 0.0 {
        "Gradients are not clipped, so that one odd example is enough.".to_owned()
    } else {
        "A row that the model cannot compute, or too high a learning rate.".to_owned()
    };
    let clip = if settings.max_grad_norm == 0.0 { ", and clip gradients at 1" } else { "" };
    let next = match settings.lr {
        lr if lr > 0.0 => format!("Lower the learning rate to a tenth, {}{clip}.", rate(lr / 10.0)),
        _ => "Look at the rows that the message names.".to_owned(),
    };
    let action = good.map(|good| Action::UseCheckpoint { step: good.step, name: good.name.clone() });
    Finding::new(FindingKind::Halted, Level::Bad, text)
        .because(cause)
        .try_next(next)
        .with(action.or(Some(Action::ShowSettings)))
}

/// The median norm of the gradient and the last, where that one is far above.
fn runaway(facts: &RunFacts<'_>) -> Option<(f64, f64)> {
    let mut norms: Vec<f64> = facts.steps.iter().map(|step| step.grad_norm).filter(|norm| norm.is_finite()).collect();
    let last = *norms.last()?;
    norms.sort_by(f64::total_cmp);
    let usual = *norms.get(norms.len() / 2)?;
    (usual > 0.0 && last > usual * RUNAWAY).then_some((usual, last))
}

fn failed(facts: &RunFacts<'_>, message: &str) -> Finding {
    let text = if message.is_empty() { "It gave no reason.".to_owned() } else { sentence(message) };
    let next = match facts.checkpoints.last() {
        Some(last) => {
            format!(
                "Nothing saved is lost: the last checkpoint is from step {}. Mend what the message names, and go on from it.",
                count(last.step)
            )
        }
        None => "It failed before its first checkpoint: mend what the message names, and start anew.".to_owned(),
    };
    Finding::new(FindingKind::Failed, Level::Bad, text).try_next(next)
}

/// No step could change the adapter.
pub(super) fn nothing_changed(facts: &RunFacts<'_>) -> Option<Finding> {
    if facts.steps.is_empty() {
        return None;
    }
    let steps = facts.steps;
    let done = counted(steps.len(), "step");
    let found = |text: String| Finding::new(FindingKind::NothingChanged, Level::Doubtful, text);
    let settings = Some(Action::ShowSettings);
    if steps.iter().all(|step| step.lr == 0.0) {
        let text = format!("The learning rate was 0 in {done}, so the adapter is what it was before.");
        let is_set = facts.settings.lr == 0.0;
        let (cause, next) = if is_set {
            ("The learning rate is set to 0.", "Set the learning rate: 2e-4 is usual.")
        } else {
            ("The warm-up is as long as the run.", "Train longer, or shorten the warm-up.")
        };
        return Some(found(text).because(cause).try_next(next).with(settings));
    }
    if steps.iter().all(|step| step.supervised == 0) {
        let text = format!("In {done} no token counted in the loss, so there was nothing to learn from.");
        let cause = "The answers are masked: no part of the examples is marked as what the model should say.";
        let next = "Look at the examples: what the model should say is tinted. Map the column that holds the answers.";
        return Some(found(text).because(cause).try_next(next).with(Some(Action::ShowData)));
    }
    if steps.iter().all(|step| step.grad_norm == 0.0) {
        let text = format!("The gradient was 0 in {done}, so the adapter is what it was before.");
        let cause = "No adapted module takes part in the answers, or every answer is certain already.";
        return Some(found(text).because(cause).try_next("Adapt more modules, and look at the data.").with(settings));
    }
    None
}

/// No step is at fault by itself, and yet held-out loss is what it was.
pub(super) fn untouched(facts: &RunFacts<'_>) -> Option<Finding> {
    let moved = facts.measures().map(|measures| measures.change()).filter(|moved| moved.abs() < UNTOUCHED)?;
    let text = format!(
        "After {} held-out loss is what it was before, to {:.3} %.",
        counted(facts.end.step, "step"),
        moved.abs() * 100.0
    );
    let cause = format!("A learning rate of {} hardly moves an adapter.", rate(facts.settings.lr));
    let finding = Finding::new(FindingKind::NothingChanged, Level::Doubtful, text).because(cause);
    let next = "Raise the learning rate: 1e-4 to 1e-3 is usual.";
    Some(finding.try_next(next).with(Some(Action::ShowSettings)))
}

/// Training loss was next to nothing from the first steps on.
pub(super) fn nothing_to_learn(facts: &RunFacts<'_>) -> Option<Finding> {
    let (start, _) = facts.loss_at_ends().filter(|&(start, _)| start < ZERO)?;
    let text = format!("Training loss was {} in the first steps already: every answer was certain.", nats(start));
    Some(
        Finding::new(FindingKind::NothingToLearn, Level::Doubtful, text)
            .because("The answer stands in the question, or all answers are the same.")
            .try_next("Look at the examples as the model reads them: what it should say is tinted.")
            .with(Some(Action::ShowData)),
    )
}

/// Training loss has come down to next to nothing.
pub(super) fn loss_zero(facts: &RunFacts<'_>) -> Option<Finding> {
    let (start, end) = facts.loss_at_ends().filter(|&(start, end)| start >= ZERO && end < ZERO)?;
    let text = format!(
        "Training loss fell from {} to {}: nothing is left to learn from these examples.",
        nats(start),
        nats(end)
    );
    Some(
        Finding::new(FindingKind::LossZero, Level::Neutral, text)
            .because(format!("It saw each example about {:.0} times and knows them by heart.", facts.passes().max(1.0)))
            .try_next("Train for fewer passes, or bring more data."),
    )
}

/// The run ended itself because nothing got better.
pub(super) fn early_stop(facts: &RunFacts<'_>) -> Option<Finding> {
    if facts.end.cause != EndCause::EarlyStop {
        return None;
    }
    let (at, of) = (count(facts.end.step), count(facts.end.steps));
    let settings = facts.settings;
    let least =
        if settings.min_delta > 0.0 { format!(" by {} or more", nats(settings.min_delta)) } else { String::new() };
    let measures = settings.patience.map_or("its last measures".to_owned(), |patience| counted(patience, "measure"));
    let text = format!("It ended early, at step {at} of {of}: held-out loss had not fallen{least} in {measures}.");
    let best = facts.best().map(|best| best.step);
    let action = best.and_then(|step| facts.use_checkpoint(step));
    let finding = Finding::new(FindingKind::EarlyStop, Level::Neutral, text);
    Some(match (&action, best) {
        (Some(_), Some(step)) => finding.try_next(format!("Use the checkpoint at step {}.", count(step))).with(action),
        _ => finding,
    })
}

/// One head holds nearly all of the gates.
pub(super) fn collapsed(facts: &RunFacts<'_>) -> Option<Finding> {
    let last = facts.routing.last()?;
    let since = |is_so: &dyn Fn(&LoadSample<'_>) -> bool| {
        let so = facts.routing.iter().rev().take_while(|sample| is_so(sample));
        so.last().map(|sample| count(sample.step))
    };
    let is_over_all = |sample: &LoadSample<'_>| sample.load.len() > 1 && leader(sample.load).1 > LEADS_ALONE;
    let is_in_many = |sample: &LoadSample<'_>| sample.collapsed >= FEW_MODULES;
    let text = if let Some(step) = since(&is_over_all) {
        format!(
            "Since step {step} one head of {} holds {} of all gates: the others hardly take part.",
            count(last.load.len()),
            share(leader(last.load).1.into())
        )
    } else {
        format!(
            "Since step {} one head takes nearly all in {} of the modules, not the same in each: the others hardly take part \
             there.",
            since(&is_in_many)?,
            share(last.collapsed.into())
        )
    };
    Some(
        Finding::new(FindingKind::Collapsed, Level::Doubtful, text)
            .because("The examples are too alike for so many heads, or the learning rate is high.")
            .try_next("Try fewer heads, a lower learning rate or another seed; with one topic, plain LoRA does the same for less.")
            .with(Some(Action::ShowSettings)),
    )
}

/// A message as a sentence: with a capital, and a full stop.
fn sentence(message: &str) -> String {
    let mut letters = message.chars();
    let first = letters.next().map(|letter| letter.to_uppercase().to_string()).unwrap_or_default();
    let stop = if message.ends_with(['.', '!', '?']) { "" } else { "." };
    format!("{first}{}{stop}", letters.as_str())
}
