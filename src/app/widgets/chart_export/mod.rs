//! A figure as a file: its picture as PNG or SVG, as it stands on screen, or all its values as CSV. [`Figure`] holds what is
//! drawn, apart from the window, so that another thread may write it: a chart of lines as a [`ChartFigure`], any other as
//! a [`Picture`] made of shapes. Start at [`ChartExport`].

mod csv;
mod picture;
mod png;
mod svg;

use std::ops::RangeInclusive;
use std::path::Path;

use egui::containers::menu::MenuButton;
use egui::{Button, Color32, Ui};
use egui_plot::PlotPoint;

use crate::app::icons::Icon;
use crate::app::theme::{Tokens, size};
use crate::disk::{DiskError, write_atomic};

use super::axes::Pane;
use super::chart::{ChartLine, Look};
use super::chart_edges::{Edge, broken, clipped};
use super::chart_marks::{MarkKind, Marks, places};
use super::series::Sample;

pub use csv::cell as csv_cell;
pub use picture::{Anchor, Picture, Shape, text_width};

/// What a chart is saved as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ChartFormat {
    Png,
    Svg,
    Csv,
}

impl ChartFormat {
    /// Every format, in the order of the menu.
    pub const ALL: [ChartFormat; 3] = [Self::Png, Self::Svg, Self::Csv];

    /// The ending of its files.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Png => "png",
            Self::Svg => "svg",
            Self::Csv => "csv",
        }
    }

    /// What it is, for the menu and the file dialog.
    pub fn title(self) -> &'static str {
        match self {
            Self::Png => "Picture (PNG)",
            Self::Svg => "Drawing (SVG)",
            Self::Csv => "All values (CSV)",
        }
    }
}

/// Why a chart could not be saved.
#[derive(Debug, thiserror::Error)]
pub enum ChartExportError {
    /// The drawing could not be turned into pixels.
    #[error("the picture could not be drawn: {0}")]
    Draw(String),
    #[error(transparent)]
    Disk(#[from] DiskError),
}

/// What can be saved.
#[derive(Clone, Debug, PartialEq)]
pub enum Figure {
    /// Lines over the steps of a run.
    Chart(ChartFigure),
    /// Heat maps, strips and maps of points.
    Picture(Picture),
}

impl Figure {
    /// What it shows; the file is named after it.
    pub fn title(&self) -> &str {
        match self {
            Self::Chart(figure) => &figure.title,
            Self::Picture(picture) => &picture.title,
        }
    }

    /// What it is called in a sentence.
    pub fn noun(&self) -> &'static str {
        match self {
            Self::Chart(_) => "chart",
            Self::Picture(_) => "picture",
        }
    }

    fn drawing(&self) -> String {
        match self {
            Self::Chart(figure) => svg::draw(figure),
            Self::Picture(picture) => picture.drawing(),
        }
    }

    fn table(&self) -> String {
        match self {
            Self::Chart(figure) => csv::table(figure),
            Self::Picture(picture) => picture.table.clone(),
        }
    }
}

/// A figure that is to be saved.
#[derive(Clone, Debug, PartialEq)]
pub struct ChartExport {
    pub format: ChartFormat,
    pub figure: Figure,
}

impl ChartExport {
    /// Writes the file; a missing folder is made.
    ///
    /// # Errors
    /// When the picture cannot be drawn or anything fails on disk; `path` is then as it was.
    pub fn save(&self, path: &Path) -> Result<(), ChartExportError> {
        let bytes = self.bytes()?;
        if let Some(folder) = path.parent().filter(|folder| *folder != Path::new("")) {
            std::fs::create_dir_all(folder).map_err(DiskError::at("make the folder", folder))?;
        }
        Ok(write_atomic(path, &bytes)?)
    }

    fn bytes(&self) -> Result<Vec<u8>, ChartExportError> {
        match self.format {
            ChartFormat::Png => png::render(&self.figure.drawing()),
            ChartFormat::Svg => Ok(self.figure.drawing().into_bytes()),
            ChartFormat::Csv => Ok(self.figure.table().into_bytes()),
        }
    }
}

