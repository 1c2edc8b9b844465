//! Topics against heads: the mean gates of every topic with their spread, and what a test against chance allows to say.

use std::cell::Cell;
use std::fmt::Write as _;

use egui::Ui;

use crate::app::pages::PageContext;
use crate::app::state::{HeadNames, Surveyed};
use crate::app::theme::{Tokens, space};
use crate::app::widgets::buttons;
use crate::app::widgets::card::card_with_actions;
use crate::app::widgets::chart_export::{ChartExport, ChartFormat, csv_cell, save_menu};
use crate::app::widgets::figures::{count, counted, in_one_line};
use crate::app::widgets::heat_panels::{self, Chosen, HeatPanels, PanelLabels, PanelTable, Place, Scale, scale_ui};
use crate::inspect::RoutingSurvey;
use crate::inspect::survey::TopicRouting;

use super::super::tokens::head_legend_ui;
use super::words::topic_words;

/// Longest that a topic's name becomes beside its row, in letters.
const TOPIC_LETTERS: usize = 32;
/// Widest that a cell grows; it holds a mean and its spread.
const CELL: f32 = 128.0;

/// Topics against heads, with how the user looks at them.
#[derive(Default)]
pub struct TopicsCard {
    /// Whether gates are set against each head's own mean.
    is_relative: bool,
    key: Option<(usize, bool)>,
    revision: u64,
    table: PanelTable,
    panels: HeatPanels,
}

impl TopicsCard {
    /// Draws the card.
    pub fn card_ui(&mut self, ui: &mut Ui, cx: &PageContext<'_>, surveyed: &Surveyed) {
        let survey = &surveyed.survey;
        let names = cx.state.head_names();
        let format = Cell::new(None);
        card_with_actions(
            ui,
            "Topics and heads",
            |ui| format.set(save_menu(ui, "topics and heads", !survey.topics.is_empty())),
            |ui| {
                if survey.topics.iter().all(|topic| topic.topic.is_none()) {
                    ui.label(
                        "The data names no topics. Where a column gives every example a topic, it is seen here which heads \
                         each topic is sent to.",
                    );
                    return;
                }
                self.update(cx.state.gates.survey_count, survey);
                let choices = [(false, "Mean gate"), (true, "Against the head's mean")];
                if buttons::segmented(ui, &mut self.is_relative, &choices) {
                    self.update(cx.state.gates.survey_count, survey);
                }
                let share: Vec<f32> = survey.portraits.iter().map(|portrait| portrait.mean).collect();
                head_legend_ui(ui, names, &share, "Mean over the examples of an example's mean gate");
                let lines = topic_words(survey, names);
                let (is_relative, table, panels) = (self.is_relative, &self.table, &mut self.panels);
                let summary = format!("Mean gates by topic and head. {}", lines.join(" "));
                let tokens = Tokens::of(ui);
                let revision = self.revision;
                with_labels((survey, names, &summary), is_relative, tokens, |labels| {
                    panels.ui(ui, (revision, table), labels, Chosen::default());
                });
                scale_ui(ui, self.table.scale, self.is_relative.then_some((0.0, "the head's mean")));
                ui.weak("± is the standard deviation of an example's mean gate over the examples of a topic.");
                if let Some(format) = format.take() {
                    cx.save_chart(self.export(format, survey, (names, &summary), tokens));
                }
                ui.add_space(space::XS);
                lines.iter().for_each(|line| drop(ui.label(line)));
            },
        );
    }

    fn update(&mut self, number: usize, survey: &RoutingSurvey) {
        let key = (number, self.is_relative);
        if self.key == Some(key) {
            return;
        }
        self.key = Some(key);
        self.revision += 1;
        let own = |head: usize| survey.portraits.get(head).map_or(0.0, |portrait| portrait.mean);
        let value = |topic: &TopicRouting, head: usize| {
            let mean = topic.mean.get(head).copied().unwrap_or(f32::NAN);
            if self.is_relative { mean - own(head) } else { mean }
        };
        let values: Vec<f32> =
            survey.topics.iter().flat_map(|topic| (0..survey.heads).map(move |head| value(topic, head))).collect();
        let scale = if self.is_relative {
            Scale::diverging(values.iter().copied(), 0.02)
        } else {
            let even = 1.0 / survey.heads.max(1) as f32;
            let most = values.iter().copied().filter(|value| value.is_finite()).fold(2.0 * even, f32::max);
            Scale::Sequential { low: 0.0, high: most.min(1.0) }
        };
        self.table = PanelTable { panels: 1, rows: survey.topics.len(), columns: survey.heads, values, scale };
    }

