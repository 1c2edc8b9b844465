//! The examples in the plane: one colour for each topic.

use std::fmt::Write as _;
use std::sync::Arc;

use egui::{Color32, Ui};

use super::chosen::chosen_ui;
use super::words;
use crate::app::pages::{PageContext, job_ui};
use crate::app::theme::{Tokens, space};
use crate::app::widgets::buttons;
use crate::app::widgets::card::card_with_actions;
use crate::app::widgets::chart_export::{ChartExport, ChartFormat, csv_cell, save_menu};
use crate::app::widgets::figures::{count, in_one_line, percent};
use crate::app::widgets::legend::{Swatch, color_round, legend_row, swatch_label};
use crate::app::widgets::point_cloud::{CloudAction, CloudDots, PointCloud};
use crate::app::widgets::point_map::{self, MapDot, MapLabels, Mark};
use crate::worker::protocol::{JobKind, TopicBoard, TopicOpinion, TopicsReport};

/// Letters of a topic's name in the legend.
const LETTERS: usize = 36;
/// Topics that the legend names.
const NAMED: usize = 16;
/// What is left of the colour of an example that is not chosen, where some are.
const FADED: f32 = 0.18;

/// How examples are laid out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Layout {
    #[default]
    Tsne,
    Principal,
}

/// What colours mean.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Coloring {
    #[default]
    Topics,
    Density,
}

/// The card with how the map is looked at.
#[derive(Default)]
pub struct MapCard {
    layout: Layout,
    coloring: Coloring,
    cloud: PointCloud,
    /// The chosen examples among those shown, rising.
    chosen: Vec<usize>,
    /// What the colours were made for.
    made_for: Option<(usize, Coloring, bool, u64)>,
    colors: Vec<Color32>,
    marks: Vec<Mark>,
    /// Counts the pictures.
    revision: u64,
    /// Counts the choices.
    choices: u64,
    drawn_layout: Layout,
}

impl MapCard {
    /// Chooses the examples of a topic, the place of which is given.
    pub fn choose(&mut self, chosen: Vec<usize>) {
        self.chosen = chosen;
        self.choices += 1;
    }

    /// Draws the card.
    pub fn ui(&mut self, ui: &mut Ui, cx: &PageContext<'_>, report: &TopicsReport, board: &TopicBoard) {
        let mut format = None;
        card_with_actions(
            ui,
            "Map",
            |ui| format = save_menu(ui, "the map of topics", !report.shown.is_empty()),
            |ui| {
                job_ui(ui, cx, JobKind::MapTopics);
                let topics = &cx.state.topics;
                let opinion = topics.opinion.clone();
                self.choices_ui(ui, topics.map.is_some(), opinion.is_some());
                self.legend_ui(ui, board, opinion.as_deref());
                let (places, how) = self.places(report, topics.map.as_ref());
                self.color(topics.revision, board, opinion.as_deref(), ui);
                let words = words::map(report, board, how);
                let told = |at: usize| told(report, board, at);
                let dots =
                    CloudDots { places: &places, colors: &self.colors, marks: &self.marks, revision: self.revision };
                let labels = MapLabels { dot: &told, summary: &words };
                let action = self.cloud.ui(ui, dots, &labels);
                self.take(action);
                ui.weak("Draw around examples to choose them. By keyboard: arrows walk, Space chooses, Escape chooses none.");
                ui.label(&words);
                if let Some(agreement) = board.agreement {
                    ui.label(words::agreement(agreement));
                }
                if !self.chosen.is_empty() && chosen_ui(ui, cx, &report.shown, &self.chosen) {
                    self.choose(Vec::new());
                }
            },
        );
        if let Some(format) = format {
            cx.save_chart(self.export(format, cx, (report, board), Tokens::of(ui)));
        }
    }

    fn choices_ui(&mut self, ui: &mut Ui, has_map: bool, has_opinion: bool) {
        ui.horizontal_wrapped(|ui| {
            if has_map {
                let layouts = [(Layout::Tsne, "t-SNE"), (Layout::Principal, "Principal components")];
                buttons::segmented(ui, &mut self.layout, &layouts);
            }
            if has_opinion {
                let colorings = [(Coloring::Topics, "Topics"), (Coloring::Density, "Dense groups")];
                buttons::segmented(ui, &mut self.coloring, &colorings);
            }
        });
        ui.add_space(space::XS);
    }

    fn legend_ui(&self, ui: &mut Ui, board: &TopicBoard, opinion: Option<&TopicOpinion>) {
        let tokens = Tokens::of(ui);
        legend_row(ui, |ui| match opinion.filter(|_| self.coloring == Coloring::Density) {
            Some(opinion) => {
                for group in 0..opinion.groups.min(NAMED) {
                    let swatch = Swatch::of_round(color_round(tokens, group));
                    swatch_label(ui, swatch, tokens.head(group), &format!("Group {}", group + 1));
                }
                let noise = format!("In none: {}", count(opinion.noise));
                swatch_label(ui, Swatch::Dot, tokens.text_weak, &noise);
            }
            None => {
                for topic in board.topics.iter().take(NAMED) {
                    let name = in_one_line(&topic.name, LETTERS);
                    let share = percent(words::share(topic.size, board.examples));
                    let swatch = Swatch::of_round(color_round(tokens, topic.color));
                    swatch_label(ui, swatch, tokens.head(topic.color), &format!("{name} {share}"));
                }
                if board.topics.len() > NAMED {
                    ui.weak(format!("and {} more", board.topics.len() - NAMED));
                }
                if board.noise > 0 {
                    swatch_label(ui, Swatch::Dot, tokens.text_weak, &format!("No topic: {}", count(board.noise)));
                }
            }
        });
    }

