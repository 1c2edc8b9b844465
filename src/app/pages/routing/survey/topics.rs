//! Topics against heads: the mean gates of every topic with their spread, and what a test against chance allows to say.

use std::cell::Cell;
use std::fmt::Write as _;

use egui::{Color32, Ui};

use crate::app::pages::PageContext;
use crate::app::state::{HeadNames, Surveyed};
use crate::app::theme::{Tokens, space};
use crate::app::widgets::buttons;
use crate::app::widgets::card::card_with_actions;
use crate::app::widgets::chart_export::{ChartExport, ChartFormat, csv_cell, save_menu};
use crate::app::widgets::figures::{count, counted, in_one_line};
use crate::app::widgets::heat_panels::{self, Chosen, HeatPanels, PanelLabels, PanelTable, Place, Scale, scale_ui};
use crate::inspect::RoutingSurvey;
use crate::inspect::survey::{TopicRouting, topic_statements};

use super::super::digest::Choice;
use super::super::tokens::head_legend_ui;

/// Longest that a topic's name becomes beside its row, in letters.
const TOPIC_LETTERS: usize = 32;
/// Widest that a cell grows; it holds a mean and its spread.
const CELL: f32 = 128.0;

/// What a table was made for: the survey, whether against the heads' means, and the module.
type Key = (usize, bool, Option<usize>);

/// Topics against heads, with how the user looks at them.
#[derive(Default)]
pub struct TopicsCard {
    /// Whether gates are set against each head's own mean.
    is_relative: bool,
    key: Option<Key>,
    /// The module whose gates are shown, by its place in the survey; `None` shows the mean of all.
    module: Option<usize>,
    revision: u64,
    table: PanelTable,
    panels: HeatPanels,
}

