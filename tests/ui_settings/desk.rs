//! The window at the point where a run is set up, with the test in the worker's place and folders of its own.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender};
use egui::{Key, Modifiers, Pos2};
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use egui_kittest::{Harness, Node};
use hydra_studio::app::notification::KeptNotifications;
use hydra_studio::app::pages::PageId;
use hydra_studio::app::picker::{PickOutcome, ScriptedPicker};
use hydra_studio::app::settings::Persisted;
use hydra_studio::app::{App, Deps, StartArgs};
use hydra_studio::data::ColumnMap;
use hydra_studio::model::{BaseType, ModelConfig};
use hydra_studio::train::estimate::{ExampleSize, Place};
use hydra_studio::train::{DataFacts, MachineFacts, ModelFacts, TrainSettings};
use hydra_studio::worker::protocol::{DataSummary, Event, Facts, ModelSummary, Request};

pub const GB: u64 = 1_000_000_000;

pub struct Desk {
    pub window: Harness<'static, App>,
    requests: Receiver<Request>,
    events: Sender<Event>,
    pub home: tempfile::TempDir,
}

impl Desk {
    /// A window of `size` on the Train page, whose dialogs give `answers`, with nothing loaded yet.
    pub fn new(size: [f32; 2], theme: egui::ThemePreference, answers: Vec<PickOutcome>) -> Self {
        Self::in_home(tempfile::tempdir().expect("a temporary folder"), size, theme, answers)
    }

    /// The same with a home that may hold presets already.
    pub fn in_home(
        home: tempfile::TempDir,
        size: [f32; 2],
        theme: egui::ThemePreference,
        answers: Vec<PickOutcome>,
    ) -> Self {
        let (request_sender, requests) = crossbeam_channel::unbounded();
        let (events, event_receiver) = crossbeam_channel::unbounded();
        let persisted = Persisted { theme, run_parent: home.path().join("runs"), ..Persisted::default() };
        let start =
            StartArgs { page: Some(PageId::Train), presets: Some(home.path().join("presets")), ..StartArgs::default() };
        let egui_theme = if theme == egui::ThemePreference::Light { egui::Theme::Light } else { egui::Theme::Dark };
        let window =
            Harness::builder().with_size(size).with_theme(egui_theme).with_max_steps(64).build_eframe(move |cc| {
                let picker = Box::new(ScriptedPicker::new(answers));
                let notifier = Box::new(KeptNotifications::default());
                let log = crossbeam_channel::never();
                App::new(
                    &cc.egui_ctx,
                    Deps { requests: request_sender, events: event_receiver, picker, notifier, log, start },
                    persisted,
                )
            });
        Self { window, requests, events, home }
    }

    /// A tall window in the dark theme with model, data and a machine with 8 GB to spare.
    pub fn ready() -> Self {
        Self::ready_with(Vec::new())
    }

    /// The same, whose dialogs give `answers`.
    pub fn ready_with(answers: Vec<PickOutcome>) -> Self {
        let mut desk = Self::new([1280.0, 3000.0], egui::ThemePreference::Dark, answers);
        desk.tell([model(), data(), facts(8 * GB)]);
        desk
    }

    pub fn tell(&mut self, events: impl IntoIterator<Item = Event>) {
        for event in events {
            self.events.send(event).expect("the window listens");
        }
        self.window.run_ok();
    }

    pub fn has(&self, text: &str) -> bool {
        self.window.query_all_by_label_contains(text).next().is_some()
    }

    /// All texts that hold `part`.
    pub fn texts(&self, part: &str) -> Vec<String> {
        self.window.query_all_by_label_contains(part).map(|node| words(&node)).collect()
    }

    /// Waits for what another thread brings.
    pub fn wait_for(&mut self, text: &str) {
        let start = Instant::now();
        while !self.has(text) {
            assert!(start.elapsed() < Duration::from_secs(20), "`{text}` never came");
            std::thread::sleep(Duration::from_millis(5));
            self.window.run_ok();
        }
    }

    /// The one widget of a name; the text that names it stands beside it and is none.
    pub fn node<'a>(&'a self, label: &'a str) -> Node<'a> {
        let found: Vec<Node<'a>> = self.window.query_all_by_label(label).collect();
        let is_widget = |node: &&Node<'a>| node.accesskit_node().role() != egui::accesskit::Role::Label;
        match found.iter().filter(is_widget).collect::<Vec<_>>().as_slice() {
            [one] => **one,
            several => {
                panic!("{} widgets are called `{label}`, and {} texts", several.len(), found.len() - several.len())
            }
        }
    }

