//! Heat maps side by side, of the same rows and columns each, drawn as one texture: a layer × head grid with a panel for
//! each kind of module, or a single matrix. Values are read by pointer and by arrow keys; cells and rows can be picked.
//! `scale.rs` gives values their colours, `layout.rs` places, `paint.rs` draws, `figure.rs` makes a file of it.

mod figure;
mod layout;
mod paint;
mod scale;

use egui::{Color32, Key, Pos2, Rect, Response, Role, Sense, TextureHandle, Ui, WidgetInfo};

use crate::app::widgets::keys;

pub use figure::{picture, table};
pub use scale::{Scale, scale_ui};

use layout::Layout;

/// Values of the cells of every panel.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PanelTable {
    pub panels: usize,
    pub rows: usize,
    pub columns: usize,
    /// `[panels, rows, columns]`; NaN where there is none.
    pub values: Vec<f32>,
    pub scale: Scale,
}

impl PanelTable {
    /// The value of a cell, where there is one.
    pub fn value(&self, place: Place) -> Option<f32> {
        if place.panel >= self.panels || place.row >= self.rows || place.column >= self.columns {
            return None;
        }
        let index = (place.panel * self.rows + place.row) * self.columns + place.column;
        self.values.get(index).copied().filter(|value| !value.is_nan())
    }

    /// Whether there is no cell at all.
    pub fn is_empty(&self) -> bool {
        self.panels == 0 || self.rows == 0 || self.columns == 0
    }
}

/// A cell of a panel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place {
    pub panel: usize,
    pub row: usize,
    pub column: usize,
}

impl Place {
    /// Where an arrow key leads: over a panel's edge into the next one.
    fn moved(self, key: Key, table: &PanelTable) -> Self {
        let (row_end, column_end) = (table.rows.saturating_sub(1), table.columns.saturating_sub(1));
        let along = self.panel * table.columns + self.column;
        let at = |along: usize, row: usize| {
            let along = along.min((table.panels * table.columns).saturating_sub(1));
            let columns = table.columns.max(1);
            Self { panel: along / columns, row, column: along % columns }
        };
        match key {
            Key::ArrowLeft => at(along.saturating_sub(1), self.row),
            Key::ArrowRight => at(along + 1, self.row),
            Key::ArrowUp => Self { row: self.row.saturating_sub(1), ..self },
            Key::ArrowDown => Self { row: (self.row + 1).min(row_end), ..self },
            Key::Home => Self { panel: 0, column: 0, ..self },
            Key::End => Self { panel: table.panels.saturating_sub(1), column: column_end, ..self },
            _ => self,
        }
    }
}

/// What the user picked by a click, or by Enter under the cursor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Picked {
    Cell(Place),
    /// The name of a row.
    Row(usize),
}

/// A name with the colour that stands for it, where one does.
pub type Named = (String, Option<Color32>);

/// Names around the cells, and what is said of them.
pub struct PanelLabels<'a> {
    /// Tells the picture from others beside it.
    pub id: &'a str,
    /// The name above a panel; empty where there is but one.
    pub panel: &'a dyn Fn(usize) -> String,
    pub row: &'a dyn Fn(usize) -> Named,
    /// The short name below a column.
    pub column: &'a dyn Fn(usize) -> Named,
    /// What is said of the cell that is pointed at.
    pub cell: &'a dyn Fn(Place) -> String,
    /// A value as it stands inside its cell, where cells are large enough; alone up to its first space where they are not
    /// large enough for all of it.
    pub figure: &'a dyn Fn(Place, f32) -> String,
    /// What the rows are.
    pub rows: &'a str,
    /// What is picked by a click, for the tooltip's last line; empty where nothing is.
    pub hint: &'a str,
    /// The whole picture in words.
    pub summary: &'a str,
    /// Widest that a cell grows.
    pub widest: f32,
}

/// What is outlined as chosen: a row of all panels, or of one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Chosen {
    pub panel: Option<usize>,
    pub row: Option<usize>,
}

/// The texture of a table, kept until the table or the theme changes, and the cell that the arrow keys have reached.
#[derive(Default)]
pub struct HeatPanels {
    texture: Option<TextureHandle>,
    /// The revision and the theme that the texture shows.
    shown: Option<(u64, bool)>,
    /// Set while the picture has focus.
    cursor: Option<Place>,
}

impl HeatPanels {
    /// Draws `table`, whose `revision` changes whenever its values or colours do. Gives back what was picked.
    pub fn ui(
        &mut self,
        ui: &mut Ui,
        (revision, table): (u64, &PanelTable),
        labels: &PanelLabels<'_>,
        chosen: Chosen,
    ) -> Option<Picked> {
        if table.is_empty() {
            return None;
        }
        let texture = self.texture(ui, revision, table);
        let layout = Layout::new(ui, table, labels);
        let scroll = egui::ScrollArea::horizontal().id_salt(labels.id).auto_shrink([false, true]);
        // Wide adapters have more cells than a narrow window has room for.
        scroll
            .show(ui, |ui| {
                let (rect, response) = ui.allocate_exact_size(layout.size(), Sense::click());
                let layout = layout.at(rect.min);
                let under = response.hover_pos().and_then(|at| layout.cell_at(at));
                let is_moved = self.steer_by_keys(ui, &response, table);
                if ui.is_rect_visible(rect) {
                    paint::panels(ui, texture, table, &layout, labels);
                    paint::chosen(ui, &layout, table, chosen);
                }
                response.widget_info(|| WidgetInfo::labeled(Role::Image, true, self.words(labels)));
                let picked = self.picked(&response, &layout, under);
                self.read_out(ui, response, &layout, labels, (under, is_moved));
                picked
            })
            .inner
    }

