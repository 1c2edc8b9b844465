//! Two looks set against each other: one is kept as A, what comes after it is B, and the grid shows what B has more or
//! less of.

use std::sync::Arc;

use egui::Ui;

use crate::app::icons::Icon;
use crate::app::state::HeadNames;
use crate::app::toasts::Level;
use crate::app::widgets::buttons;
use crate::app::widgets::notes::callout;
use crate::worker::protocol::RoutingReport;

use super::grid_data::{GridData, Metric};

/// A look that was kept.
#[derive(Clone, Debug, PartialEq)]
struct Kept {
    title: String,
    data: GridData,
    /// The gates of its tokens, where it is of one text.
    text: Option<Arc<RoutingReport>>,
    /// Which look it is, so that it is not set against itself.
    number: usize,
}

/// What the grid shows of the two.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Side {
    A,
    B,
    #[default]
    Difference,
}

/// The look that is there now.
pub struct Present<'a> {
    /// What was looked at, and through which adapter.
    pub title: &'a str,
    pub data: &'a GridData,
    /// The gates of its tokens, where it is of one text.
    pub text: Option<&'a Arc<RoutingReport>>,
    pub number: usize,
}

/// The look at one text that was kept as A, while another look is there.
pub struct KeptText {
    pub report: Arc<RoutingReport>,
    pub number: usize,
    /// Which of the two is shown.
    pub side: Side,
}

/// What the grid is to draw.
pub struct Shown<'a> {
    pub data: &'a GridData,
    pub before: Option<&'a GridData>,
    /// Changes whenever another look is chosen.
    pub revision: u64,
}

/// What the user asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    Keep,
    Show(Side),
    Stop,
}

/// What was last said of a difference.
#[derive(Clone, Debug, PartialEq)]
struct Told {
    changes: u64,
    number: usize,
    names: HeadNames,
    words: String,
}

/// The look that is kept as A, and which of the two is shown.
#[derive(Default)]
pub struct Comparing {
    kept: Option<Kept>,
    side: Side,
    /// Counts what the user chose.
    changes: u64,
    told: Option<Told>,
}

impl Comparing {
    /// Draws the buttons. Gives back what was asked for, to be handed to [`Self::take`].
    pub fn buttons_ui(&self, ui: &mut Ui, present: &Present<'_>) -> Option<Asked> {
        let Some(kept) = &self.kept else {
            let hint = "Keeps this look as A: the next one, of another text, checkpoint or adapter, is set against it.";
            let is_asked = buttons::secondary(ui, Icon::Copy, "Compare with…", true).on_hover_text(hint).clicked();
            return is_asked.then_some(Asked::Keep);
        };
        let mut asked = None;
        if kept.number != present.number && self.is_alike(present.data) {
            let mut side = self.side;
            let sides = [(Side::A, "A"), (Side::B, "B"), (Side::Difference, "B − A")];
            if buttons::segmented(ui, &mut side, &sides) {
                asked = Some(Asked::Show(side));
            }
        }
        let is_stopped = buttons::secondary(ui, Icon::Close, "Stop comparing", true).clicked();
        if is_stopped { Some(Asked::Stop) } else { asked }
    }

    /// Does what was asked for while `present` was there.
    pub fn take(&mut self, asked: Option<Asked>, present: &Present<'_>) {
        let Some(asked) = asked else { return };
        self.changes += 1;
        match asked {
            Asked::Stop => self.kept = None,
            Asked::Show(side) => self.side = side,
            Asked::Keep => {
                let (title, data) = (present.title.to_owned(), present.data.clone());
                let text = present.text.cloned();
                self.kept = Some(Kept { title, data, text, number: present.number });
                self.side = Side::Difference;
            }
        }
    }

    /// Says what is set against what.
    pub fn note_ui(&self, ui: &mut Ui, present: &Present<'_>) {
        let Some(kept) = &self.kept else { return };
        if kept.number == present.number {
            let text = format!(
                "Kept as A: {}. Look at another text, or through another checkpoint or adapter, and the grid shows the \
                 difference.",
                kept.title
            );
            callout(ui, Level::Info, &text);
        } else if self.is_alike(present.data) {
            ui.weak(format!("A: {}", kept.title));
            ui.weak(format!("B: {}", present.title));
        } else {
            let text = format!(
                "{} was kept as A, but its adapter has other heads, layers or modules, so no difference can be drawn. B is \
                 shown alone.",
                kept.title
            );
            callout(ui, Level::Warning, &text);
        }
    }

