//! The tokens of a text that was looked at twice, tinted by how their gates moved in between.

use std::fmt::Write as _;

use egui::{ComboBox, Ui};

use crate::app::state::HeadNames;
use crate::app::theme::{Tokens, space};
use crate::app::widgets::buttons;
use crate::app::widgets::chart_export::{ChartExport, ChartFormat, Picture, csv_cell};
use crate::app::widgets::heat_panels::scale_ui;
use crate::app::widgets::legend::{Swatch, legend_row, swatch_label};
use crate::app::widgets::token_picture::{legend_picture, text_picture};
use crate::app::widgets::token_strip::TokenStrip;

use super::digest::Choice;
use super::grid_data::GridData;
use super::token_changes::{Reach, TintedChanges, TokenChanges};
use super::tokens::{TEXT_HEIGHT, choice_ui};

/// What the figures were made for: the revisions of both looks.
type Key = (u64, u64);

/// The card's figures, and how the user looks at them.
#[derive(Default)]
pub struct ChangesCard {
    /// Whose change tints the tokens; `None`: all heads.
    head: Option<usize>,
    key: Option<Key>,
    names: HeadNames,
    reach: Reach,
    words: String,
    strip: TokenStrip,
}

impl ChangesCard {
    /// Draws controls, tokens, legend and words. `key` changes whenever either look or the choice does, `text` whenever
    /// the text does.
    pub fn ui(
        &mut self,
        ui: &mut Ui,
        (key, text): (Key, u64),
        changes: TokenChanges<'_>,
        names: &HeadNames,
        (choice, data): (&mut Choice, &GridData),
    ) {
        self.update(key, changes, names);
        ui.horizontal_wrapped(|ui| {
            self.head_ui(ui, changes.after.heads, names);
            choice_ui(ui, choice, data);
        });
        let tokens = Tokens::of(ui);
        let tinted = TintedChanges { changes, reach: self.reach, head: self.head, tokens, names };
        match self.head {
            Some(_) => scale_ui(ui, tinted.scale(), Some((0.0, "no change"))),
            None => legend_row(ui, |ui| {
                for head in 0..changes.after.heads {
                    swatch_label(ui, Swatch::Square, tokens.head(head), &names.title(head));
                }
            }),
        }
        ui.add_space(space::XS);
        self.strip.ui(ui, text, &tinted, TEXT_HEIGHT);
        ui.add_space(space::XS);
        ui.label(&self.words);
        ui.weak(match self.head {
            Some(head) => format!("Colour: by how much the gate of {} is larger or smaller in B.", names.title(head)),
            None => format!(
                "Colour: the head that gained most. Strength: the share of the token's weight that moved, {:.0} % at the \
                 most.",
                self.reach.moved * 100.0
            ),
        });
    }

    fn update(&mut self, key: Key, changes: TokenChanges<'_>, names: &HeadNames) {
        if self.key == Some(key) && self.names == *names {
            return;
        }
        self.key = Some(key);
        self.names = names.clone();
        self.head = self.head.filter(|head| *head < changes.after.heads);
        self.reach = changes.reach();
        self.words = changes.in_words(names);
    }

    fn head_ui(&mut self, ui: &mut Ui, heads: usize, names: &HeadNames) {
        let name = |head: Option<usize>| head.map_or_else(|| "All heads".to_owned(), |head| names.title(head));
        let combo = ComboBox::from_id_salt("change of head").selected_text(name(self.head)).icon(buttons::chevron);
        let response = combo.show_ui(ui, |ui| {
            for head in std::iter::once(None).chain((0..heads).map(Some)) {
                ui.selectable_value(&mut self.head, head, name(head));
            }
        });
        response.response.accessible_name("Change of which head");
    }

    /// What is shown now as a file.
    pub fn export(
        &self,
        format: ChartFormat,
        changes: TokenChanges<'_>,
        names: &HeadNames,
        tokens: &'static Tokens,
    ) -> ChartExport {
        let mut picture = Picture::new("Change of the gates by token", self.words.as_str(), tokens);
        if format == ChartFormat::Csv {
            picture.table = table(changes, names);
            return picture.export(format);
        }
        let tinted = TintedChanges { changes, reach: self.reach, head: self.head, tokens, names };
        let legend: Vec<_> = match self.head {
            None => (0..changes.after.heads).map(|head| (names.title(head), tokens.head(head))).collect(),
            Some(head) => [-self.reach.gate, 0.0, self.reach.gate]
                .map(|value| (format!("{} {value:+.2}", names.title(head)), tinted.scale().color(tokens, value)))
                .to_vec(),
        };
        let top = legend_picture(&mut picture, &legend, tokens);
        text_picture(&mut picture, &tinted, top, tokens);
        picture.export(format)
    }
}

/// A line for each token with its gates in both looks, and their change.
fn table(changes: TokenChanges<'_>, names: &HeadNames) -> String {
    let mut text = String::from("token,text,supervised,weight moved");
    for head in 0..changes.after.heads {
        let name = names.title(head);
        for column in [format!("{name} in A"), format!("{name} in B"), format!("{name} change")] {
            let _ = write!(text, ",{}", csv_cell(&column));
        }
    }
    text.push('\n');
    for (index, token) in changes.report.tokens.iter().enumerate() {
        let moved = changes.moved(index);
        let _ = write!(text, "{},{},{},{moved:?}", index + 1, csv_cell(&token.text), token.supervised);
        for (before, after) in changes.before.of(index).iter().zip(changes.after.of(index)) {
            let _ = write!(text, ",{before:?},{after:?},{:?}", after - before);
        }
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::pages::routing::digest::TokenGates;
    use crate::app::widgets::chart_export::Figure;
    use crate::worker::protocol::{RoutingReport, TokenView};

    #[test]
    fn changes_are_saved_with_the_gates_of_both_looks() {
        let token = TokenView { text: "a,b".into(), supervised: true };
        let report =
            RoutingReport { title: "Test".into(), at: None, heads: 2, tokens: vec![token], modules: Vec::new() };
        let gates = |gates: [f32; 2]| TokenGates { heads: 2, gates: gates.to_vec() };
        let (before, after) = (gates([0.5, 0.5]), gates([0.75, 0.25]));
        let changes = TokenChanges { report: &report, before: &before, after: &after };
        let names = HeadNames::new(vec![Some("sums".into())]);
        let lines: Vec<String> = table(changes, &names).lines().map(str::to_owned).collect();
        assert_eq!(
            lines,
            [
                "token,text,supervised,weight moved,Head 1 · sums in A,Head 1 · sums in B,Head 1 · sums change,Head 2 in A,Head 2 \
                 in B,Head 2 change",
                "1,\"a,b\",true,0.25,0.5,0.75,0.25,0.5,0.25,-0.25"
            ]
        );
        let tokens = Tokens::of_theme(egui::Theme::Dark);
        for head in [None, Some(1)] {
            let mut card = ChangesCard::default();
            card.update((1, 2), changes, &names);
            card.head = head;
            let Figure::Picture(picture) = card.export(ChartFormat::Svg, changes, &names, tokens).figure else {
                panic!("a picture")
            };
            assert!(picture.shapes.len() >= 6, "{head:?}: {} shapes", picture.shapes.len());
        }
    }
}
