//! The tokens of a text by head: as running text tinted by head, or their gates side by side as bars or lines. What is
//! shown can be saved.

use std::fmt::Write as _;
use std::ops::Range;

use egui::{Color32, ComboBox, Pos2, Rect, Ui, pos2, vec2};

use crate::app::state::HeadNames;
use crate::app::theme::{Tokens, space};
use crate::app::widgets::buttons;
use crate::app::widgets::chart_export::{Anchor, ChartExport, ChartFormat, Picture, csv_cell};
use crate::app::widgets::head_gates::loads_ui;
use crate::app::widgets::token_bars::{BarGates, BarMode, TokenBars};
use crate::app::widgets::token_picture::{LETTERS, legend_picture, text_picture};
use crate::app::widgets::token_strip::TokenSource;
use crate::worker::protocol::RoutingReport;

use super::digest::Choice;
use super::grid_data::{GridData, short_name};
use super::view::{RoutingView, TintedTokens};

/// Tallest the text grows before it scrolls by itself.
pub const TEXT_HEIGHT: f32 = 320.0;

/// How tokens are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TokenLooks {
    #[default]
    Text,
    Bars,
    Lines,
}

impl TokenLooks {
    const CHOICES: [(TokenLooks, &'static str); 3] =
        [(Self::Text, "Text"), (Self::Bars, "Bars"), (Self::Lines, "Lines")];
}

/// The tokens with how the user looks at them.
#[derive(Default)]
pub struct TokensCard {
    looks: TokenLooks,
    bars: TokenBars,
}

impl TokensCard {
    /// Draws controls and tokens.
    pub fn ui(
        &mut self,
        ui: &mut Ui,
        report: &RoutingReport,
        view: &mut RoutingView,
        names: &HeadNames,
        choice: &mut Choice,
    ) {
        let tokens = Tokens::of(ui);
        ui.horizontal_wrapped(|ui| {
            buttons::segmented(ui, &mut self.looks, &TokenLooks::CHOICES);
            choice_ui(ui, choice, &view.data);
        });
        head_legend_ui(ui, names, &view.load, "Mean gate over the tokens of this text and the modules chosen");
        ui.add_space(space::XS);
        let RoutingView { strip, gates, report: number, token_words, .. } = view;
        let gates = &*gates;
        let tinted = TintedTokens { report, gates, tokens, names };
        match self.looks {
            TokenLooks::Text => strip.ui(ui, *number as u64, &tinted, TEXT_HEIGHT),
            TokenLooks::Bars | TokenLooks::Lines => {
                let mode = if self.looks == TokenLooks::Bars { BarMode::Stacked } else { BarMode::Lines };
                let summary = format!("Gates token by token; read them with the arrow keys. {token_words}");
                let color = |head: usize| tokens.head(head);
                let of = |index: usize| gates.of(index);
                let drawn = BarGates { heads: gates.heads, of: &of, color: &color, summary: &summary };
                self.bars.ui(ui, &tinted, &drawn, mode);
            }
        }
        ui.add_space(space::XS);
        ui.label(&*token_words);
        ui.weak(match self.looks {
            TokenLooks::Text => {
                "Colour: the leading head. Strength: its gate. Underlined: supervised tokens, which the loss counts."
            }
            TokenLooks::Bars => {
                "Each bar is a token; its parts are the gates of the heads. A line below: supervised tokens, which the loss \
                 counts."
            }
            TokenLooks::Lines => {
                "A line for each head; the grey one is an even share. A line below: supervised tokens, which the loss counts."
            }
        });
    }

    /// What is shown now as a file.
    pub fn export(&self, format: ChartFormat, report: &RoutingReport, tinted: &TintedTokens<'_>) -> ChartExport {
        let title = "Tokens by head";
        let mut picture = Picture::new(title, report.title.as_str(), tinted.tokens);
        match (format, self.looks) {
            (ChartFormat::Csv, _) => picture.table = table(report, tinted),
            (_, TokenLooks::Text) => {
                let top = heads_picture(&mut picture, tinted);
                text_picture(&mut picture, tinted, top, tinted.tokens);
            }
            (_, looks) => bars_picture(&mut picture, tinted, looks),
        }
        picture.export(format)
    }
}

/// The heads in their colours with their names and mean gates.
pub fn head_legend_ui(ui: &mut Ui, names: &HeadNames, load: &[f32], hint: &str) {
    loads_ui(ui, load, &|head| names.title(head), hint);
}

/// Which modules are looked at, by kind and by layer.
pub fn choice_ui(ui: &mut Ui, choice: &mut Choice, data: &GridData) {
    let kind_name = |kind: Option<_>| kind.map_or("All kinds", short_name);
    let combo = ComboBox::from_id_salt("kind").selected_text(kind_name(choice.kind)).icon(buttons::chevron);
    let response = combo.show_ui(ui, |ui| {
        for kind in std::iter::once(None).chain(data.kinds.iter().copied().map(Some)) {
            ui.selectable_value(&mut choice.kind, kind, kind_name(kind));
        }
    });
    response.response.accessible_name("Kind of module");
    let layer_name = |layer: Option<usize>| layer.map_or("All layers".to_owned(), |l| format!("Layer {}", l + 1));
    let combo = ComboBox::from_id_salt("layer").selected_text(layer_name(choice.layer)).icon(buttons::chevron);
    let response = combo.show_ui(ui, |ui| {
        for layer in std::iter::once(None).chain((0..data.layers).map(Some)) {
            ui.selectable_value(&mut choice.layer, layer, layer_name(layer));
        }
    });
    response.response.accessible_name("Layer of the tokens");
}

/// A line for each token with all its gates.
fn table(report: &RoutingReport, tinted: &TintedTokens<'_>) -> String {
    let mut text = String::from("token,text,supervised,leading head");
    (0..tinted.gates.heads).for_each(|head| {
        let _ = write!(text, ",{}", csv_cell(&tinted.names.title(head)));
    });
    text.push('\n');
    for (index, token) in report.tokens.iter().enumerate() {
        let leader = tinted.gates.leader(index).map_or_else(String::new, |(head, _)| (head + 1).to_string());
        let _ = write!(text, "{},{},{},{leader}", index + 1, csv_cell(&token.text), token.supervised);
        for gate in tinted.gates.of(index) {
            let _ = write!(text, ",{gate:?}");
        }
        text.push('\n');
    }
    text
}

/// The heads in their colours; gives where what comes below begins.
fn heads_picture(picture: &mut Picture, tinted: &TintedTokens<'_>) -> f32 {
    let head = |head: usize| (tinted.names.title(head), tinted.tokens.head(head));
    let heads: Vec<(String, Color32)> = (0..tinted.gates.heads).map(head).collect();
    legend_picture(picture, &heads, tinted.tokens)
}

/// Tokens of a row of bars or lines, and its measures in points.
const PER_ROW: usize = 120;
const BAR: f32 = 7.5;
const HEIGHT: f32 = 72.0;
const PITCH: f32 = 92.0;

/// Stacked bars in rows, or a line for each head, each row with the number of its first token.
fn bars_picture(picture: &mut Picture, tinted: &TintedTokens<'_>, looks: TokenLooks) {
    let are_lines = looks == TokenLooks::Lines;
    let (origin, top) = (Picture::origin(), heads_picture(picture, tinted));
    let gates = || (0..tinted.count()).flat_map(|index| tinted.gates.of(index)).copied();
    let most = if are_lines { gates().filter(|gate| gate.is_finite()).fold(f32::EPSILON, f32::max) } else { 1.0 };
    for first in (0..tinted.count()).step_by(PER_ROW) {
        let row = pos2(origin.x + 44.0, top + (first / PER_ROW) as f32 * PITCH);
        let seen = first..(first + PER_ROW).min(tinted.count());
        picture.text(row + vec2(-8.0, 12.0), Anchor::End, tinted.tokens.text_weak, LETTERS, (first + 1).to_string());
        if are_lines {
            lines_of_row(picture, tinted, (row, most), seen.clone());
        } else {
            bars_of_row(picture, tinted, row, seen.clone());
        }
        for index in seen.filter(|index| tinted.look(*index).is_underlined) {
            let left = row.x + (index - first) as f32 * BAR;
            let line = Rect::from_min_size(pos2(left, row.y + HEIGHT + 2.0), vec2(BAR, 2.0));
            picture.fill(line, tinted.tokens.text_strong);
        }
    }
}

fn bars_of_row(picture: &mut Picture, tinted: &TintedTokens<'_>, row: Pos2, seen: Range<usize>) {
    for (place, index) in seen.enumerate() {
        let mut bottom = row.y + HEIGHT;
        for (head, gate) in tinted.gates.of(index).iter().enumerate() {
            let part = HEIGHT * gate.clamp(0.0, 1.0);
            bottom -= part;
            let rect = Rect::from_min_size(pos2(row.x + place as f32 * BAR, bottom), vec2(BAR - 0.5, part));
            picture.fill(rect, tinted.tokens.head(head));
        }
    }
}

/// `most` is the gate at the upper edge.
fn lines_of_row(picture: &mut Picture, tinted: &TintedTokens<'_>, (row, most): (Pos2, f32), seen: Range<usize>) {
    for head in 0..tinted.gates.heads {
        let point = |(place, index): (usize, usize)| {
            let gate = tinted.gates.of(index).get(head).copied().filter(|gate| gate.is_finite()).unwrap_or(0.0);
            pos2(row.x + (place as f32 + 0.5) * BAR, row.y + HEIGHT * (1.0 - gate / most))
        };
        picture.line(seen.clone().enumerate().map(point).collect(), tinted.tokens.head(head));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adapter::{Module, Target};
    use crate::app::widgets::chart_export::{Figure, Shape};
    use crate::worker::protocol::{ModuleGates, TokenView};

    #[test]
    fn tokens_are_saved_with_all_their_gates() {
        let token = |text: &str, supervised| TokenView { text: text.into(), supervised };
        let gates = ModuleGates { module: Module { layer: 0, target: Target::Q }, gates: vec![0.75, 0.25, 0.4, 0.6] };
        let report = RoutingReport {
            title: "Test".into(),
            at: None,
            heads: 2,
            tokens: vec![token("a,b", false), token(" c", true)],
            modules: vec![gates],
        };
        let (mut view, names) = (RoutingView::default(), HeadNames::new(vec![Some("sums".into()), None]));
        view.update(1, &report, &mut Choice::default(), &names);
        let tokens = Tokens::of_theme(egui::Theme::Dark);
        let tinted = TintedTokens { report: &report, gates: &view.gates, tokens, names: &names };
        let export = TokensCard::default().export(ChartFormat::Csv, &report, &tinted);
        let Figure::Picture(picture) = export.figure else { panic!("a picture") };
        let lines: Vec<&str> = picture.table.lines().collect();
        assert_eq!(
            lines,
            [
                "token,text,supervised,leading head,Head 1 · sums,Head 2",
                "1,\"a,b\",false,1,0.75,0.25",
                "2, c,true,2,0.4,0.6"
            ]
        );
        for looks in [TokenLooks::Text, TokenLooks::Bars, TokenLooks::Lines] {
            let card = TokensCard { looks, ..TokensCard::default() };
            let Figure::Picture(picture) = card.export(ChartFormat::Svg, &report, &tinted).figure else {
                panic!("a picture")
            };
            assert!(picture.shapes.len() > 7, "{looks:?}: {} shapes", picture.shapes.len());
            let lines = picture.shapes.iter().filter(|shape| matches!(shape, Shape::Line { .. })).count();
            assert_eq!(lines, if looks == TokenLooks::Lines { 2 } else { 0 }, "{looks:?}: a line for each head");
        }
    }
}