    /// What the grid draws while `present` is there.
    pub fn shown<'a>(&'a self, present: &Present<'a>, revision: u64) -> Shown<'a> {
        let revision = (self.changes << 40) + revision;
        let alone = Shown { data: present.data, before: None, revision };
        let Some(kept) = self.kept.as_ref().filter(|kept| kept.number != present.number) else { return alone };
        if !self.is_alike(present.data) {
            return alone;
        }
        match self.side {
            Side::A => Shown { data: &kept.data, ..alone },
            Side::B => alone,
            Side::Difference => Shown { before: Some(&kept.data), ..alone },
        }
    }

    /// The look at a text that `present` is set against, where it is.
    pub fn kept_text(&self, present: &Present<'_>) -> Option<KeptText> {
        let kept = self.kept.as_ref().filter(|kept| kept.number != present.number)?;
        let report = kept.text.clone().filter(|_| self.is_alike(present.data))?;
        Some(KeptText { report, number: kept.number, side: self.side })
    }

    /// The difference in words, where one is shown.
    pub fn words(&mut self, present: &Present<'_>, names: &HeadNames) -> Option<String> {
        let is_told = |told: &&Told| (told.changes, told.number, &told.names) == (self.changes, present.number, names);
        if let Some(told) = self.told.as_ref().filter(is_told) {
            return Some(told.words.clone());
        }
        let shown = self.shown(present, 0);
        let words = difference_words("From A to B", shown.before?, shown.data, names);
        let (changes, number) = (self.changes, present.number);
        self.told = Some(Told { changes, number, names: names.clone(), words: words.clone() });
        Some(words)
    }

    fn is_alike(&self, data: &GridData) -> bool {
        let alike = |kept: &Kept| {
            (kept.data.heads, kept.data.layers, &kept.data.kinds) == (data.heads, data.layers, &data.kinds)
        };
        self.kept.as_ref().is_none_or(alike)
    }
}

/// How much `after` differs from `before`, and where most; `from` says which two they are, as `From A to B`.
pub fn difference_words(from: &str, before: &GridData, after: &GridData, names: &HeadNames) -> String {
    let (mut sum, mut count, mut most) = (0.0f32, 0usize, None::<(f32, String)>);
    for figures in &after.modules {
        let choice = super::digest::Choice { layer: Some(figures.module.layer), kind: Some(figures.module.target) };
        for (head, value) in figures.mean.iter().enumerate() {
            let change = value - before.value(Metric::Mean, choice, head);
            if !change.is_finite() {
                continue;
            }
            sum += change.abs();
            count += 1;
            if most.as_ref().is_none_or(|(other, _)| change.abs() > other.abs()) {
                most = Some((change, format!("{} in {}", names.title(head), figures.module)));
            }
        }
    }
    let Some((change, place)) = most else { return "The two have no module in common.".to_owned() };
    if change == 0.0 {
        return "Both have the very same mean gates.".to_owned();
    }
    let mean = sum / count.max(1) as f32;
    format!("{from} a mean gate changes by {mean:.3} on average, most by {change:+.3}: {place}.")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adapter::{Module, Target};
    use crate::inspect::{FrameOrigin, GateFrame, ModuleMean};

    fn data(mean: &[f32]) -> GridData {
        let modules = vec![ModuleMean { module: Module { layer: 0, target: Target::Up }, mean: mean.to_vec() }];
        let origin = FrameOrigin::HeldOut;
        GridData::of_frame(&GateFrame { step: 1, origin, load: mean.to_vec(), entropy: 1.0, modules, checkpoint: None })
    }

    fn present(data: &GridData, number: usize) -> Present<'_> {
        Present { title: "a text", data, text: None, number }
    }

    #[test]
    fn what_is_kept_is_set_against_what_comes_after_and_not_against_itself() {
        let (first, second, other) = (data(&[0.5, 0.5]), data(&[0.7, 0.3]), data(&[0.2, 0.3, 0.5]));
        let mut comparing = Comparing::default();
        comparing.take(Some(Asked::Keep), &present(&first, 1));
        assert!(comparing.shown(&present(&first, 1), 0).before.is_none());
        assert_eq!(comparing.shown(&present(&second, 2), 0).before, Some(&first));
        assert!(comparing.shown(&present(&other, 3), 0).before.is_none(), "three heads against two");
        let words = comparing.words(&present(&second, 2), &HeadNames::default()).expect("a difference");
        assert!(words.contains("0.200 on average, most by +0.200: Head 1 in model.layers.0.mlp.up_proj"), "{words}");
        comparing.take(Some(Asked::Show(Side::A)), &present(&second, 2));
        assert_eq!(comparing.shown(&present(&second, 2), 0).data, &first);
    }
}
