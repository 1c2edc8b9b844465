//! The gates of the heads for one token, as shown under the pointer, their means in a row, and which heads lead several
//! tokens, in words.

use std::collections::BTreeMap;

use egui::{Color32, TextStyle, Ui};

use crate::app::theme::{Tokens, size, space};

use super::figures::{count, percent};
use super::legend::{Swatch, legend_row, swatch_label};

/// A gate's bar at full length, and the room of a swatch and a gate's figures beside a name.
const BAR: f32 = 120.0;
const BESIDE_NAME: f32 = 60.0;

/// Draws a line for each gate: the head's colour and name, the figure, and a bar, all bars in one column.
pub fn gates_ui(ui: &mut Ui, gates: &[f32], title: &dyn Fn(usize) -> String) {
    let (tokens, small) = (Tokens::of(ui), TextStyle::Small.resolve(ui.style()));
    let names: Vec<String> = (0..gates.len()).map(title).collect();
    let width = |name: &String| ui.painter().layout_no_wrap(name.clone(), small.clone(), Color32::PLACEHOLDER).size().x;
    let widest = names.iter().map(width).fold(0.0, f32::max);
    ui.spacing_mut().interact_size.y = ui.text_style_height(&TextStyle::Small) + space::XS;
    for ((head, gate), name) in gates.iter().enumerate().zip(&names) {
        let color = tokens.head(head);
        ui.horizontal(|ui| {
            let label = swatch_label(ui, Swatch::Square, color, &format!("{name} {gate:.3}"));
            ui.add_space((widest + BESIDE_NAME - label.rect.width()).max(space::XS));
            let (rect, _) = ui.allocate_exact_size(egui::vec2(BAR, 8.0), egui::Sense::hover());
            ui.painter().rect_filled(rect, size::RADIUS_SMALL, tokens.control);
            let filled = egui::Rect::from_min_size(rect.min, egui::vec2(BAR * gate.clamp(0.0, 1.0), rect.height()));
            ui.painter().rect_filled(filled, size::RADIUS_SMALL, color);
        });
    }
}

/// Draws the heads in their colours with their mean gates; `hint` says what the means are over.
pub fn loads_ui(ui: &mut Ui, loads: &[f32], title: &dyn Fn(usize) -> String, hint: &str) {
    let tokens = Tokens::of(ui);
    legend_row(ui, |ui| {
        for (head, load) in loads.iter().enumerate() {
            let text = format!("{} {}", title(head), percent((*load).into()));
            swatch_label(ui, Swatch::Square, tokens.head(head), &text).on_hover_text(hint);
        }
    });
}

/// The heads that lead some tokens with how many each leads, most first: `Head 2 leads 5, Head 1 leads 2`.
pub fn leaders_in_words(leaders: impl Iterator<Item = usize>, title: &dyn Fn(usize) -> String) -> String {
    let mut led = BTreeMap::<usize, usize>::new();
    leaders.for_each(|head| *led.entry(head).or_default() += 1);
    let mut led: Vec<(usize, usize)> = led.into_iter().collect();
    led.sort_by_key(|(_, tokens)| std::cmp::Reverse(*tokens));
    led.iter().map(|(head, led)| format!("{} leads {}", title(*head), count(*led))).collect::<Vec<_>>().join(", ")
}
