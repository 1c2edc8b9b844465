//! A text as its tokens, each tinted, wrapped into rows like running text. Only the rows in view are drawn, and a long
//! text is measured over several frames, so that thousands of tokens cost no frame its time.

use std::ops::Range;

use egui::{
    self, Color32, FontId, Key, Rect, Response, Role, ScrollArea, Sense, Stroke, TextStyle, Ui, WidgetInfo, pos2, vec2,
};

use super::heat_panels::at;
use super::keys;
use crate::app::theme::{Tokens, size, space};

/// Tokens that are measured in one frame.
const MEASURED_PER_FRAME: usize = 1000;

/// Between two rows, and above and below a token's text.
const ROW_GAP: f32 = space::XS;
const PADDING: f32 = space::XXS;

/// How one token looks.
#[derive(Clone, Debug, PartialEq)]
pub struct TokenLook {
    /// The tint behind the text.
    pub fill: Color32,
    /// The colour of the text, where the usual would not read well on the tint.
    pub ink: Option<Color32>,
    pub is_underlined: bool,
}

/// The tokens of one text.
pub trait TokenSource {
    /// How many tokens there are.
    fn count(&self) -> usize;
    /// A token's text, as the model reads it.
    fn text(&self, index: usize) -> &str;
    /// How a token looks.
    fn look(&self, index: usize) -> TokenLook;
    /// What is shown for the token under the pointer, or that the arrow keys have reached.
    fn hover_ui(&self, ui: &mut Ui, index: usize);
    /// The same in words, for who cannot see it.
    fn in_words(&self, index: usize) -> String;
    /// What several tokens have in common, in a few words; empty where there is nothing to say.
    fn row_in_words(&self, range: Range<usize>) -> String;
}

/// Where a token stands in its row.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Place {
    left: f32,
    width: f32,
}

/// What a layout was made for.
#[derive(Clone, Debug, PartialEq)]
struct LayoutKey {
    revision: u64,
    width: f32,
    font: FontId,
    pixels_per_point: f32,
}

/// A layout of tokens in rows, as far as it has come.
#[derive(Debug, Default)]
struct Layout {
    places: Vec<Place>,
    rows: Vec<Range<usize>>,
    breaks_before_next: bool,
}

impl Layout {
    /// Sets the next token, `width` wide, into a row of at most `limit`. `ends_line` makes the one after it start a row.
    fn push(&mut self, width: f32, limit: f32, ends_line: bool) {
        let index = self.places.len();
        let width = width.min(limit);
        let left = self.places.last().map_or(0.0, |last| last.left + last.width);
        let starts_row = index == 0 || self.breaks_before_next || left + width > limit;
        let left = if starts_row { 0.0 } else { left };
        match self.rows.last_mut() {
            Some(row) if !starts_row => row.end = index + 1,
            _ => self.rows.push(index..index + 1),
        }
        self.places.push(Place { left, width });
        self.breaks_before_next = ends_line;
    }
}

impl Layout {
    /// The row that a token stands in.
    fn row_of(&self, index: usize) -> Option<usize> {
        let row = self.rows.partition_point(|row| row.end <= index);
        (row < self.rows.len()).then_some(row)
    }

    /// The token that `key` leads to from `from`: beside it, or in the row above or below at about the same place. The
    /// first key leads to the first token.
    fn moved(&self, from: Option<usize>, key: Key) -> Option<usize> {
        let last = self.places.len().checked_sub(1)?;
        let Some(from) = from else { return Some(0) };
        let beside = |row: Option<usize>| {
            let row = row.and_then(|row| self.rows.get(row))?;
            let left = self.places.get(from)?.left;
            row.clone().take_while(|index| self.places.get(*index).is_some_and(|place| place.left <= left)).last()
        };
        let row = self.row_of(from)?;
        let to = match key {
            Key::ArrowLeft => from.saturating_sub(1),
            Key::ArrowRight => from + 1,
            Key::ArrowUp => beside(row.checked_sub(1)).unwrap_or(from),
            Key::ArrowDown => beside(Some(row + 1)).unwrap_or(from),
            Key::Home => 0,
            Key::End => last,
            _ => from,
        };
        Some(to.min(last))
    }
}

/// The rows of a text, kept until the text or the room for it changes.
#[derive(Debug, Default)]
pub struct TokenStrip {
    key: Option<LayoutKey>,
    layout: Layout,
    /// The token that the arrow keys have reached, while the strip has focus.
    cursor: Option<usize>,
}

