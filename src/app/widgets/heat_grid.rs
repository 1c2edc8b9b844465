//! A heat map of few rows and many columns, drawn as one texture: the cells of a [`HeatTable`] with their labels, the
//! value under the pointer, and a column that can be chosen.

use egui::{
    self, Align2, Color32, ColorImage, Rect, Role, Sense, Stroke, TextStyle, TextureHandle, TextureOptions, Ui, Vec2,
    WidgetInfo, pos2, vec2,
};

use crate::app::theme::{Tokens, space};

const ROW_HEIGHT: f32 = 24.0;
const CELL_WIDTH: std::ops::RangeInclusive<f32> = 4.0..=32.0;
const ROW_LABEL_WIDTH: f32 = 76.0;

/// Values of the cells, row after row.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HeatTable {
    pub rows: usize,
    pub columns: usize,
    /// `[rows, columns]`; NaN where there is none.
    pub values: Vec<f32>,
    /// The values that take the weakest and the strongest colour.
    pub span: (f32, f32),
}

impl HeatTable {
    /// The value of a cell, where there is one.
    pub fn value(&self, row: usize, column: usize) -> Option<f32> {
        if column >= self.columns {
            return None;
        }
        self.values.get(row * self.columns + column).copied().filter(|value| !value.is_nan())
    }

    fn share(&self, row: usize, column: usize) -> Option<f32> {
        self.value(row, column).map(|value| share_of(value, self.span))
    }
}

/// Where `value` stands between the ends of `span`, 0 to 1.
fn share_of(value: f32, (low, high): (f32, f32)) -> f32 {
    if high > low { ((value - low) / (high - low)).clamp(0.0, 1.0) } else { 0.0 }
}

/// A cell of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cell {
    pub row: usize,
    pub column: usize,
}

/// Names and colours around the cells.
pub struct HeatLabels<'a> {
    /// Name and colour of each row.
    pub row: &'a dyn Fn(usize) -> (String, Color32),
    /// What is said of the cell under the pointer.
    pub cell: &'a dyn Fn(Cell) -> String,
    /// The name under the columns.
    pub columns: &'a str,
    /// The whole picture in words.
    pub summary: &'a str,
}

/// The texture of a table, kept until the table or the theme changes.
#[derive(Default)]
pub struct HeatGrid {
    texture: Option<TextureHandle>,
    /// The revision and the theme that the texture shows.
    shown: Option<(u64, bool)>,
}

impl HeatGrid {
    /// Draws `table`, whose `revision` changes whenever its values do, with the column `chosen` outlined. Gives back the
    /// column that was clicked.
    pub fn ui(
        &mut self,
        ui: &mut Ui,
        (revision, table): (u64, &HeatTable),
        labels: &HeatLabels<'_>,
        chosen: Option<usize>,
    ) -> Option<usize> {
        if table.rows == 0 || table.columns == 0 {
            return None;
        }
        let texture = self.texture(ui, revision, table);
        let width = (ui.available_width() - ROW_LABEL_WIDTH - space::S) / table.columns as f32;
        let cell = vec2(width.clamp(*CELL_WIDTH.start(), *CELL_WIDTH.end()), ROW_HEIGHT);
        let grid = vec2(cell.x * table.columns as f32, cell.y * table.rows as f32);
        let footer = ui.text_style_height(&TextStyle::Small) * 2.0 + space::S;
        let (rect, response) = ui.allocate_exact_size(grid + vec2(ROW_LABEL_WIDTH + space::S, footer), Sense::click());
        let cells = Rect::from_min_size(rect.min + vec2(ROW_LABEL_WIDTH + space::S, 0.0), grid);
        let uv = Rect::from_min_max(pos2(0.0, 0.0), pos2(1.0, 1.0));
        ui.painter().image(texture, cells, uv, Color32::WHITE);
        paint_lines(ui, cells, cell, table);
        paint_labels(ui, cells, cell, table, labels);
        if let Some(column) = chosen {
            outline(ui, column_rect(cells, cell, column));
        }
        response.widget_info(|| WidgetInfo::labeled(Role::Image, true, labels.summary));
        let under = response.hover_pos().and_then(|at| cell_at(at, cells, cell, table));
        let clicked = response.clicked().then_some(under).flatten().map(|cell| cell.column);
        if let Some(under) = under {
            let hover =
                Rect::from_min_size(cells.min + vec2(under.column as f32 * cell.x, under.row as f32 * cell.y), cell);
            outline(ui, hover);
            response.on_hover_cursor(egui::CursorIcon::PointingHand).on_hover_ui_at_pointer(|ui| {
                ui.label((labels.cell)(under));
            });
        }
        clicked
    }

