//! What was changed in the form, to be taken back and done again, each step under a name that says what it was.

use super::fields::{Field, changed_fields};
use super::form::Form;
use crate::train::TrainSettings;

/// Steps that are remembered.
const MOST_STEPS: usize = 1000;

/// A part of the form that a step changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Mode,
    Effort,
    Presets,
    Field(Field),
}

/// One change.
#[derive(Clone, Debug)]
struct Step {
    name: String,
    before: Form,
    after: Form,
    /// `None` for what a button did, which is a step of its own.
    by_hand: Option<ByHand>,
}

/// A change that may go on while its gesture lasts.
#[derive(Clone, Debug)]
struct ByHand {
    parts: Vec<Part>,
    gesture: u64,
    /// The settings when it began.
    first: TrainSettings,
}

impl ByHand {
    fn goes_on(&self, parts: &[Part], gesture: u64) -> bool {
        self.parts == parts && self.gesture == gesture
    }
}

/// The steps that led here, and those that were taken back.
#[derive(Debug, Default)]
pub struct History {
    done: Vec<Step>,
    undone: Vec<Step>,
    /// Counts gestures: what the same gesture changes again and again, as dragging does, is one step.
    gesture: u64,
}

impl History {
    /// What is changed from now on is another step, be it the same setting.
    pub fn begin_gesture(&mut self) {
        self.gesture += 1;
    }

    /// Notes a change that a button made, under its name.
    pub fn note(&mut self, name: impl Into<String>, before: Form, after: &Form) {
        if before != *after {
            self.push(Step { name: name.into(), before, after: after.clone(), by_hand: None });
        }
    }

    /// Notes what was changed by hand; the settings are those that are trained with before and after.
    pub fn note_edit(&mut self, before: Form, after: &Form, settings: (TrainSettings, &TrainSettings)) {
        if before == *after {
            return;
        }
        let parts = parts((&before, after), (&settings.0, settings.1));
        let last = self.done.pop_if(|step| {
            self.undone.is_empty() && step.by_hand.as_ref().is_some_and(|hand| hand.goes_on(&parts, self.gesture))
        });
        let (before, first) = match last {
            Some(Step { before, by_hand: Some(hand), .. }) => (before, hand.first),
            _ => (before, settings.0),
        };
        if before != *after {
            let name = name(&parts, (&before, after), (&first, settings.1));
            let by_hand = Some(ByHand { parts, gesture: self.gesture, first });
            self.push(Step { name, before, after: after.clone(), by_hand });
        }
    }

    fn push(&mut self, step: Step) {
        self.undone.clear();
        self.done.push(step);
        if self.done.len() > MOST_STEPS {
            self.done.remove(0);
        }
    }

    /// What undoing would take back.
    pub fn undo_name(&self) -> Option<&str> {
        self.done.last().map(|step| step.name.as_str())
    }

    /// What redoing would do again.
    pub fn redo_name(&self) -> Option<&str> {
        self.undone.last().map(|step| step.name.as_str())
    }

    /// Takes the last step back; gives its name.
    pub fn undo(&mut self, form: &mut Form) -> Option<String> {
        let step = self.done.pop()?;
        let name = step.name.clone();
        form.clone_from(&step.before);
        self.undone.push(step);
        Some(name)
    }

    /// Does the step again that was taken back last; gives its name.
    pub fn redo(&mut self, form: &mut Form) -> Option<String> {
        let step = self.undone.pop()?;
        let name = step.name.clone();
        form.clone_from(&step.after);
        self.done.push(step);
        Some(name)
    }
}

/// What differs. A change of mode or effort changes settings too, which is not told twice.
fn parts((before, after): (&Form, &Form), settings: (&TrainSettings, &TrainSettings)) -> Vec<Part> {
    let whole = [
        (before.mode != after.mode, Part::Mode),
        (before.pace != after.pace, Part::Effort),
        (before.presets != after.presets, Part::Presets),
    ];
    let whole: Vec<Part> = whole.into_iter().filter(|(differs, _)| *differs).map(|(_, part)| part).collect();
    if whole.is_empty() {
        return changed_fields(settings.0, settings.1).into_iter().map(Part::Field).collect();
    }
    whole
}

fn name(parts: &[Part], (before, after): (&Form, &Form), settings: (&TrainSettings, &TrainSettings)) -> String {
    match parts {
        [] => "Settings".to_owned(),
        [Part::Mode] => format!("{} to {}", before.mode.title(), after.mode.title()),
        [Part::Effort] => format!("Effort from {} to {}", before.pace.title(), after.pace.title()),
        [Part::Presets] => "Presets".to_owned(),
        [Part::Field(field)] => {
            let (from, to) = (field.value_in_brief(settings.0), field.value_in_brief(settings.1));
            format!("{} from {from} to {to}", field.text().name)
        }
        [first, rest @ ..] => {
            let first = name(std::slice::from_ref(first), (before, after), settings);
            format!("{first} and {} more", rest.len())
        }
    }
}

#[cfg(test)]
mod tests;