    pub fn is_disabled(&self, label: &str) -> bool {
        self.node(label).accesskit_node().is_disabled()
    }

    pub fn click(&mut self, label: &str) {
        self.node(label).click();
        self.window.run_ok();
    }

    pub fn press(&mut self, modifiers: Modifiers, key: Key) {
        self.window.key_press_modifiers(modifiers, key);
        self.window.run_ok();
    }

    /// Gives the keyboard to a widget.
    pub fn focus(&mut self, label: &str) {
        self.node(label).focus();
        self.window.run_ok();
    }

    /// Presses on a widget, moves to the side in steps, and lets go.
    pub fn drag(&mut self, label: &str, steps: usize) {
        let from = self.node(label).rect().center();
        self.point(from, Some(true));
        for step in 1..=steps {
            self.point(from + egui::vec2(8.0 * step as f32, 0.0), None);
        }
        self.point(from + egui::vec2(8.0 * steps as f32, 0.0), Some(false));
    }

    fn point(&mut self, pos: Pos2, pressed: Option<bool>) {
        self.window.event(egui::Event::PointerMoved(pos));
        if let Some(pressed) = pressed {
            let (button, modifiers) = (egui::PointerButton::Primary, Modifiers::NONE);
            self.window.event(egui::Event::PointerButton { pos, button, pressed, modifiers });
        }
        self.window.run_ok();
    }

    /// What was asked of the worker since the last call.
    pub fn requests(&mut self) -> Vec<Request> {
        self.window.run_ok();
        self.requests.try_iter().collect()
    }

    /// The settings of the run that was asked for.
    pub fn started(&mut self) -> Option<TrainSettings> {
        self.requests().into_iter().find_map(|request| match request {
            Request::StartTraining { settings, .. } | Request::StartTrainingAnyway { settings, .. } => Some(settings),
            _ => None,
        })
    }

    /// The files of the user's presets.
    pub fn preset_files(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.home.path().join("presets")).into_iter().flatten().flatten();
        let mut names: Vec<String> = entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }
}

/// What a node says of itself.
pub fn words(node: &Node<'_>) -> String {
    let node = node.accesskit_node();
    node.label().or_else(|| node.value()).unwrap_or_default()
}

pub fn model() -> Event {
    Event::ModelLoaded(ModelSummary {
        name: "SmolLM2 135M Instruct".into(),
        path: PathBuf::from("/models/smollm2"),
        architecture: "llama".into(),
        parameters: 134_515_008,
        layers: 30,
        hidden: 576,
        vocab: 49_152,
        max_context: 2048,
        stored_as: "bf16".into(),
        weight_bytes: 269_060_552,
        device: "Processor, 16 threads".into(),
        template: "from the model".into(),
        has_template: true,
        sampling: hydra_studio::worker::protocol::Sampling::default(),
    })
}

pub fn data() -> Event {
    Event::DataImported(DataSummary {
        files: Vec::new(),
        map: ColumnMap::default(),
        rows: 2000,
        kept: 2000,
        dropped: Vec::new(),
        dropped_rows: 0,
        split: Default::default(),
        held_out: 100,
        held_out_prompts: vec!["What is 17 plus 25?".into()],
        topics: Vec::new(),
        edits: Default::default(),
    })
}

/// The facts of that model and data, on a machine with `available` bytes to spare.
pub fn facts(available: u64) -> Event {
    let config = r#"{"model_type": "llama", "num_hidden_layers": 30, "hidden_size": 576, "intermediate_size": 1536,
        "num_attention_heads": 9, "num_key_value_heads": 3, "vocab_size": 49152, "hidden_act": "silu",
        "rms_norm_eps": 1e-5, "max_position_embeddings": 2048, "tie_word_embeddings": true}"#;
    let model = ModelFacts {
        config: ModelConfig::from_hugging_face(config).expect("a sound config"),
        place: Place::Cpu,
        stored_as: "bf16".into(),
        stored_bytes: 269_060_552,
        base: BaseType::Stored,
        loaded_bytes: 269_060_552,
    };
    let sizes: Vec<ExampleSize> =
        (0..1900).map(|i| ExampleSize { tokens: 60 + (i * 37) % 420, supervised: 30 + (i * 17) % 90 }).collect();
    let machine = MachineFacts {
        flops_per_s: 2e11,
        threads: 16,
        memory_total: 16 * GB,
        memory_available: available,
        memory_held: 300_000_000,
        memory_of_run: 0,
    };
    Event::Facts(Facts { model, data: Some(DataFacts::of_sizes(&sizes, 100)), machine })
}