/// One line of a figure.
#[derive(Clone, Debug, PartialEq)]
pub struct FigureLine {
    pub name: String,
    pub color: Color32,
    pub look: Look,
    /// As drawn: neighbours are joined to their lowest and highest where there are many.
    pub points: Vec<PlotPoint>,
    /// Where values are that the line cannot show, each with its edge and colour.
    pub edges: Vec<(f64, Edge, Color32)>,
    /// Every value, for a table; none for a picture.
    pub samples: Vec<Sample>,
}

/// The colours that a figure needs beside those of its lines.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FigureColors {
    pub ground: Color32,
    pub grid: Color32,
    pub text_strong: Color32,
    pub text: Color32,
    pub text_weak: Color32,
}

/// Symbols of one kind along the bottom.
#[derive(Clone, Debug, PartialEq)]
pub struct FigureMarks {
    pub kind: MarkKind,
    pub color: Color32,
    /// In points from the left end of the plot.
    pub places: Vec<f32>,
}

/// A chart as it stood on screen, on its own.
#[derive(Clone, Debug, PartialEq)]
pub struct ChartFigure {
    pub title: String,
    pub pane: Pane,
    pub heights: RangeInclusive<f64>,
    pub lines: Vec<FigureLine>,
    pub marks: Vec<FigureMarks>,
    pub colors: FigureColors,
}

impl ChartFigure {
    /// What the prepared `lines` show within `pane` and `heights`, with what `format` needs.
    pub fn of(
        title: &str,
        format: ChartFormat,
        (pane, heights): (&Pane, &RangeInclusive<f64>),
        lines: &[ChartLine<'_>],
        marks: &Marks,
        tokens: &Tokens,
    ) -> Self {
        let line = |line: &ChartLine<'_>| {
            let beyond =
                clipped(line.series.points(), pane, heights).into_iter().map(|(x, at)| (x, at, tokens.text_weak));
            let broken = broken(line, pane).into_iter().map(|(x, at)| (x, at, tokens.error));
            FigureLine {
                name: line.name.to_owned(),
                color: line.color,
                look: line.look,
                points: line.series.points().to_vec(),
                edges: beyond.chain(broken).collect(),
                samples: if format == ChartFormat::Csv { line.series.samples().to_vec() } else { Vec::new() },
            }
        };
        let mark = |(kind, marks)| FigureMarks {
            kind,
            color: MarkKind::color(kind, tokens),
            places: places(marks, pane.axis, &pane.x, svg::PLOT_WIDTH),
        };
        Self {
            title: title.to_owned(),
            pane: pane.clone(),
            heights: heights.clone(),
            lines: lines.iter().filter(|line| !line.series.is_empty()).map(line).collect(),
            marks: marks.shown().map(mark).collect(),
            colors: FigureColors {
                ground: tokens.card,
                grid: tokens.chart_grid,
                text_strong: tokens.text_strong,
                text: tokens.text,
                text_weak: tokens.text_weak,
            },
        }
    }
}

/// A small button with a menu of formats. Gives back the one that was chosen.
pub fn save_menu(ui: &mut Ui, title: &str, is_enabled: bool) -> Option<ChartFormat> {
    let name = format!("Save {title} as…");
    let image = Icon::Download.image(size::ICON).alt_text(&name);
    let button = Button::image(image).image_tint_follows_text_color(true).frame_when_inactive(false);
    let mut chosen = None;
    ui.add_enabled_ui(is_enabled, |ui| {
        let (response, _) = MenuButton::from_button(button).ui(ui, |ui| {
            for format in ChartFormat::ALL {
                if ui.button(format!("{}…", format.title())).clicked() {
                    chosen = Some(format);
                }
            }
        });
        response.on_hover_text(name);
    });
    chosen
}

#[cfg(test)]
mod tests;