    fn texture(&mut self, ui: &Ui, revision: u64, table: &HeatTable) -> egui::TextureId {
        let key = (revision, ui.visuals().dark_mode);
        if self.shown != Some(key) {
            self.texture = None;
            self.shown = Some(key);
        }
        self.texture
            .get_or_insert_with(|| ui.ctx().load_texture("heat grid", picture(ui, table), TextureOptions::NEAREST))
            .id()
    }
}

/// One pixel for each cell.
fn picture(ui: &Ui, table: &HeatTable) -> ColorImage {
    let tokens = Tokens::of(ui);
    // A texture has a largest side: columns beyond it, which no known model has, share pixels.
    let columns = table.columns.min(ui.input(|input| input.max_texture_side)).max(1);
    let rows = table.rows;
    let color = |row: usize, pixel: usize| {
        let share = table.share(row, pixel * table.columns / columns);
        share.map_or(tokens.well, |share| tokens.heat(share))
    };
    let pixels = (0..rows).flat_map(|row| (0..columns).map(move |pixel| (row, pixel))).map(|(r, p)| color(r, p));
    ColorImage::new([columns, rows], pixels.collect())
}

fn paint_lines(ui: &Ui, cells: Rect, cell: Vec2, table: &HeatTable) {
    let gap = Stroke::new(1.0, Tokens::of(ui).card);
    for row in 1..table.rows {
        ui.painter().hline(cells.x_range(), cells.top() + row as f32 * cell.y, gap);
    }
    if cell.x >= 8.0 {
        for column in 1..table.columns {
            ui.painter().vline(cells.left() + column as f32 * cell.x, cells.y_range(), gap);
        }
    }
}

fn paint_labels(ui: &Ui, cells: Rect, cell: Vec2, table: &HeatTable, labels: &HeatLabels<'_>) {
    let tokens = Tokens::of(ui);
    let small = TextStyle::Small.resolve(ui.style());
    let painter = ui.painter();
    for row in 0..table.rows {
        let middle = cells.top() + (row as f32 + 0.5) * cell.y;
        let (name, color) = (labels.row)(row);
        let swatch = Rect::from_center_size(pos2(cells.left() - ROW_LABEL_WIDTH, middle), Vec2::splat(10.0));
        painter.rect_filled(swatch, 2.0, color);
        let at = pos2(swatch.right() + space::XS + 2.0, middle);
        painter.text(at, Align2::LEFT_CENTER, name, small.clone(), tokens.text);
    }
    let below = cells.bottom() + space::XS;
    for column in labelled_columns(table.columns, cell.x) {
        let center = cells.left() + (column as f32 + 0.5) * cell.x;
        painter.text(pos2(center, below), Align2::CENTER_TOP, column + 1, small.clone(), tokens.text_weak);
    }
    let at = pos2(cells.left(), below + small.size + space::XS);
    painter.text(at, Align2::LEFT_TOP, labels.columns, small, tokens.text_weak);
}

/// The columns that are named: the first, and those whose number, counted from 1, is a multiple of the smallest round
/// step that leaves room for its digits.
fn labelled_columns(columns: usize, width: f32) -> impl Iterator<Item = usize> {
    let step = [1, 2, 5, 10, 20, 50, 100].into_iter().find(|step| *step as f32 * width >= 24.0).unwrap_or(200);
    (0..columns).filter(move |column| step == 1 || *column == 0 || (column + 1).is_multiple_of(step))
}

fn outline(ui: &Ui, rect: Rect) {
    let tokens = Tokens::of(ui);
    ui.painter().rect_stroke(rect, 2.0, Stroke::new(2.0, tokens.text_strong), egui::StrokeKind::Outside);
}

fn column_rect(cells: Rect, cell: Vec2, column: usize) -> Rect {
    Rect::from_min_size(cells.min + vec2(column as f32 * cell.x, 0.0), vec2(cell.x, cells.height()))
}

