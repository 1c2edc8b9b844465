//! The Topics page: what the examples are about, and how many heads that calls for. `advice.rs` is the sentence with its button,
//! `search.rs` how topics are looked for, `map.rs` shows the examples in the plane, `table.rs` the topics and how they are changed,
//! `curves.rs` what the number of topics rests on, and `words.rs` tells it.

mod advice;
mod chosen;
mod curves;
mod map;
mod search;
mod table;
mod words;

use egui::Ui;

use crate::app::commands::SystemCommand;
use crate::app::icons::Icon;
use crate::app::pages::{Page, PageContext, PageId, job_ui};
use crate::app::theme::space;
use crate::app::widgets::buttons;
use crate::app::widgets::card::card;
use crate::app::widgets::figures::counted;
use crate::app::widgets::notes::empty_state;
use crate::worker::protocol::{JobKind, Request, TopicSearch};

use map::MapCard;
use search::SearchForm;
use table::TopicTable;

/// The page is wider than most: a map gains by room.
const WIDTH: f32 = 1080.0;

/// The Topics page.
#[derive(Default)]
pub struct TopicsPage {
    search: SearchForm,
    map: MapCard,
    table: TopicTable,
    /// The search whose topics are shown.
    seen: usize,
}

impl Page for TopicsPage {
    fn ui(&mut self, ui: &mut Ui, cx: &PageContext<'_>) {
        if self.seen != cx.state.topics.searches {
            self.seen = cx.state.topics.searches;
            self.map = MapCard::default();
            self.table = TopicTable::default();
        }
        job_ui(ui, cx, JobKind::FindTopics);
        job_ui(ui, cx, JobKind::EditTopics);
        let is_searching = cx.state.job(JobKind::FindTopics).is_some();
        let Some(data) = cx.state.data.as_ref().filter(|data| data.kept > 0) else {
            let text = "Import examples first. Their topics then say how many heads the adapter needs.";
            if empty_state(ui, Icon::Topics, "Topics need data", text, Some((Icon::Data, "Choose data"))) {
                cx.send(SystemCommand::Show(PageId::Data));
            }
            return;
        };
        let (Some(report), Some(board)) = (cx.state.topics.report.clone(), cx.state.topics.board.clone()) else {
            if is_searching {
                return;
            }
            let text = format!(
                "Groups {} by their words, says how many heads suit them and why. Nothing leaves this computer.",
                counted(data.kept, "example")
            );
            if empty_state(ui, Icon::Topics, "No topics yet", &text, Some((Icon::Search, "Find topics"))) {
                cx.request(Request::FindTopics { search: self.search.search().clone() });
            }
            ui.add_space(space::XL);
            self.search_ui(ui, cx, None);
            return;
        };
        advice::card_ui(ui, cx, &report, &board);
        self.search_ui(ui, cx, Some(&report.search));
        if board.topics.is_empty() {
            card(ui, "Nothing stands out", |ui| {
                ui.label("No place is dense enough to be a group. Group by k-means instead, or import more examples.");
            });
        } else {
            self.map.ui(ui, cx, &report, &board);
            if let Some(chosen) = self.table.ui(ui, cx, &board) {
                self.map.choose(chosen);
            }
        }
        curves::card_ui(ui, cx, &report, &board);
    }

    fn width(&self) -> f32 {
        WIDTH
    }
}

impl TopicsPage {
    fn search_ui(&mut self, ui: &mut Ui, cx: &PageContext<'_>, found: Option<&TopicSearch>) {
        let is_searching = cx.state.job(JobKind::FindTopics).is_some();
        card(ui, "Search", |ui| {
            self.search.ui(ui, cx, found);
            ui.add_space(space::XS);
            ui.horizontal(|ui| {
                let text = if found.is_some() { "Find again" } else { "Find with these settings" };
                if buttons::secondary(ui, Icon::Search, text, !is_searching && self.search.is_possible(cx)).clicked() {
                    cx.request(Request::FindTopics { search: self.search.search().clone() });
                }
                table::open_ui(ui, cx);
            });
        });
    }
}