impl TokenStrip {
    /// Draws `tokens`, whose `revision` changes whenever their texts do, at most `height` high, wherever on a page that
    /// scrolls too.
    pub fn ui(&mut self, ui: &mut Ui, revision: u64, tokens: &dyn TokenSource, height: f32) {
        let font = TextStyle::Body.resolve(ui.style());
        let row_height = ui.fonts_mut(|fonts| fonts.row_height(&font)) + 2.0 * PADDING;
        let area = ScrollArea::vertical().id_salt("tokens").auto_shrink([false, true]).max_height(height);
        // Below what is in view of the page it would else shrink to a few rows.
        area.min_scrolled_height(height.min(ui.ctx().content_rect().height())).show_viewport(ui, |ui, viewport| {
            ui.spacing_mut().item_spacing.y = 0.0;
            self.measure(ui, revision, tokens, &font);
            let pitch = row_height + ROW_GAP;
            ui.set_height(pitch * self.layout.rows.len() as f32);
            let top = ui.max_rect().top();
            if let Some(row) = self.steer_by_keys(ui, tokens) {
                let min = pos2(ui.max_rect().left(), top + row as f32 * pitch);
                ui.scroll_to_rect(Rect::from_min_size(min, vec2(1.0, row_height)), None);
            }
            let first = (viewport.top() / pitch).floor().max(0.0) as usize;
            let last = ((viewport.bottom() / pitch).ceil().max(0.0) as usize).min(self.layout.rows.len());
            for row in first..last {
                let min = pos2(ui.max_rect().left(), top + row as f32 * pitch);
                let rect = Rect::from_min_size(min, vec2(ui.max_rect().width(), row_height));
                self.row_ui(ui, row, rect, tokens, &font);
            }
        });
    }

    /// Lets a strip that has focus be read token by token with the arrow keys. Gives back the row to scroll to, where the
    /// cursor moved.
    fn steer_by_keys(&mut self, ui: &Ui, tokens: &dyn TokenSource) -> Option<usize> {
        let id = ui.scope_id().with("cursor");
        let area = ui.max_rect().intersect(ui.clip_rect());
        let response = ui.interact(area, id, Sense::focusable_noninteractive());
        let has_focus = response.has_focus();
        if !has_focus {
            self.cursor = None;
        }
        let read = self.cursor.filter(|index| *index < tokens.count());
        response.widget_info(|| {
            let text =
                read.map_or_else(|| "Tokens; read them with the arrow keys".to_owned(), |at| tokens.in_words(at));
            WidgetInfo::labeled(Role::Group, true, text)
        });
        if !has_focus {
            return None;
        }
        let ring = Stroke::new(1.5, Tokens::of(ui).accent_text);
        ui.painter().rect_stroke(area, size::RADIUS_SMALL, ring, egui::StrokeKind::Inside);
        let moves = [Key::ArrowLeft, Key::ArrowRight, Key::ArrowUp, Key::ArrowDown, Key::Home, Key::End];
        let key = keys::taken(ui, id, &moves)?;
        let cursor = self.layout.moved(read, key)?;
        self.cursor = Some(cursor);
        ui.ctx().request_repaint();
        self.layout.row_of(cursor)
    }

    fn measure(&mut self, ui: &Ui, revision: u64, tokens: &dyn TokenSource, font: &FontId) {
        let limit = ui.max_rect().width() - space::M;
        let key =
            LayoutKey { revision, width: limit, font: font.clone(), pixels_per_point: ui.ctx().pixels_per_point() };
        if self.key.as_ref() != Some(&key) {
            self.key = Some(key);
            self.layout = Layout::default();
        }
        let done = self.layout.places.len();
        let end = tokens.count().min(done + MEASURED_PER_FRAME);
        for index in done..end {
            let text = tokens.text(index);
            let galley = ui.painter().layout_no_wrap(visible(text), font.clone(), Color32::PLACEHOLDER);
            self.layout.push(galley.size().x + 1.0, limit, text.ends_with('\n'));
        }
        if end < tokens.count() {
            ui.ctx().request_repaint();
        }
    }

    fn row_ui(&self, ui: &mut Ui, row: usize, rect: Rect, tokens: &dyn TokenSource, font: &FontId) {
        let Some(range) = self.layout.rows.get(row).cloned() else { return };
        // Of a strip inside a longer page only a part is in view.
        if !ui.is_rect_visible(rect) {
            return;
        }
        let response = ui.interact(rect, ui.scope_id().with(("row", row)), Sense::hover());
        let pointed = response.hover_pos().map(|at| at.x - rect.left());
        let mut under = None;
        let mut read = None;
        for index in range.clone() {
            let Some(place) = self.layout.places.get(index) else { continue };
            let is_pointed = pointed.is_some_and(|x| (place.left..place.left + place.width).contains(&x));
            let min = pos2(rect.left() + place.left, rect.top());
            let token = Rect::from_min_size(min, vec2(place.width, rect.height()));
            let is_read = self.cursor == Some(index);
            paint_token(ui, token, tokens, index, (font, is_pointed || is_read));
            if is_pointed {
                under = Some(index);
            }
            if is_read {
                read = Some((index, token));
            }
        }
        row_info(&response, tokens, range);
        if let Some(index) = under {
            response.on_hover_ui_at_pointer(|ui| tokens.hover_ui(ui, index));
        } else if let Some((index, rect)) = read {
            at(response, rect).show_tooltip_ui(|ui| tokens.hover_ui(ui, index));
        }
    }
}

