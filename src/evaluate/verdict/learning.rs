//! What held-out loss says: whether it learnt, since when it no longer did, and on which topics.

use super::facts::{Measures, change};
use super::words::{count, counted, list, nats, rate, share};
use super::{Action, FEW_STEPS, Finding, FindingKind, LOW_RATE, Level, MUCH, RunFacts, SAME, faults};
use crate::train::TopicLoss;

/// Topics named in a sentence before the rest is counted.
const NAMED: usize = 4;

/// The one finding about what was learnt.
pub(super) fn learning(facts: &RunFacts<'_>) -> Finding {
    let void = [faults::nothing_changed, faults::nothing_to_learn, faults::untouched];
    if let Some(finding) = void.iter().find_map(|rule| rule(facts)) {
        return finding;
    }
    if facts.held_out == 0 {
        return no_held_out(facts);
    }
    let Some(measures) = facts.measures() else { return not_measured(facts) };
    let finding = past_its_best(facts, &measures).unwrap_or_else(|| judged(facts, &measures));
    Finding { text: finding.text + &age(facts, &measures), ..finding }
}

fn no_held_out(facts: &RunFacts<'_>) -> Finding {
    let trained = facts.loss_at_ends().map_or(String::new(), |(start, end)| {
        format!(" Training loss went from {} to {}, on the examples themselves.", nats(start), nats(end))
    });
    let text =
        format!("No examples were held out, so nobody can say how well it answers what it has not seen.{trained}");
    Finding::new(FindingKind::NoHeldOut, Level::Neutral, text)
        .try_next("Read some of its answers, and hold out a share of the examples next time.")
        .with(Some(Action::ShowSettings))
}

fn not_measured(facts: &RunFacts<'_>) -> Finding {
    let before = facts.evals.iter().find(|eval| eval.loss.is_finite()).map_or(String::new(), |eval| match eval.step {
        0 => format!(" Before the first step it was {}.", nats(eval.loss)),
        step => format!(" It was measured once, at step {}, as {}.", count(step), nats(eval.loss)),
    });
    let text = format!("It was stopped before held-out loss could show what it learnt.{before}");
    Finding::new(FindingKind::NotMeasured, Level::Neutral, text)
        .try_next("Go on training, or measure more often next time.")
}

/// Held-out loss was clearly lower at an earlier measure, and had been lower than at the start: over-fitting where
/// training loss did not rise with it.
fn past_its_best(facts: &RunFacts<'_>, measures: &Measures<'_>) -> Option<Finding> {
    let Measures { first, last, best } = measures;
    let was_better = change(first.loss, best.loss) <= -SAME;
    if best.step >= last.step || change(best.loss, last.loss) < SAME || !was_better {
        return None;
    }
    let (at, top, end) = (count(best.step), nats(best.loss), nats(last.loss));
    let text =
        format!("Held-out loss was lowest at step {at}, with {top}, and rose to {end} by step {}", count(last.step));
    let trained = |to: usize| facts.mean_loss(facts.measured_before(to), to);
    let rise = trained(best.step).zip(trained(last.step));
    let action = facts.use_checkpoint(best.step);
    let kept = if action.is_some() { format!("Use the checkpoint at step {at}. ") } else { String::new() };
    if let Some((then, now)) = rise.filter(|&(then, now)| change(then, now) >= SAME) {
        let text = format!("{text}; training loss rose with it, from {} to {}.", nats(then), nats(now));
        return Some(
            Finding::new(FindingKind::CameApart, Level::Doubtful, text)
                .because(format!(
                    "A learning rate of {} is too high for it to hold what it learnt.",
                    rate(facts.settings.lr)
                ))
                .try_next(format!("{kept}Next time lower the learning rate to a third of that."))
                .with(action),
        );
    }
    let trained = rise.map_or(String::new(), |(then, now)| {
        format!(", while training loss went from {} to {}", nats(then), nats(now))
    });
    let text = format!("{text}{trained}: since step {at} it learns the training examples by heart.");
    let passes = facts.passes();
    let seen = if passes >= 2.0 {
        format!("It saw each of {} about {passes:.0} times.", counted(facts.examples, "example"))
    } else {
        "The examples hold too little for so many steps, or the learning rate is high.".to_owned()
    };
    let finding = Finding::new(FindingKind::OverFitting, Level::Doubtful, text).because(seen);
    let next = format!("{kept}Next time train for about {}, or bring more data.", counted(best.step, "step"));
    Some(finding.try_next(next).with(action))
}

