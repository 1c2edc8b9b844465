//! What the number of topics rests on: errors and silhouettes by their number, density, and repeated trials.

use egui::Ui;

use crate::app::pages::PageContext;
use crate::app::theme::{Tokens, space};
use crate::app::widgets::card::card;
use crate::app::widgets::figures::{count, percent};
use crate::app::widgets::number_chart::{NumberChart, NumberLevel, NumberLine};
use crate::worker::protocol::{TopicBoard, TopicOpinion, TopicsReport};

use super::words;

const HEIGHT: f32 = 190.0;

/// Draws the cards.
pub fn card_ui(ui: &mut Ui, cx: &PageContext<'_>, report: &TopicsReport, board: &TopicBoard) {
    card(ui, "By the number of topics", |ui| {
        let tokens = Tokens::of(ui);
        let marked = Some(board.topics.len()).filter(|topics| (1..=report.sse.len()).contains(topics));
        let first = report.sse.first().copied().unwrap_or(0.0).max(f64::MIN_POSITIVE);
        let errors: Vec<f64> = report.sse.iter().map(|sse| sse / first).collect();
        let chart = |title, explanation| NumberChart {
            title,
            explanation,
            unit: "topic",
            marked,
            levels: Vec::new(),
            height: HEIGHT,
        };
        ui.columns(2, |columns| {
            let [left, right] = columns else { return };
            let explanation = "Sum of squared distances to the middle of the topic, as a share of that of a single topic. Where \
                               it bends, more topics explain little more.";
            let line = NumberLine { name: "Errors", values: errors, color: tokens.chart_main };
            chart("Errors (SSE)", explanation).ui(left, &[line]);
            let explanation = "How much nearer an example is to its own topic than to the next: 1 is clearly its own, 0 is \
                               between two.";
            let line = NumberLine { name: "Silhouette", values: report.silhouette.clone(), color: tokens.chart_held_out };
            chart("Silhouette", explanation).ui(right, &[line]);
        });
        ui.weak("The dashed line is the number of topics as they stand.");
    });
    card(ui, "Second opinion", |ui| match &cx.state.topics.opinion {
        Some(opinion) => opinion_ui(ui, opinion, board),
        None => drop(ui.weak("Groups by density and repeated trials come after the map.")),
    });
}

fn opinion_ui(ui: &mut Ui, opinion: &TopicOpinion, board: &TopicBoard) {
    let tokens = Tokens::of(ui);
    ui.label(format!(
        "By density (DBSCAN) there are {} groups, and {} of {} examples ({}) belong to none. On texts this depends much on the \
         radius: take it as a second opinion.",
        count(opinion.groups),
        count(opinion.noise),
        count(board.examples),
        percent(words::share(opinion.noise, board.examples))
    ));
    if let Some(agreement) = opinion.agreement {
        ui.label(format!("Dense groups. {}", words::agreement(agreement)));
    }
    if opinion.trials.is_empty() {
        return;
    }
    ui.add_space(space::XS);
    let level = |name: &str, value: usize, color| NumberLevel { name: name.to_owned(), value: value as f64, color };
    let chart = NumberChart {
        title: "Number of topics over repeated trials",
        explanation: "Every trial takes other examples and begins elsewhere. The closer the dots of a kind lie together, the more the \
                      number can be relied on.",
        unit: "trial",
        marked: None,
        levels: vec![
            level("As they stand", board.topics.len(), tokens.text_weak),
            level("Static choice of 2", 2, tokens.head(3)),
            level("Static choice of 8", 8, tokens.head(2)),
        ],
        height: HEIGHT,
    };
    let line = |name, color, of: &dyn Fn(&crate::cluster::Trial) -> usize| NumberLine {
        name,
        values: opinion.trials.iter().map(|trial| of(trial) as f64).collect(),
        color,
    };
    chart.ui(
        ui,
        &[
            line("k-means", tokens.chart_main, &|trial| trial.by_error),
            line("Density", tokens.chart_held_out, &|trial| trial.by_density),
        ],
    );
}
