//! A list of equally high rows that may be millions: only those in view are drawn, and the place is kept as a number of
//! rows, since a million rows in points are more than an f32 tells apart.

use egui::{Event, EventFilter, Id, Key, Rect, Response, Sense, Ui, UiBuilder, pos2, vec2};

use crate::app::theme::{Tokens, size};

/// Width of the bar at the right.
const BAR: f32 = 10.0;
const SHORTEST_HANDLE: f32 = 24.0;

/// Where a list stands.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct RowList {
    /// The first row in view, with the part of it that is above.
    top: f64,
    /// The chosen row.
    pub chosen: Option<usize>,
}

/// What a list needs to know of its rows.
pub struct RowListOptions<'a> {
    /// Names the list for screen readers.
    pub name: &'a str,
    pub rows: usize,
    pub row_height: f32,
    pub height: f32,
}

impl RowList {
    /// The rows in view in a list of so many rows and this height.
    pub fn view(&self, options: &RowListOptions<'_>) -> std::ops::Range<usize> {
        let first = self.top.floor() as usize;
        let count = (options.height / options.row_height).ceil() as usize + 1;
        first.min(options.rows)..(first + count).min(options.rows)
    }

    /// Draws the rows in view with `row`, which is given the place of each and whether it is chosen, and says whether it
    /// was pressed. Gives back whether another row was chosen.
    pub fn ui(
        &mut self,
        ui: &mut Ui,
        options: &RowListOptions<'_>,
        mut row: impl FnMut(&mut Ui, usize, bool) -> Response,
    ) -> bool {
        let before = self.chosen;
        // The last row may have gone.
        self.chosen = self.chosen.map(|row| row.min(options.rows.saturating_sub(1)));
        let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), options.height), Sense::click());
        response.widget_info(|| {
            let text = format!("{}, {} rows", options.name, options.rows);
            egui::WidgetInfo::labeled(egui::Role::List, ui.is_enabled(), text)
        });
        if response.clicked() {
            response.request_focus();
        }
        self.scroll(ui, rect, options);
        self.keys(ui, &response, options);
        let most = (options.rows as f64 - f64::from(options.height / options.row_height)).max(0.0);
        self.top = self.top.clamp(0.0, most);
        let lines = Rect::from_min_max(rect.min, pos2(rect.right() - BAR - 2.0, rect.bottom()));
        let mut inside = ui.new_child(UiBuilder::new().max_rect(lines).id_salt("rows"));
        inside.set_clip_rect(lines.intersect(ui.clip_rect()));
        for place in self.view(options) {
            let y = lines.top() + ((place as f64 - self.top) * f64::from(options.row_height)) as f32;
            let line = Rect::from_min_size(pos2(lines.left(), y), vec2(lines.width(), options.row_height));
            let mut ui = inside.new_child(UiBuilder::new().max_rect(line).id_salt(place));
            if row(&mut ui, place, self.chosen == Some(place)).clicked() {
                self.chosen = Some(place);
                response.request_focus();
            }
        }
        self.bar(ui, rect, options, most);
        if response.has_focus() {
            let stroke = ui.visuals().selection.stroke;
            ui.painter().rect_stroke(rect, size::RADIUS, stroke, egui::StrokeKind::Inside);
        }
        before != self.chosen
    }

    /// Brings a row into view.
    fn show(&mut self, row: usize, options: &RowListOptions<'_>) {
        let fit = f64::from(options.height / options.row_height);
        let row = row as f64;
        self.top = self.top.clamp((row + 1.0 - fit).min(row), row);
    }

    fn scroll(&mut self, ui: &Ui, rect: Rect, options: &RowListOptions<'_>) {
        let fits = options.rows as f32 * options.row_height <= options.height;
        if fits || !ui.rect_contains_pointer(rect) {
            return;
        }
        let moved = ui.input(|input| input.smooth_scroll_delta().y);
        let most = (options.rows as f64 - f64::from(options.height / options.row_height)).max(0.0);
        let wanted = self.top - f64::from(moved / options.row_height);
        // At its ends the list leaves the wheel to the page.
        if moved != 0.0 && (self.top - wanted.clamp(0.0, most)).abs() > 1e-9 {
            self.top = wanted;
            ui.input_mut(|input| input.events.retain(|event| !matches!(event, Event::MouseWheel { .. })));
            ui.input_mut(|input| input.smooth_scroll_delta.y = 0.0);
        }
    }

    fn keys(&mut self, ui: &Ui, response: &Response, options: &RowListOptions<'_>) {
        if !response.has_focus() || options.rows == 0 {
            return;
        }
        let filter = EventFilter { vertical_arrows: true, ..EventFilter::default() };
        ui.memory_mut(|memory| memory.set_focus_lock_filter(response.id, filter));
        let page = ((options.height / options.row_height) as usize).saturating_sub(1).max(1);
        let last = options.rows - 1;
        let at = self.chosen.unwrap_or_default().min(last);
        let moved = ui.input(|input| {
            let pressed = |key: Key| input.key_pressed(key);
            match () {
                () if pressed(Key::ArrowDown) => Some(self.chosen.map_or(0, |_| (at + 1).min(last))),
                () if pressed(Key::ArrowUp) => Some(at.saturating_sub(1)),
                () if pressed(Key::PageDown) => Some((at + page).min(last)),
                () if pressed(Key::PageUp) => Some(at.saturating_sub(page)),
                () if pressed(Key::Home) => Some(0),
                () if pressed(Key::End) => Some(last),
                () => None,
            }
        });
        if let Some(row) = moved {
            self.chosen = Some(row);
            self.show(row, options);
        }
    }

    fn bar(&mut self, ui: &Ui, rect: Rect, options: &RowListOptions<'_>, most: f64) {
        if most <= 0.0 {
            return;
        }
        let tokens = Tokens::of(ui);
        let track = Rect::from_min_max(pos2(rect.right() - BAR, rect.top() + 2.0), rect.max - vec2(0.0, 2.0));
        let fit = f64::from(options.height / options.row_height);
        let length = (track.height() * (fit / options.rows as f64) as f32).max(SHORTEST_HANDLE);
        let room = f64::from(track.height() - length);
        let id: Id = ui.scope_id().with((options.name, "bar"));
        let response = ui.interact(track, id, Sense::click_and_drag());
        if let Some(pointer) = response.interact_pointer_pos() {
            let middle = f64::from(pointer.y - track.top()) - f64::from(length) / 2.0;
            self.top = (middle / room * most).clamp(0.0, most);
        }
        let y = track.top() + (self.top / most * room) as f32;
        let handle = Rect::from_min_size(pos2(track.left() + 2.0, y), vec2(BAR - 4.0, length));
        let color = if response.hovered() || response.dragged() { tokens.text_weak } else { tokens.border_strong };
        ui.painter().rect_filled(handle, size::RADIUS_SMALL, color);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(rows: usize) -> RowListOptions<'static> {
        RowListOptions { name: "rows", rows, row_height: 28.0, height: 280.0 }
    }

    #[test]
    fn a_few_rows_are_in_view_wherever_the_list_stands() {
        let list = RowList { top: 999_990.0, chosen: None };
        assert_eq!(list.view(&options(1_000_000)), 999_990..1_000_000);
        assert_eq!(RowList::default().view(&options(3)), 0..3);
        assert_eq!(RowList { top: 4.5, chosen: None }.view(&options(100)), 4..15);
    }

    #[test]
    fn a_row_is_brought_into_view_by_the_shortest_way() {
        let mut list = RowList::default();
        list.show(10, &options(100));
        assert_eq!(list.top, 1.0);
        list.show(5, &options(100));
        assert_eq!(list.top, 1.0);
        list.show(0, &options(100));
        assert_eq!(list.top, 0.0);
    }
}
