//! The pages, one file each. A page draws the state it is given and sends commands; it never changes state itself. Start
//! at [`Page`], then read `model.rs`, the simplest of them.

pub mod chat;
pub mod data;
pub mod export;
pub mod model;
pub mod routing;
pub mod runs;
pub mod topics;
pub mod train;

use egui::Ui;

use crate::app::commands::{CommandSender, SystemCommand};
use crate::app::icons::Icon;
use crate::app::pages::chat::ChatPage;
use crate::app::pages::data::DataPage;
use crate::app::pages::export::ExportPage;
use crate::app::pages::model::ModelPage;
use crate::app::pages::routing::RoutingPage;
use crate::app::pages::runs::RunsPage;
use crate::app::pages::topics::TopicsPage;
use crate::app::pages::train::TrainPage;
use crate::app::settings::Persisted;
use crate::app::state::AppState;
use crate::app::theme::{size, space};
use crate::app::toasts::Level;
use crate::app::widgets::chart_export::ChartExport;
use crate::app::widgets::notes::{self, JobAction};
use crate::worker::protocol::{Event, JobKind, Request, SplitRule};

/// The pages: the steps of the work in their order, then those to look back from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PageId {
    Model,
    Data,
    Topics,
    Train,
    Routing,
    Chat,
    Export,
    Runs,
}

impl PageId {
    /// Every page, in the order of the rail.
    pub const ALL: [PageId; 8] =
        [Self::Model, Self::Data, Self::Topics, Self::Train, Self::Routing, Self::Chat, Self::Export, Self::Runs];

    /// The pages that are steps of the work, in its order.
    pub const STEPS: [PageId; 7] =
        [Self::Model, Self::Data, Self::Topics, Self::Train, Self::Routing, Self::Chat, Self::Export];

    /// The name in the rail and at the top of the page.
    pub fn title(self) -> &'static str {
        match self {
            Self::Model => "Model",
            Self::Data => "Data",
            Self::Topics => "Topics",
            Self::Train => "Train",
            Self::Routing => "Routing",
            Self::Chat => "Chat",
            Self::Export => "Export",
            Self::Runs => "Runs",
        }
    }

    /// What the page is for, in one sentence under its title.
    pub fn purpose(self) -> &'static str {
        match self {
            Self::Model => "The base model stays as it is. The adapter you train sits on top of it.",
            Self::Data => "Questions and answers to learn from, one example per row.",
            Self::Topics => "What the examples are about, and how many heads that calls for.",
            Self::Train => "Teach the adapter, and watch it learn.",
            Self::Routing => "Which head each token is sent to, module by module.",
            Self::Chat => "Talk with the base model and the adapter, and try its heads.",
            Self::Export => "Take the trained adapter away as a folder of safetensors.",
            Self::Runs => "Every run you trained, to look over, compare and go on with.",
        }
    }

    pub(crate) fn icon(self) -> Icon {
        match self {
            Self::Model => Icon::Model,
            Self::Data => Icon::Data,
            Self::Topics => Icon::Topics,
            Self::Train => Icon::Train,
            Self::Routing => Icon::Routing,
            Self::Chat => Icon::Chat,
            Self::Export => Icon::Export,
            Self::Runs => Icon::Runs,
        }
    }
}

/// What a page may see, and the one way it may act.
pub struct PageContext<'a> {
    /// The mirror of the worker.
    pub state: &'a AppState,
    /// Recent paths and folders to offer.
    pub persisted: &'a Persisted,
    /// Where commands go; they are carried out after the frame.
    pub commands: &'a CommandSender,
    /// Longest example in tokens, as the Train page is set up.
    pub context: usize,
    /// How the next run holds out, as the Train page is set up.
    pub split: SplitRule,
    /// Whether dropped files are hovering over the window, so that drop targets can light up.
    pub is_dropping: bool,
}

impl PageContext<'_> {
    /// Queues a command.
    pub fn send(&self, command: SystemCommand) {
        self.commands.send(command);
    }

    /// Asks where to save a figure, and saves it there.
    pub fn save_chart(&self, export: ChartExport) {
        self.commands.send(SystemCommand::SaveChart(Box::new(export)));
    }

    /// Queues a request to the worker.
    pub fn request(&self, request: Request) {
        self.commands.send(SystemCommand::Request(request));
    }
}

/// Draws how far the job of a kind is, with its cancel button, or why the last one failed. A page calls it first, whatever
/// else it shows: what happened must be in sight without scrolling.
pub(crate) fn job_ui(ui: &mut Ui, cx: &PageContext<'_>, kind: JobKind) {
    if let Some(job) = cx.state.job(kind) {
        if notes::job_progress(ui, job) == JobAction::Cancel {
            cx.request(Request::Cancel { job: kind });
        }
        ui.add_space(space::M);
    } else if let Some(message) = cx.state.failure(kind) {
        notes::callout(ui, Level::Error, message);
        ui.add_space(space::M);
    }
}

/// One page of the window.
pub trait Page {
    /// Draws the page below its title, inside a scrolling column that is at most [`Page::width`] wide.
    fn ui(&mut self, ui: &mut Ui, cx: &PageContext<'_>);

    /// Looks at an event before it reaches [`AppState`], for what only this page draws. Called also while hidden.
    fn note_event(&mut self, event: &Event) {
        let _ = event;
    }

    /// Whether the page fills the window and scrolls its own parts, instead of being scrolled as a whole.
    fn fills_window(&self) -> bool {
        false
    }

    /// The widest column that the page makes good use of, in points.
    fn width(&self) -> f32 {
        size::PAGE
    }
}

/// Every page with what it keeps while another is shown.
#[derive(Default)]
pub(super) struct Pages {
    pub model: ModelPage,
    pub data: DataPage,
    pub topics: TopicsPage,
    pub train: TrainPage,
    pub routing: RoutingPage,
    pub chat: ChatPage,
    pub export: ExportPage,
    pub runs: RunsPage,
}

impl Pages {
    /// The page of an id.
    pub fn page(&mut self, id: PageId) -> &mut dyn Page {
        match id {
            PageId::Model => &mut self.model,
            PageId::Data => &mut self.data,
            PageId::Topics => &mut self.topics,
            PageId::Train => &mut self.train,
            PageId::Routing => &mut self.routing,
            PageId::Chat => &mut self.chat,
            PageId::Export => &mut self.export,
            PageId::Runs => &mut self.runs,
        }
    }

    /// Shows an event to every page.
    pub fn note_event(&mut self, event: &Event) {
        for id in PageId::ALL {
            self.page(id).note_event(event);
        }
    }
}