impl TopicsCard {
    /// Draws the card, of the module of `choice` where that is a single one.
    pub fn card_ui(&mut self, ui: &mut Ui, cx: &PageContext<'_>, surveyed: &Surveyed, choice: Choice) {
        let survey = &surveyed.survey;
        let module = choice.module().and_then(|module| survey.modules.iter().position(|other| other.module == module));
        self.module = module;
        let title = match module {
            Some(_) => format!("Topics and heads: {}", choice.in_words()),
            None => "Topics and heads".to_owned(),
        };
        let names = cx.state.head_names();
        let format = Cell::new(None);
        card_with_actions(
            ui,
            &title,
            |ui| format.set(save_menu(ui, "topics and heads", !survey.topics.is_empty())),
            |ui| {
                if survey.topics.iter().all(|topic| topic.topic.is_none() && topic.gathered == 0) {
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
                let share: Vec<f32> = match module.and_then(|module| survey.modules.get(module)) {
                    Some(module) => module.gates.mean.clone(),
                    None => survey.portraits.iter().map(|portrait| portrait.mean).collect(),
                };
                head_legend_ui(ui, names, &share, "Mean over the examples of an example's mean gate");
                let lines = topic_statements(survey, &|head| names.title(head));
                let (is_relative, table, panels) = (self.is_relative, &self.table, &mut self.panels);
                let summary = format!("Mean gates by topic and head. {}", lines.join(" "));
                let tokens = Tokens::of(ui);
                let revision = self.revision;
                let color = |topic: &str| cx.state.topic_color(topic).map(|color| tokens.head(color));
                with_labels((survey, names, &summary), (is_relative, module), (tokens, &color), |labels| {
                    panels.ui(ui, (revision, table), labels, Chosen::default());
                });
                scale_ui(ui, self.table.scale, self.is_relative.then_some((0.0, "the head's mean")));
                if module.is_none() {
                    ui.weak("± is the standard deviation of an example's mean gate over the examples of a topic.");
                }
                if let Some(format) = format.take() {
                    cx.save_chart(self.export(format, survey, (names, &summary), (tokens, &color)));
                }
                ui.add_space(space::XS);
                lines.iter().for_each(|line| drop(ui.label(line)));
            },
        );
    }

    fn update(&mut self, number: usize, survey: &RoutingSurvey) {
        let key = (number, self.is_relative, self.module);
        if self.key == Some(key) {
            return;
        }
        self.key = Some(key);
        self.revision += 1;
        let module = self.module;
        let own = |head: usize| match module.and_then(|module| survey.modules.get(module)) {
            Some(module) => module.gates.mean.get(head).copied().unwrap_or(0.0),
            None => survey.portraits.get(head).map_or(0.0, |portrait| portrait.mean),
        };
        let value = |topic: &TopicRouting, head: usize| {
            let mean = gate(topic, module, head);
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
        (tokens, color): (&'static Tokens, &TopicColors<'_>),
    ) -> ChartExport {
        let legend = if self.is_relative { "Mean gate less the head's own mean" } else { "Mean gate" };
        with_labels((survey, names, summary), (self.is_relative, self.module), (tokens, color), |labels| {
            let mut picture = heat_panels::picture("Topics and heads", &self.table, labels, legend, tokens);
            if format == ChartFormat::Csv {
                picture.shapes.clear();
                picture.table = table(survey, names);
            }
            picture.export(format)
        })
    }
}

/// The colour of a topic on every page, where it has one.
type TopicColors<'a> = dyn Fn(&str) -> Option<Color32> + 'a;

fn with_labels<R>(
    (survey, names, summary): (&RoutingSurvey, &HeadNames, &str),
    (is_relative, module): (bool, Option<usize>),
    (tokens, color): (&'static Tokens, &TopicColors<'_>),
    draw: impl FnOnce(&PanelLabels<'_>) -> R,
) -> R {
    let row = |row: usize| {
        let name = survey.topics.get(row).map_or_else(String::new, |topic| {
            format!("{} ({})", in_one_line(&topic.name(), TOPIC_LETTERS), count(topic.examples))
        });
        let topic = survey.topics.get(row).and_then(|topic| topic.topic.as_deref());
        (name, topic.and_then(color))
    };
    // The spread is known over all modules alone.
    let deviation = |place: Place| {
        let topic = survey.topics.get(place.row).filter(|_| module.is_none());
        topic.and_then(|topic| topic.deviation.get(place.column))
    };
    let figure = |place: Place, value: f32| {
        let mean = if is_relative { format!("{value:+.2}") } else { format!("{value:.2}") };
        deviation(place).map_or(mean.clone(), |deviation| format!("{mean} ±{deviation:.2}"))
    };
    draw(&PanelLabels {
        id: "topics",
        panel: &|_| String::new(),
        row: &row,
        column: &|column| ((column + 1).to_string(), Some(tokens.head(column))),
        cell: &|place| cell_words(survey, names, module, place),
        figure: &figure,
        rows: "Topic",
        hint: "",
        summary,
        widest: CELL,
    })
}

/// Mean gate of a head over a topic's examples, in one module or over all.
fn gate(topic: &TopicRouting, module: Option<usize>, head: usize) -> f32 {
    let means = match module {
        Some(module) => topic.modules.get(module),
        None => Some(&topic.mean),
    };
    means.and_then(|means| means.get(head)).copied().unwrap_or(f32::NAN)
}

fn cell_words(survey: &RoutingSurvey, names: &HeadNames, module: Option<usize>, place: Place) -> String {
    let Some(topic) = survey.topics.get(place.row) else { return String::new() };
    let head = place.column;
    let words = format!("{}, {}: mean gate {:.3}", names.title(head), topic.name(), gate(topic, module, head));
    if module.is_some() {
        return format!("{words}\nOver {}, in this module", counted(topic.examples, "example"));
    }
    let of = |values: &[f32]| values.get(head).copied().unwrap_or(f32::NAN);
    format!(
        "{words}\nStandard deviation over {} {:.3}, standard error {:.3}\nLeads {} of them",
        counted(topic.examples, "example"),
        of(&topic.deviation),
        of(&topic.error),
        count(topic.leads.get(head).copied().unwrap_or(0))
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
                csv_cell(&if topic.topic.is_some() || topic.gathered > 0 { topic.name() } else { Default::default() }),
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