fn cell_at(at: egui::Pos2, cells: Rect, cell: Vec2, table: &HeatTable) -> Option<Cell> {
    let from = at - cells.min;
    if from.x < 0.0 || from.y < 0.0 {
        return None;
    }
    let found = Cell { row: (from.y / cell.y) as usize, column: (from.x / cell.x) as usize };
    (found.row < table.rows && found.column < table.columns).then_some(found)
}

/// The colours of a heat map over `span`, with `mark` named on the way.
pub fn heat_scale_ui(ui: &mut Ui, span: (f32, f32), mark: (f32, &str)) {
    const WIDTH: f32 = 200.0;
    const BAR: f32 = 10.0;
    let tokens = Tokens::of(ui);
    let small = TextStyle::Small.resolve(ui.style());
    let height = BAR + space::XS + small.size + 2.0;
    let (rect, response) = ui.allocate_exact_size(vec2(WIDTH, height), Sense::hover());
    let bar = Rect::from_min_size(rect.min, vec2(WIDTH, BAR));
    let mut mesh = egui::Mesh::default();
    let stops = tokens.heat.len();
    for (i, color) in tokens.heat.into_iter().enumerate() {
        let x = egui::lerp(bar.x_range(), i as f32 / (stops - 1) as f32);
        mesh.colored_vertex(pos2(x, bar.top()), color);
        mesh.colored_vertex(pos2(x, bar.bottom()), color);
        if i > 0 {
            let corner = 2 * i as u32;
            mesh.add_triangle(corner - 2, corner - 1, corner);
            mesh.add_triangle(corner - 1, corner, corner + 1);
        }
    }
    ui.painter().add(mesh);
    ui.painter().rect_stroke(bar, 0.0, Stroke::new(1.0, tokens.border_strong), egui::StrokeKind::Inside);
    let (value, name) = mark;
    let text = |x: f32, align: Align2, text: String| {
        ui.painter().text(pos2(x, bar.bottom() + space::XS), align, text, small.clone(), tokens.text_weak);
    };
    let (low, high) = span;
    text(bar.left(), Align2::LEFT_TOP, end_label(low));
    text(bar.right(), Align2::RIGHT_TOP, end_label(high));
    let share = share_of(value, span);
    let x = egui::lerp(bar.x_range(), share);
    ui.painter().vline(x, bar.y_range().expand(2.0), Stroke::new(2.0, tokens.text_strong));
    if (0.25..0.75).contains(&share) {
        text(x, Align2::CENTER_TOP, name.to_owned());
    }
    response.widget_info(|| {
        let ends = format!("Colours from {} to {}", end_label(low), end_label(high));
        WidgetInfo::labeled(Role::Image, true, format!("{ends}; {name}"))
    });
}

fn end_label(value: f32) -> String {
    if value == 0.0 { "0".to_owned() } else { format!("{value:.2}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> HeatTable {
        HeatTable { rows: 2, columns: 3, values: vec![0.1, 0.2, 0.3, 0.4, f32::NAN, 0.6], span: (0.0, 0.5) }
    }

    #[test]
    fn a_cell_is_found_by_row_and_column_and_nothing_beside_the_table() {
        let table = table();
        assert_eq!(table.value(1, 0), Some(0.4));
        assert_eq!((table.value(1, 1), table.value(0, 3), table.value(2, 0)), (None, None, None));
    }

    #[test]
    fn the_pointer_finds_its_cell() {
        let cells = Rect::from_min_size(pos2(100.0, 50.0), vec2(30.0, 40.0));
        let at = |x, y| cell_at(pos2(x, y), cells, vec2(10.0, 20.0), &table());
        assert_eq!(at(125.0, 75.0), Some(Cell { row: 1, column: 2 }));
        assert_eq!((at(99.0, 60.0), at(131.0, 60.0), at(110.0, 91.0)), (None, None, None));
    }

    #[test]
    fn columns_are_named_as_far_as_there_is_room() {
        let named = |columns, width| labelled_columns(columns, width).map(|c| c + 1).collect::<Vec<_>>();
        assert_eq!(named(4, 30.0), [1, 2, 3, 4]);
        assert_eq!(named(12, 8.0), [1, 5, 10]);
        assert_eq!(named(3, 0.1), [1]);
    }
}
