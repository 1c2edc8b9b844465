//! A window whose worker is the test itself: it holds the far ends of the channels.

use std::path::PathBuf;

use crossbeam_channel::{Receiver, Sender};
use egui_kittest::Harness;
use hydra_studio::adapter::AdapterSpec;
use hydra_studio::app::log_lines::LogLine;
use hydra_studio::app::notification::KeptNotifications;
use hydra_studio::app::picker::{PickOutcome, ScriptedPicker};
use hydra_studio::app::settings::Persisted;
use hydra_studio::app::{App, Deps, StartArgs};
use hydra_studio::data::{ColumnMap, Dropped, Message, Role, Source};
use hydra_studio::train::{StepRecord, TrainSettings};
use hydra_studio::worker::protocol::{
    AdapterSummary, DataSummary, Event, ExampleView, FileSummary, ModelSummary, Request, RowQuery, RowView, RunSummary,
    TokenView,
};

/// A window and the far ends of its channels.
pub struct Fixture {
    pub window: Harness<'static, App>,
    pub events: Sender<Event>,
    pub requests: Receiver<Request>,
    pub log: Sender<LogLine>,
    pub picker: ScriptedPicker,
    pub notifications: KeptNotifications,
}

impl Fixture {
    /// The window as it looks at the first start.
    pub fn new() -> Self {
        Self::with(egui::ThemePreference::Dark, [])
    }

    /// A window in a theme, whose dialogs give `answers`.
    pub fn with(theme: egui::ThemePreference, answers: impl IntoIterator<Item = PickOutcome>) -> Self {
        let (requests, requests_end) = crossbeam_channel::unbounded();
        let (events_end, events) = crossbeam_channel::unbounded();
        let (log_end, log) = crossbeam_channel::unbounded();
        let picker = ScriptedPicker::new(answers);
        let dialogs = Box::new(picker.clone());
        let notifications = KeptNotifications::default();
        let notifier = Box::new(notifications.clone());
        let persisted = Persisted {
            theme,
            run_parent: PathBuf::from("/home/ada/Hydra Studio/runs"),
            export_parent: PathBuf::from("/home/ada/Hydra Studio/adapters"),
            ..Persisted::default()
        };
        // The harness sets its own theme after the window has set its.
        let egui_theme = if theme == egui::ThemePreference::Light { egui::Theme::Light } else { egui::Theme::Dark };
        let window =
            Harness::builder().with_size([1280.0, 800.0]).with_max_steps(12).with_theme(egui_theme).build_eframe(
                move |cc| {
                    let start = StartArgs::default();
                    let deps = Deps { requests, events, picker: dialogs, notifier, log, start };
                    App::new(&cc.egui_ctx, deps, persisted)
                },
            );
        Self { window, events: events_end, requests: requests_end, log: log_end, picker, notifications }
    }

    /// Sends events and lets the window settle.
    pub fn tell(&mut self, events: impl IntoIterator<Item = Event>) {
        for event in events {
            self.events.send(event).expect("the window holds the other end");
        }
        self.window.run();
    }

    /// The requests since the last call.
    pub fn asked(&self) -> Vec<Request> {
        self.requests.try_iter().collect()
    }

    /// Presses keys and lets the window settle.
    pub fn press(&mut self, modifiers: egui::Modifiers, key: egui::Key) {
        self.window.key_press_modifiers(modifiers, key);
        self.window.run();
    }
}

pub fn model() -> Event {
    Event::ModelLoaded(ModelSummary {
        name: "SmolLM2-135M-Instruct".into(),
        path: PathBuf::from("/home/ada/models/SmolLM2-135M-Instruct"),
        architecture: "llama".into(),
        parameters: 134_515_008,
        layers: 30,
        hidden: 576,
        vocab: 49_152,
        max_context: 8192,
        stored_as: "bf16".into(),
        weight_bytes: 269_060_552,
        device: "Processor, 16 threads".into(),
        template: "tokenizer_config.json".into(),
        has_template: true,
        sampling: hydra_studio::worker::protocol::Sampling::default(),
    })
}