    /// Where the examples lie, and how that came about.
    fn places(
        &self,
        report: &TopicsReport,
        map: Option<&(Arc<Vec<[f32; 2]>>, f32)>,
    ) -> (Arc<Vec<[f32; 2]>>, &'static str) {
        match map.filter(|_| self.layout == Layout::Tsne) {
            Some((places, _)) => (places.clone(), "t-SNE"),
            None => (Arc::new(report.principal.clone()), "principal components"),
        }
    }

    /// Makes the colours anew where they are of something else.
    fn color(&mut self, revision: usize, board: &TopicBoard, opinion: Option<&TopicOpinion>, ui: &Ui) {
        let made_for = Some((revision, self.coloring, ui.visuals().dark_mode, self.choices));
        if self.made_for == made_for && self.drawn_layout == self.layout {
            return;
        }
        (self.made_for, self.drawn_layout) = (made_for, self.layout);
        self.revision += 1;
        let tokens = Tokens::of(ui);
        let dense = opinion.filter(|_| self.coloring == Coloring::Density);
        self.colors.clear();
        self.colors.extend(match dense {
            Some(opinion) => colors(&opinion.shown, |group| tokens.head(group), tokens),
            None => colors(
                &board.shown,
                |at| board.topics.get(at).map_or(tokens.text_weak, |topic| tokens.head(topic.color)),
                tokens,
            ),
        });
        let mark = |group: &Option<u32>, color: &dyn Fn(usize) -> usize| {
            group.map_or(Mark::Circle, |group| Mark::of_round(color_round(tokens, color(group as usize))))
        };
        self.marks.clear();
        match dense {
            Some(opinion) => self.marks.extend(opinion.shown.iter().map(|group| mark(group, &|group| group))),
            None => {
                let color = |at: usize| board.topics.get(at).map_or(0, |topic| topic.color);
                self.marks.extend(board.shown.iter().map(|topic| mark(topic, &color)));
            }
        }
        if !self.chosen.is_empty() {
            let mut is_chosen = vec![false; self.colors.len()];
            self.chosen.iter().for_each(|at| {
                if let Some(is_chosen) = is_chosen.get_mut(*at) {
                    *is_chosen = true;
                }
            });
            for (color, _) in self.colors.iter_mut().zip(is_chosen).filter(|(_, is_chosen)| !is_chosen) {
                *color = color.gamma_multiply(FADED);
            }
        }
    }

    fn take(&mut self, action: Option<CloudAction>) {
        let chosen = match action {
            None => return,
            Some(CloudAction::Around(around)) => around,
            Some(CloudAction::Cleared) => Vec::new(),
            Some(CloudAction::Picked(picked)) => {
                let mut chosen = self.chosen.clone();
                match chosen.binary_search(&picked) {
                    Ok(at) => drop(chosen.remove(at)),
                    Err(at) => chosen.insert(at, picked),
                }
                chosen
            }
        };
        self.choose(chosen);
    }

    fn export(
        &self,
        format: ChartFormat,
        cx: &PageContext<'_>,
        (report, board): (&TopicsReport, &TopicBoard),
        tokens: &'static Tokens,
    ) -> ChartExport {
        let (places, how) = self.places(report, cx.state.topics.map.as_ref());
        let dot = |((at, color), mark): ((&[f32; 2], &Color32), &Mark)| MapDot { at: *at, color: *color, mark: *mark };
        let dots: Vec<MapDot> = places.iter().zip(&self.colors).zip(&self.marks).map(dot).collect();
        let legend = |topic: &crate::worker::protocol::TopicView| {
            let mark = Mark::of_round(color_round(tokens, topic.color));
            (in_one_line(&topic.name, LETTERS), tokens.head(topic.color), mark)
        };
        let legend: Vec<_> = board.topics.iter().take(NAMED).map(legend).collect();
        let title = format!("Topics by {how}");
        let mut picture = point_map::picture(&title, &dots, &legend, &words::map(report, board, how), tokens);
        if format == ChartFormat::Csv {
            picture.shapes.clear();
            picture.table = table(report, board, &places);
        }
        picture.export(format)
    }
}

/// The colour of every example by its group; weak for one of none.
fn colors(groups: &[Option<u32>], of: impl Fn(usize) -> Color32, tokens: &Tokens) -> Vec<Color32> {
    let color = |group: &Option<u32>| match group {
        Some(group) => of(*group as usize).gamma_multiply(0.85),
        None => tokens.text_weak.gamma_multiply(0.6),
    };
    groups.iter().map(color).collect()
}

/// What is said of an example.
fn told(report: &TopicsReport, board: &TopicBoard, at: usize) -> String {
    let Some(example) = report.shown.get(at) else { return String::new() };
    let topic = topic_of(board, at).unwrap_or("no topic");
    format!("{topic}\n{}\n{}", example.text, example.source)
}

fn topic_of(board: &TopicBoard, at: usize) -> Option<&str> {
    let number = board.shown.get(at).copied().flatten()?;
    board.topics.get(number as usize).map(|topic| topic.name.as_str())
}

fn table(report: &TopicsReport, board: &TopicBoard, places: &[[f32; 2]]) -> String {
    let mut text = "source,topic,x,y\n".to_owned();
    for (at, (example, [x, y])) in report.shown.iter().zip(places).enumerate() {
        let topic = csv_cell(topic_of(board, at).unwrap_or_default());
        let _ = writeln!(text, "{},{topic},{x:?},{y:?}", csv_cell(&example.source));
    }
    text
}