    fn words(&self, labels: &PanelLabels<'_>) -> String {
        self.cursor.map_or_else(|| labels.summary.to_owned(), |cursor| (labels.cell)(cursor))
    }

    fn picked(&self, response: &Response, layout: &Layout, under: Option<Place>) -> Option<Picked> {
        if response.clicked_by(egui::PointerButton::Primary) {
            let row = |at: Pos2| layout.row_label_at(at).map(Picked::Row);
            return under.map(Picked::Cell).or_else(|| response.interact_pointer_pos().and_then(row));
        }
        response.clicked().then_some(self.cursor).flatten().map(Picked::Cell)
    }

    /// Moves the cursor of a picture that has focus. Gives back whether it moved in this frame.
    fn steer_by_keys(&mut self, ui: &Ui, response: &Response, table: &PanelTable) -> bool {
        if !response.has_focus() {
            self.cursor = None;
            return false;
        }
        let moves = [Key::ArrowLeft, Key::ArrowRight, Key::ArrowUp, Key::ArrowDown, Key::Home, Key::End];
        let Some(key) = keys::taken(ui, response.id, &moves) else { return false };
        // The first key leads to the first cell; a table that shrank takes the cursor back in.
        let moved = self.cursor.map_or(Place::default(), |cursor| cursor.moved(key, table));
        let within =
            |place: Place| place.panel < table.panels && place.row < table.rows && place.column < table.columns;
        self.cursor = Some(if within(moved) { moved } else { Place::default() });
        ui.ctx().request_repaint();
        true
    }

    /// Shows what is said of the cell under the pointer, or under the cursor.
    fn read_out(
        &self,
        ui: &Ui,
        response: Response,
        layout: &Layout,
        labels: &PanelLabels<'_>,
        (under, is_moved): (Option<Place>, bool),
    ) {
        if response.has_focus() {
            paint::outline(ui, response.rect.shrink(1.0));
        }
        let told = |ui: &mut Ui, place: Place| {
            ui.label((labels.cell)(place));
            if !labels.hint.is_empty() {
                ui.weak(labels.hint);
            }
        };
        if let Some(place) = self.cursor {
            let cell = layout.cell(place);
            paint::outline(ui, cell);
            if is_moved {
                ui.scroll_to_rect(cell, None);
            }
            if under.is_none() {
                at(response, cell).show_tooltip_ui(|ui| told(ui, place));
                return;
            }
        }
        if let Some(place) = under {
            paint::outline(ui, layout.cell(place));
            let response = if labels.hint.is_empty() {
                response
            } else {
                response.on_hover_cursor(egui::CursorIcon::PointingHand)
            };
            response.on_hover_ui_at_pointer(|ui| told(ui, place));
        }
    }

    fn texture(&mut self, ui: &Ui, revision: u64, table: &PanelTable) -> egui::TextureId {
        let key = (revision, ui.visuals().dark_mode);
        if self.shown != Some(key) {
            self.texture = None;
            self.shown = Some(key);
        }
        let options = egui::TextureOptions::NEAREST;
        self.texture.get_or_insert_with(|| ui.ctx().load_texture("heat panels", paint::pixels(ui, table), options)).id()
    }
}

/// The response of a part of a picture, beside which a tooltip belongs.
pub(super) fn at(response: Response, part: Rect) -> Response {
    Response { interact_rect: part, ..response.with_new_rect(part) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> PanelTable {
        let values = (0..12).map(|i| i as f32).collect();
        PanelTable { panels: 2, rows: 2, columns: 3, values, ..PanelTable::default() }
    }

    #[test]
    fn a_cell_is_found_by_panel_row_and_column_and_nothing_beside_the_table() {
        let place = |panel, row, column| Place { panel, row, column };
        let mut table = table();
        table.values[4] = f32::NAN;
        assert_eq!(table.value(place(1, 0, 2)), Some(8.0));
        assert_eq!(table.value(place(0, 1, 1)), None);
        assert_eq!((table.value(place(0, 2, 0)), table.value(place(0, 0, 3))), (None, None));
    }

    #[test]
    fn arrow_keys_walk_every_cell_and_over_the_edge_into_the_next_panel() {
        let table = table();
        let keys =
            [Key::End, Key::ArrowLeft, Key::ArrowLeft, Key::ArrowLeft, Key::ArrowDown, Key::ArrowDown, Key::Home];
        let mut at = Place::default();
        let path = keys.map(|key| {
            at = at.moved(key, &table);
            (at.panel, at.row, at.column)
        });
        assert_eq!(path, [(1, 0, 2), (1, 0, 1), (1, 0, 0), (0, 0, 2), (0, 1, 2), (0, 1, 2), (0, 1, 0)]);
        assert_eq!(
            Place { panel: 1, row: 0, column: 2 }.moved(Key::ArrowRight, &table).column,
            2,
            "the end is the end"
        );
    }
}