pub fn data() -> Event {
    let source = |line| Source { file: "tickets.csv".into(), line };
    Event::DataImported(DataSummary {
        files: vec![FileSummary {
            path: PathBuf::from("/home/ada/tickets.csv"),
            shape: "question/answer".into(),
            explanation: "Columns `question` and `answer` are there; `category` gives the topic.".into(),
            columns: ["question", "answer", "category"].map(String::from).to_vec(),
            rows: 1203,
            kept: 1200,
        }],
        map: ColumnMap::default(),
        rows: 1203,
        kept: 1200,
        dropped: vec![
            Dropped { source: source(17), reason: "the answer is empty: fill it in or delete the row".into() },
            Dropped {
                source: source(402),
                reason: "the row has 5 fields, the header 3: put quotes around commas".into(),
            },
            Dropped { source: source(988), reason: "the bytes are not UTF-8: save the file as UTF-8".into() },
        ],
        dropped_rows: 3,
        split: Default::default(),
        held_out: 60,
        held_out_prompts: vec!["When is the shop open on Sundays?".into(), "How do I return a parcel?".into()],
        topics: vec![("delivery".into(), 520), ("returns".into(), 410), ("opening hours".into(), 270)],
        edits: Default::default(),
    })
}

/// So many rows, all that there are.
pub fn rows(total: usize) -> Event {
    let row = |row: usize| RowView {
        row,
        index: row,
        file: "/home/ada/tickets.csv".into(),
        line: row + 2,
        question: ["Where is my parcel?", "What did it cost?"][row % 2].into(),
        answer: ["On its way.", "Nine euros."][row % 2].into(),
        topic: Some("delivery".into()),
        messages: 2,
        bytes: 90,
        held_out: false,
    };
    Event::Rows { query: RowQuery::default(), start: 0, total, rows: (0..total).map(row).collect() }
}

pub fn preview(start: usize) -> Event {
    let token = |text: &str, supervised| TokenView { text: text.into(), supervised };
    let example = |question: &str, answer: &str, line: usize| ExampleView {
        source: format!("tickets.csv:{line}"),
        topic: Some("delivery".into()),
        messages: vec![
            Message { role: Role::User, content: question.into() },
            Message { role: Role::Assistant, content: answer.into() },
        ],
        tokens: std::iter::once(token("<|im_start|>user\n", false))
            .chain(question.split_inclusive(' ').map(|word| token(word, false)))
            .chain([token("<|im_end|>\n", false), token("<|im_start|>assistant\n", false)])
            .chain(answer.split_inclusive(' ').map(|word| token(word, true)))
            .chain([token("<|im_end|>", true)])
            .collect(),
        cut: 0,
        problem: None,
    };
    Event::DataPreview {
        start,
        examples: vec![
            example("Where is my parcel?", "You can follow it with the number in our e-mail, at any hour.", start + 2),
            example("Do you deliver on Saturdays?", "Yes, until noon, in all towns on our list.", start + 3),
        ],
    }
}

pub fn started(steps: usize) -> Event {
    Event::TrainingStarted(RunSummary {
        path: PathBuf::from("/home/ada/Hydra Studio/runs/tickets"),
        settings: TrainSettings::default(),
        from_step: 0,
        steps,
        examples: 1140,
        held_out: 60,
        cut: 0,
        skipped: 0,
        parameters: 4_884_480,
        router_parameters: 393_000,
    })
}

pub fn step(step: usize, steps: usize) -> Event {
    Event::Step(StepRecord {
        step,
        steps,
        loss: 2.4 * (-(step as f64) / 60.0).exp() + 0.8,
        lr: 2e-4,
        grad_norm: 0.7,
        tokens: 1800,
        supervised: 900,
        tokens_per_s: 412.0,
        elapsed_s: 4.0 * step as f64,
    })
}

pub fn adapter() -> Event {
    Event::AdapterLoaded(AdapterSummary {
        path: Some(PathBuf::from("/home/ada/adapters/tickets")),
        spec: AdapterSpec::default(),
        parameters: 4_884_480,
        router_parameters: 393_000,
    })
}

/// A file dropped on the window.
#[derive(Debug)]
pub struct DroppedOnWindow(pub PathBuf);

impl egui::DroppedFile for DroppedOnWindow {
    fn path(&self) -> &std::path::Path {
        &self.0
    }

    fn bytes(&self) -> Result<Vec<u8>, String> {
        Err("the window never reads what is dropped on it".into())
    }
}
