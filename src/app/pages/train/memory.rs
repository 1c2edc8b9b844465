//! What the run takes of memory, against what there is; where it is too much, what would take less.

use egui::{RichText, Ui};

use crate::app::icons::Icon;
use crate::app::theme::{Tokens, size, space};
use crate::app::toasts::Level;
use crate::app::widgets::buttons;
use crate::app::widgets::card::card;
use crate::app::widgets::figures::{bytes, percent};
use crate::app::widgets::notes::callout;
use crate::app::widgets::part_bar::{Part, part_bar, part_legend, parts_in_words};
use crate::train::{Estimate, Mend};

/// What the user wants of the memory card.
#[derive(Clone, Debug, PartialEq)]
pub enum MemoryAction {
    None,
    /// Train with the settings of a mend.
    Apply(Mend),
    ApplyAndStart(Mend),
}

/// An estimate against what there is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Need<'a> {
    pub estimate: &'a Estimate,
    /// The most memory that this program can hold here.
    pub budget: u64,
}

impl Need<'_> {
    /// Whether there is less memory than the run takes.
    pub fn is_too_large(&self) -> bool {
        self.estimate.total_bytes() > self.budget
    }

    /// The need against what there is, in one sentence.
    pub fn in_words(&self) -> String {
        let (total, budget) = (bytes(self.estimate.total_bytes()), bytes(self.budget));
        if self.is_too_large() {
            format!("This run takes about {total} of memory, and this machine has {budget} for it now.")
        } else {
            format!("About {total} of the {budget} that this machine has for it now.")
        }
    }
}

/// Draws the card. `mends` are shown where the run does not fit; `can_start` is false where something else is in the way
/// of a start.
pub fn memory_card(ui: &mut Ui, need: Option<Need<'_>>, mends: &[Mend], can_start: bool) -> MemoryAction {
    card(ui, "Memory", |ui| {
        let Some(need) = need else {
            ui.weak("Counted as soon as model, data and machine are measured.");
            return MemoryAction::None;
        };
        let parts = need.estimate.parts().map(|(name, bytes)| Part { name: title(name), bytes });
        let words = need.in_words();
        if need.is_too_large() {
            callout(ui, Level::Warning, &words);
        } else {
            ui.label(&words);
        }
        part_bar(ui, &parts, need.budget, &format!("Memory. {words} {}.", parts_in_words(&parts)));
        part_legend(ui, &parts);
        if !need.is_too_large() {
            return MemoryAction::None;
        }
        ui.add_space(space::S);
        mends_ui(ui, need.budget, mends, can_start)
    })
}

/// A part's name as it stands in the legend.
fn title(name: &'static str) -> &'static str {
    match name {
        "weights" => "Base model",
        "adapter" => "Adapter",
        "optimizer" => "Optimizer",
        "activations" => "Activations",
        "logits" => "Logits",
        "rest" => "Program and data",
        other => other,
    }
}

fn mends_ui(ui: &mut Ui, budget: u64, mends: &[Mend], can_start: bool) -> MemoryAction {
    let mut action = MemoryAction::None;
    if mends.is_empty() {
        ui.label("No change of settings makes it fit: choose a smaller model, or close other programs.");
        return action;
    }
    let all_too_large = mends.iter().all(|mend| mend.bytes > budget);
    ui.label(if all_too_large { "This helps, and is still not enough:" } else { "This would take less:" });
    for mend in mends {
        let chosen = mend_ui(ui, mend, mend.bytes <= budget, can_start);
        if chosen != MemoryAction::None {
            action = chosen;
        }
    }
    action
}

fn mend_ui(ui: &mut Ui, mend: &Mend, suffices: bool, can_start: bool) -> MemoryAction {
    let tokens = Tokens::of(ui);
    let mut action = MemoryAction::None;
    let text = sentence(&mend.text);
    egui::Frame::new().fill(tokens.well).corner_radius(size::RADIUS).inner_margin(space::M).show(ui, |ui| {
        ui.set_width(ui.available_width());
        ui.label(RichText::new(&text).color(tokens.text_strong));
        ui.horizontal_wrapped(|ui| {
            let cost = format!("{}, {}", bytes(mend.bytes), slowdown_in_words(mend.slowdown));
            let fits = if suffices { "fits" } else { "still too large" };
            ui.label(RichText::new(format!("{cost}: {fits}.")).color(tokens.text_weak));
            if buttons::secondary(ui, Icon::Check, "Apply", true).accessible_name(format!("Apply: {text}")).clicked() {
                action = MemoryAction::Apply(mend.clone());
            }
            let start = buttons::secondary(ui, Icon::Play, "Apply and start", suffices && can_start);
            if start.accessible_name(format!("Apply and start: {text}")).clicked() {
                action = MemoryAction::ApplyAndStart(mend.clone());
            }
        });
    });
    action
}

fn slowdown_in_words(slowdown: f64) -> String {
    match slowdown {
        times if times < 0.97 => format!("takes {} of the time", percent(times)),
        times if times <= 1.03 => "as fast".to_owned(),
        times if times < 1.1 => format!("takes {times:.2} times as long"),
        times => format!("takes {times:.1} times as long"),
    }
}

/// A text with a capital and a full stop.
pub fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|letter| letter.to_uppercase().to_string()).unwrap_or_default();
    let stop = if text.ends_with('.') { "" } else { "." };
    format!("{first}{}{stop}", letters.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_become_sentences() {
        assert_eq!(sentence("the rank must be at least 1"), "The rank must be at least 1.");
        assert_eq!((sentence("Done."), sentence("")), ("Done.".into(), ".".into()));
    }

    #[test]
    fn a_need_is_told_against_what_there_is() {
        let estimate = Estimate { weights: 500_000_000, activations: 1_500_000_000, ..Estimate::default() };
        let small = Need { estimate: &estimate, budget: 4_000_000_000 };
        assert_eq!(small.in_words(), "About 2.00 GB of the 4.00 GB that this machine has for it now.");
        let large = Need { budget: 1_000_000_000, ..small };
        assert!(large.is_too_large() && !small.is_too_large());
        assert_eq!(
            large.in_words(),
            "This run takes about 2.00 GB of memory, and this machine has 1.00 GB for it now."
        );
    }

    #[test]
    fn every_part_of_an_estimate_has_a_title_of_its_own() {
        let parts = Estimate::default().parts();
        for (name, _) in parts {
            assert_ne!(title(name), name);
        }
        assert_eq!(parts.len(), 6, "the theme has a colour for each");
    }

    #[test]
    fn a_change_of_pace_is_told_as_people_say_it() {
        let told = [0.29, 1.0, 1.05, 1.33].map(slowdown_in_words);
        let words = ["takes 29 % of the time", "as fast", "takes 1.05 times as long", "takes 1.3 times as long"];
        assert_eq!(told, words);
    }
}
