//! The page that shows where tokens go. It has tabs: one text seen token by token, many examples summed up, how routing
//! formed in a run, and `A` and `B` of several adapters. `text_tab.rs`, `survey/`, `formed_tab.rs` and `matrices/` are the
//! tabs; all but the last show a layer × head grid,
//! `grid.rs`, made of the figures of `grid_data.rs`. `digest.rs` sums a report, `words.rs` tells it, `comparing.rs` sets one
//! look against another.

mod changes_card;
mod compared_grid;
mod comparing;
mod digest;
mod drill;
mod formed_tab;
mod grid;
mod grid_data;
mod health;
mod matrices;
mod source;
mod subject;
mod survey;
mod table;
mod text_tab;
mod through;
mod token_changes;
mod tokens;
mod view;
mod words;

use egui::Ui;

use crate::adapter::Method;
use crate::app::commands::{SystemCommand, UICommand};
use crate::app::icons::Icon;
use crate::app::pages::{Page, PageContext, PageId};
use crate::app::theme::space;
use crate::app::widgets::buttons;
use crate::app::widgets::notes::empty_state;
use crate::worker::protocol::{Event, Request};

use comparing::Comparing;
use formed_tab::FormedTab;
use matrices::MatricesTab;
use survey::SurveyTab;
use text_tab::TextTab;
use through::Through;

/// Room for the panels of a large adapter side by side.
const WIDTH: f32 = 1440.0;

/// What the page is looked at by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Tab {
    #[default]
    Text,
    Data,
    Training,
    Matrices,
}

impl Tab {
    const CHOICES: [(Tab, &'static str); 4] = [
        (Self::Text, "This text"),
        (Self::Data, "All data"),
        (Self::Training, "Over training"),
        (Self::Matrices, "A and B"),
    ];
}

/// The Routing page.
#[derive(Default)]
pub struct RoutingPage {
    tab: Tab,
    text: TextTab,
    survey: SurveyTab,
    formed: FormedTab,
    matrices: MatricesTab,
    through: Through,
    comparing: Comparing,
    /// Whether the worker was asked to tell the gates of the run several times a second.
    is_watching: bool,
}

impl Page for RoutingPage {
    fn ui(&mut self, ui: &mut Ui, cx: &PageContext<'_>) {
        let method = adapter_method(cx);
        if method.is_none() && self.tab != Tab::Matrices {
            nothing_to_route_ui(ui, cx);
            ui.vertical_centered(|ui| {
                if buttons::link(ui, "Compare A and B of trained adapters").clicked() {
                    self.tab = Tab::Matrices;
                }
            });
            return;
        }
        if method.is_some_and(Method::has_router) {
            self.through.ask(cx);
        }
        buttons::segmented(ui, &mut self.tab, &Tab::CHOICES);
        ui.add_space(space::S);
        self.watch(cx);
        let looks = (&mut self.through, &mut self.comparing);
        match (self.tab, method) {
            (Tab::Matrices, _) => self.matrices.ui(ui, cx),
            (Tab::Text, Some(method)) => {
                self.text.ui(ui, cx, method, looks);
                if buttons::link(ui, "Try the heads in Chat").clicked() {
                    cx.send(SystemCommand::Show(PageId::Chat));
                }
            }
            (Tab::Data, Some(method)) => self.survey.ui(ui, cx, method, looks),
            (Tab::Training, Some(_)) => self.formed.ui(ui, cx),
            // Without an adapter the next frame shows what to do first.
            (_, None) => ui.ctx().request_repaint(),
        }
    }

    fn note_event(&mut self, event: &Event) {
        self.matrices.note_event(event);
        // A run that ended has checkpoints that were not there before.
        if matches!(event, Event::TrainingDone(_) | Event::TrainingStarted(_)) {
            self.through.forget();
        }
    }

    fn width(&self) -> f32 {
        WIDTH
    }
}

impl RoutingPage {
    /// Has the gates of a run told often while they are looked at, and no longer.
    fn watch(&mut self, cx: &PageContext<'_>) {
        let wanted = self.tab == Tab::Training && cx.state.active_run().is_some();
        if wanted != self.is_watching {
            self.is_watching = wanted;
            cx.request(Request::WatchGates { on: wanted });
        }
    }

    /// Whether gates are told often that nobody looks at any more, since another page is shown; it is asked once.
    pub fn leaves_watch(&mut self) -> bool {
        std::mem::take(&mut self.is_watching)
    }
}

/// The method of the adapter in training, or of the one that is loaded.
fn adapter_method(cx: &PageContext<'_>) -> Option<Method> {
    let training = cx.state.active_run().map(|run| run.summary.settings.method);
    training.or_else(|| cx.state.adapter.as_ref().map(|adapter| adapter.spec.method))
}

fn nothing_to_route_ui(ui: &mut Ui, cx: &PageContext<'_>) {
    let state = cx.state;
    let (text, icon, action, page) = if state.model.is_none() {
        (
            "Routing is seen with a model and an adapter. Begin with a model.",
            Icon::Model,
            "Choose a model",
            PageId::Model,
        )
    } else if state.data.is_none() {
        (
            "Train an adapter and its router is seen here, even while it trains. It needs examples first.",
            Icon::Data,
            "Choose data",
            PageId::Data,
        )
    } else {
        (
            "Train an adapter and its router is seen here, even while it trains.",
            Icon::Train,
            "Go to Train",
            PageId::Train,
        )
    };
    if empty_state(ui, Icon::Routing, "No adapter to look into yet", text, Some((icon, action))) {
        cx.send(SystemCommand::Show(page));
    }
    if state.model.is_some() {
        ui.vertical_centered(|ui| {
            if buttons::link(ui, "Open a trained adapter").clicked() {
                cx.send(SystemCommand::Ui(UICommand::OpenAdapter));
            }
        });
    }
}