fn row_info(response: &Response, tokens: &dyn TokenSource, range: Range<usize>) {
    response.widget_info(|| {
        let text: String = range.clone().map(|index| tokens.text(index)).collect();
        let more = tokens.row_in_words(range.clone());
        let text = text.trim_end();
        WidgetInfo::labeled(
            Role::Label,
            true,
            if more.is_empty() { text.to_owned() } else { format!("{text} ({more})") },
        )
    });
}

fn paint_token(ui: &Ui, rect: Rect, tokens: &dyn TokenSource, index: usize, (font, is_pointed): (&FontId, bool)) {
    let theme = Tokens::of(ui);
    let look = tokens.look(index);
    let painter = ui.painter().with_clip_rect(rect.expand(1.0).intersect(ui.clip_rect()));
    let tint = rect.shrink2(vec2(0.5, 0.0));
    painter.rect_filled(tint, size::RADIUS_SMALL, look.fill);
    let galley = painter.layout_no_wrap(visible(tokens.text(index)), font.clone(), Color32::PLACEHOLDER);
    painter.galley(rect.min + vec2(0.5, PADDING), galley, look.ink.unwrap_or(theme.text_strong));
    if look.is_underlined {
        painter.hline(tint.x_range(), rect.bottom() - 1.5, Stroke::new(1.5, theme.text_strong));
    }
    if is_pointed {
        painter.rect_stroke(tint, size::RADIUS_SMALL, Stroke::new(1.5, theme.text_strong), egui::StrokeKind::Inside);
    }
}

/// A token's text with what cannot be seen spelled out.
pub fn visible(text: &str) -> String {
    if text.is_empty() {
        // A part of a character that later tokens complete.
        return "·".to_owned();
    }
    let mut shown = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '\n' => shown.push_str("\\n"),
            '\r' => shown.push_str("\\r"),
            '\t' => shown.push_str("\\t"),
            // What stands for bytes that are no whole character; few fonts have a glyph for it.
            char::REPLACEMENT_CHARACTER => shown.push('·'),
            other if other.is_control() => shown.push_str(&format!("\\u{:x}", other as u32)),
            other => shown.push(other),
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    fn laid(widths: &[f32], limit: f32, line_ends: &[usize]) -> Layout {
        let mut layout = Layout::default();
        for (i, width) in widths.iter().enumerate() {
            layout.push(*width, limit, line_ends.contains(&i));
        }
        layout
    }

    #[test]
    fn tokens_wrap_where_the_row_is_full_and_after_a_line_end() {
        let layout = laid(&[40.0, 40.0, 40.0, 10.0, 10.0], 100.0, &[3]);
        assert_eq!(layout.rows, [0..2, 2..4, 4..5]);
        assert_eq!(layout.places[1], Place { left: 40.0, width: 40.0 });
        assert_eq!(layout.places[2].left, 0.0);
    }

    #[test]
    fn arrow_keys_lead_from_token_to_token_and_from_row_to_row() {
        let layout = laid(&[40.0, 40.0, 40.0, 10.0, 10.0], 100.0, &[3]);
        let path = [Key::ArrowDown, Key::ArrowRight, Key::ArrowDown, Key::ArrowRight, Key::ArrowDown, Key::ArrowUp];
        let mut at = None;
        let reached = path.map(|key| {
            at = layout.moved(at, key);
            at
        });
        assert_eq!(reached, [Some(0), Some(1), Some(3), Some(4), Some(4), Some(2)]);
        assert_eq!((layout.moved(Some(2), Key::End), layout.moved(Some(2), Key::Home)), (Some(4), Some(0)));
        assert_eq!(laid(&[], 100.0, &[]).moved(None, Key::End), None);
    }

    #[test]
    fn a_token_wider_than_the_row_takes_a_row_of_its_own() {
        let layout = laid(&[10.0, 500.0, 10.0], 100.0, &[]);
        assert_eq!(layout.rows, [0..1, 1..2, 2..3]);
        assert_eq!(layout.places[1].width, 100.0);
    }

    #[test]
    fn what_cannot_be_seen_is_spelled_out() {
        assert_eq!(visible(" a\n"), " a\\n");
        assert_eq!((visible("\t\u{1b}"), visible("")), ("\\t\\u1b".into(), "·".into()));
    }
}