/// What a change of held-out loss from the first measure to the last means.
fn judged(facts: &RunFacts<'_>, measures: &Measures<'_>) -> Finding {
    let moved = measures.change();
    let figures = format!("from {} to {}", nats(measures.first.loss), nats(measures.last.loss));
    if moved <= -SAME {
        let how = if moved <= -MUCH { "much better" } else { "a little better" };
        let text = format!(
            "Held-out loss fell {figures}, by {}: it predicts answers it has never seen {how} than before.",
            share(moved)
        );
        return Finding::new(FindingKind::Better, Level::Good, text);
    }
    if moved < SAME {
        return flat(facts, &figures);
    }
    let text =
        format!("Held-out loss rose {figures}, by {}, and was at no measure clearly lower than before.", share(moved));
    Finding::new(FindingKind::Worse, Level::Doubtful, text)
        .because(format!(
            "A learning rate of {} is too high here, or the examples do not show what the held-out ones ask for.",
            rate(facts.settings.lr)
        ))
        .try_next("Lower the learning rate to a third, or bring more data.")
        .with(Some(Action::ShowSettings))
}

fn flat(facts: &RunFacts<'_>, figures: &str) -> Finding {
    let finding = Finding::new(FindingKind::Flat, Level::Neutral, format!("Held-out loss hardly moved, {figures}."));
    let lr = facts.settings.lr;
    if lr < LOW_RATE {
        finding
            .because(format!("A learning rate of {} is low: adapters usually take 1e-4 to 1e-3.", rate(lr)))
            .try_next("Raise the learning rate.")
            .with(Some(Action::ShowSettings))
    } else if facts.end.step < FEW_STEPS {
        finding
            .because(format!("It trained for {} only.", counted(facts.end.step, "step")))
            .try_next("Train longer.")
            .with(Some(Action::ShowSettings))
    } else {
        finding
            .because(
                "The model may know already what the examples show, or the answers may not follow from the questions.",
            )
            .try_next("Check that the data holds something to learn, raise the learning rate, or train longer.")
            .with(Some(Action::ShowData))
    }
}

/// Owns up to the steps that no measure has seen.
fn age(facts: &RunFacts<'_>, measures: &Measures<'_>) -> String {
    match facts.end.step.saturating_sub(measures.last.step) {
        0 => String::new(),
        since => format!(
            " Step {} was the last that was measured: nobody knows what the {} since did.",
            count(measures.last.step),
            counted(since, "step")
        ),
    }
}

/// One topic at the first measure and at the last.
struct TopicChange<'a> {
    before: &'a TopicLoss,
    after: &'a TopicLoss,
}

impl TopicChange<'_> {
    fn change(&self) -> f64 {
        change(self.before.loss, self.after.loss)
    }

    fn in_words(&self) -> String {
        format!("{} (from {} to {})", self.after.topic, nats(self.before.loss), nats(self.after.loss))
    }
}

/// Which topics it got better on, and which worse; `None` where fewer than two were measured.
pub(super) fn topics(facts: &RunFacts<'_>) -> Option<Finding> {
    let measures = facts.measures()?;
    let mut changes: Vec<TopicChange<'_>> = measures
        .last
        .topics
        .iter()
        .filter_map(|after| {
            let before = measures.first.topics.iter().find(|before| before.topic == after.topic)?;
            (before.loss.is_finite() && after.loss.is_finite()).then_some(TopicChange { before, after })
        })
        .collect();
    if changes.len() < 2 {
        return None;
    }
    changes.sort_by(|a, b| a.change().total_cmp(&b.change()));
    let words = |those: &dyn Fn(f64) -> bool| -> Vec<String> {
        changes.iter().filter(|topic| those(topic.change())).map(TopicChange::in_words).collect()
    };
    let (better, mut worse) = (words(&|moved| moved <= -SAME), words(&|moved| moved >= SAME));
    worse.reverse();
    let mut text = match better.len() {
        0 => format!("Held-out loss fell on none of {}.", counted(changes.len(), "topic")),
        number => {
            format!("Better on {} of {}: {}.", count(number), counted(changes.len(), "topic"), list(&better, NAMED))
        }
    };
    if !worse.is_empty() {
        text += &format!(" Worse on {}: {}.", count(worse.len()), list(&worse, NAMED));
    }
    let fewest = changes.iter().map(|topic| topic.after.examples).min().unwrap_or(0);
    text += &format!(" The fewest held-out examples of a topic are {}: small changes may be chance.", count(fewest));
    let level = if worse.is_empty() { Level::Neutral } else { Level::Doubtful };
    let finding = Finding::new(FindingKind::Topics, level, text);
    if worse.is_empty() {
        return Some(finding);
    }
    let next = "Bring more examples of what got worse, or give the adapter another head.";
    Some(
        finding
            .because("The data holds few examples of it, or the other topics pull against it.")
            .try_next(next)
            .with(Some(Action::ShowData)),
    )
}