    fn export(
        &self,
        format: ChartFormat,
        survey: &RoutingSurvey,
        (names, summary): (&HeadNames, &str),
        tokens: &'static Tokens,
    ) -> ChartExport {
        let legend = if self.is_relative { "Mean gate less the head's own mean" } else { "Mean gate" };
        with_labels((survey, names, summary), self.is_relative, tokens, |labels| {
            let mut picture = heat_panels::picture("Topics and heads", &self.table, labels, legend, tokens);
            if format == ChartFormat::Csv {
                picture.shapes.clear();
                picture.table = table(survey, names);
            }
            picture.export(format)
        })
    }
}

fn with_labels<R>(
    (survey, names, summary): (&RoutingSurvey, &HeadNames, &str),
    is_relative: bool,
    tokens: &'static Tokens,
    draw: impl FnOnce(&PanelLabels<'_>) -> R,
) -> R {
    let row = |row: usize| {
        let name = survey.topics.get(row).map_or_else(String::new, |topic| {
            format!("{} ({})", in_one_line(topic_name(topic), TOPIC_LETTERS), count(topic.examples))
        });
        (name, None)
    };
    let deviation = |place: Place| survey.topics.get(place.row).and_then(|topic| topic.deviation.get(place.column));
    let figure = |place: Place, value: f32| {
        let mean = if is_relative { format!("{value:+.2}") } else { format!("{value:.2}") };
        deviation(place).map_or(mean.clone(), |deviation| format!("{mean} ±{deviation:.2}"))
    };
    draw(&PanelLabels {
        id: "topics",
        panel: &|_| String::new(),
        row: &row,
        column: &|column| ((column + 1).to_string(), Some(tokens.head(column))),
        cell: &|place| cell_words(survey, names, place),
        figure: &figure,
        rows: "Topic",
        hint: "",
        summary,
        widest: CELL,
    })
}

fn topic_name(topic: &TopicRouting) -> &str {
    topic.topic.as_deref().unwrap_or("no topic")
}

fn cell_words(survey: &RoutingSurvey, names: &HeadNames, place: Place) -> String {
    let Some(topic) = survey.topics.get(place.row) else { return String::new() };
    let of = |values: &[f32]| values.get(place.column).copied().unwrap_or(f32::NAN);
    let leads = topic.leads.get(place.column).copied().unwrap_or(0);
    format!(
        "{}, {}: mean gate {:.3}\nStandard deviation over {} {:.3}, standard error {:.3}\nLeads {} of them",
        names.title(place.column),
        topic_name(topic),
        of(&topic.mean),
        counted(topic.examples, "example"),
        of(&topic.deviation),
        of(&topic.error),
        count(leads)
    )
}

/// A line for each topic and head.
fn table(survey: &RoutingSurvey, names: &HeadNames) -> String {
    let mut text =
        String::from("topic,examples,tokens,head,mean gate,standard deviation,standard error,examples led\n");
    for topic in &survey.topics {
        for head in 0..survey.heads {
            let of = |values: &[f32]| values.get(head).map(|value| format!("{value:?}")).unwrap_or_default();
            let _ = writeln!(
                text,
                "{},{},{},{},{},{},{},{}",
                csv_cell(topic.topic.as_deref().unwrap_or_default()),
                topic.examples,
                topic.tokens,
                csv_cell(&names.title(head)),
                of(&topic.mean),
                of(&topic.deviation),
                of(&topic.error),
                topic.leads.get(head).copied().unwrap_or(0)
            );
        }
    }
    text
}
