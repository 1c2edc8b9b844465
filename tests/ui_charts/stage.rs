//! The window on a stage: its channels' far ends, and what a worker would tell.

use std::f64::consts::PI;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender};
use egui::accesskit::Role;
use egui::{Rect, Theme, Ui};
use egui_kittest::kittest::Queryable;
use egui_kittest::{Harness, SnapshotResults};
use hydra_studio::adapter::{AdapterSpec, Module, Target};
use hydra_studio::app::notification::KeptNotifications;
use hydra_studio::app::pages::PageId;
use hydra_studio::app::picker::{PickOutcome, ScriptedPicker};
use hydra_studio::app::settings::Persisted;
use hydra_studio::app::theme::{self, Tokens};
use hydra_studio::app::{App, Deps, StartArgs};
use hydra_studio::data::ColumnMap;
use hydra_studio::train::{
    CheckpointRecord, Energy, EnergyPart, EvalRecord, PauseRecord, StepRecord, TopicLoss, TrainSettings, UsageRecord,
    WarningKind, WarningRecord,
};
use hydra_studio::worker::protocol::{
    AdapterSummary, DataSummary, Event, ModelSummary, ModuleGates, Request, RoutingReport, RunSummary, TokenView,
    TrainingEnd,
};

/// A window in which no page needs to scroll.
const TALL: [f32; 2] = [1180.0, 3600.0];

/// A frame's budget is 8 ms of an optimised build on an idle machine. Tests run with little optimisation beside each other,
/// and a frame here includes the harness, so they are held to more, in the best of three rounds.
const LENIENT_MS: f64 = 40.0;

/// Both themes, and how pictures of them are called.
pub const THEMES: [(Theme, &str); 2] = [(Theme::Dark, "dark"), (Theme::Light, "light")];

pub struct Stage {
    pub window: Harness<'static, App>,
    requests: Receiver<Request>,
    events: Sender<Event>,
    pub runs: tempfile::TempDir,
}

impl Stage {
    /// A window of `size` that shows `page`.
    pub fn new(page: PageId, size: [f32; 2], theme: egui::ThemePreference) -> Self {
        Self::picking(page, size, theme, ScriptedPicker::default())
    }

    /// As [`Stage::new`], with `picker` in the place of the system's dialogs.
    pub fn picking(page: PageId, size: [f32; 2], theme: egui::ThemePreference, picker: ScriptedPicker) -> Self {
        let (request_sender, requests) = crossbeam_channel::unbounded();
        let (events, event_receiver) = crossbeam_channel::unbounded();
        let runs = tempfile::tempdir().expect("a temporary folder");
        let (run_parent, chart_parent) = (runs.path().to_path_buf(), runs.path().join("charts"));
        let persisted = Persisted { theme, run_parent, chart_parent, ..Persisted::default() };
        // The harness sets its own theme after the window has set its.
        let egui_theme = if theme == egui::ThemePreference::Light { egui::Theme::Light } else { egui::Theme::Dark };
        let window =
            Harness::builder().with_size(size).with_theme(egui_theme).with_max_steps(64).build_eframe(move |cc| {
                let start = StartArgs { page: Some(page), ..StartArgs::default() };
                let picker = Box::new(picker);
                let deps = Deps {
                    requests: request_sender,
                    events: event_receiver,
                    picker,
                    notifier: Box::new(KeptNotifications::default()),
                    log: crossbeam_channel::never(),
                    start,
                };
                App::new(&cc.egui_ctx, deps, persisted)
            });
        Self { window, requests, events, runs }
    }

    /// Holds frames to [`LENIENT_MS`]: the time that 95 of 100 stay below, while `before` each something happens.
    pub fn hold_to_budget(&mut self, what: &str, mut before: impl FnMut(&mut Self, usize)) {
        const FRAMES: usize = 60;
        let mut round = |round: usize| {
            let mut times: Vec<f64> = (0..FRAMES)
                .map(|frame| {
                    before(self, round * FRAMES + frame);
                    let start = Instant::now();
                    self.window.step();
                    start.elapsed().as_secs_f64() * 1e3
                })
                .collect();
            times.sort_by(f64::total_cmp);
            eprintln!("{what}: median {:.1} ms, p95 {:.1} ms", times[FRAMES / 2], times[FRAMES * 95 / 100]);
            times[FRAMES * 95 / 100]
        };
        let best = (0..3).map(&mut round).fold(f64::INFINITY, f64::min);
        assert!(best < LENIENT_MS, "{what}: 95 of 100 frames should stay below {LENIENT_MS} ms, not {best:.1} ms");
    }

    /// Types a path into the field that asks for a file, in place of what stands there.
    pub fn type_path(&mut self, path: &Path) {
        self.window.get_by_role_and_label(Role::TextInput, "File").focus();
        self.settle();
        self.window.key_press_modifiers(egui::Modifiers::COMMAND, egui::Key::A);
        self.window.get_by_role_and_label(Role::TextInput, "File").type_text(&path.to_string_lossy());
        self.settle();
    }

    /// Saves the picture behind a menu in a format, and gives back the file.
    pub fn saved(&mut self, menu: &str, format: &str, name: &str) -> Vec<u8> {
        self.click(menu);
        self.click(format);
        let path = self.runs.path().join(name);
        self.type_path(&path);
        self.click("Save");
        let told = format!("Saved the picture to {}", path.display());
        let start = Instant::now();
        while self.window.query_all_by_label_contains(&told).next().is_none() {
            assert!(start.elapsed() < Duration::from_secs(30), "{name} was never written");
            std::thread::sleep(Duration::from_millis(10));
            self.settle();
        }
        std::fs::read(path).expect("the file")
    }

    fn click(&mut self, label: &str) {
        self.window.get_by_label(label).click();
        self.settle();
    }

    /// What a page test usually wants: a wide, tall window in the dark theme.
    pub fn on(page: PageId) -> Self {
        Self::new(page, TALL, egui::ThemePreference::Dark)
    }

    /// The same on the Train page, where dialogs are answered with `answers`.
    pub fn answering(answers: impl IntoIterator<Item = PickOutcome>) -> Self {
        let picker = ScriptedPicker::new(answers);
        Self::picking(PageId::Train, TALL, egui::ThemePreference::Dark, picker)
    }

    /// Lets the worker tell `events`, and the window take them in.
    pub fn tell(&mut self, events: impl IntoIterator<Item = Event>) {
        self.send(events);
        self.settle();
    }

    /// Lets the worker tell `events`, which the next frame takes in.
    pub fn send(&self, events: impl IntoIterator<Item = Event>) {
        for event in events {
            self.events.send(event).expect("the window listens");
        }
    }

    /// Runs frames until nothing moves, or for a while where something always does.
    pub fn settle(&mut self) {
        self.window.run_ok();
    }

    /// What was asked of the worker since the last call.
    pub fn requests(&mut self) -> Vec<Request> {
        self.settle();
        // The window looks by itself for a run to go on with.
        let is_asked = |request: &Request| !matches!(request, Request::FindLastRun { .. });
        self.requests.try_iter().filter(is_asked).collect()
    }
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
        stored_as: "Q4_1".into(),
        weight_bytes: 98_000_000,
        device: "CPU".into(),
        template: "from the model".into(),
        has_template: true,
        sampling: hydra_studio::worker::protocol::Sampling::default(),
    })
}

pub fn data() -> Event {
    let prompts = ["What is 17 plus 25?", "How many days are there from 3 May to 9 June?", "Write 'river' backwards."];
    Event::DataImported(DataSummary {
        files: Vec::new(),
        map: ColumnMap::default(),
        rows: 2000,
        kept: 2000,
        dropped: Vec::new(),
        dropped_rows: 0,
        split: Default::default(),
        held_out: 100,
        held_out_prompts: prompts.map(String::from).to_vec(),
        topics: Vec::new(),
        edits: Default::default(),
    })
}

pub fn adapter() -> Event {
    Event::AdapterLoaded(AdapterSummary {
        path: Some("/adapters/demo".into()),
        spec: AdapterSpec::default(),
        parameters: 4_884_480,
        router_parameters: 420_000,
    })
}

pub fn started(steps: usize) -> Event {
    Event::TrainingStarted(RunSummary {
        path: "/runs/2026-11-24-smollm2".into(),
        settings: TrainSettings::default(),
        from_step: 0,
        steps,
        examples: 1900,
        held_out: 100,
        cut: 12,
        skipped: 0,
        parameters: 4_884_480,
        router_parameters: 420_000,
    })
}

/// Noise from 0 to 1 that is the same on every machine.
pub fn noise(seed: usize) -> f64 {
    (seed.wrapping_mul(2_654_435_761) >> 7) as f64 % 1000.0 / 1000.0
}

pub fn step(step: usize, steps: usize) -> Event {
    let share = step as f64 / steps as f64;
    let spike = if step.is_multiple_of(311) { 0.9 } else { 0.0 };
    Event::Step(StepRecord {
        step,
        steps,
        loss: 0.62 + 1.6 * (-5.0 * share).exp() + 0.28 * (noise(step) - 0.5) + spike,
        lr: 2e-4 * (share / 0.03).min(1.0) * 0.5 * (1.0 + (PI * share).cos()),
        grad_norm: 0.8 + 1.5 * (-8.0 * share).exp() + 0.4 * noise(step + 7) + 3.0 * spike,
        tokens: 1400,
        supervised: 400,
        tokens_per_s: 230.0 + 40.0 * noise(step + 3),
        elapsed_s: step as f64 * 5.3,
    })
}

pub fn eval(step: usize, steps: usize) -> Event {
    let loss = 0.71 + 1.5 * (-5.0 * step as f64 / steps as f64).exp();
    let topic = |(i, topic): (usize, &str)| TopicLoss {
        topic: topic.to_owned(),
        loss: loss * (0.8 + 0.2 * i as f64),
        examples: 50 - 10 * i,
        supervised: 2000 - 400 * i,
    };
    Event::Eval(EvalRecord {
        step,
        loss,
        examples: 100,
        supervised: 4000,
        elapsed_s: step as f64 * 5.3,
        topics: ["sums and dates", "spelling", "train times"].into_iter().enumerate().map(topic).collect(),
    })
}

pub fn routing_sample(step: usize, steps: usize) -> Event {
    let lean = 0.12 * (step as f32 / steps as f32).sqrt();
    Event::RoutingSample {
        step,
        load: vec![1.0 / 3.0 + lean, 1.0 / 3.0 - 0.4 * lean, 1.0 / 3.0 - 0.6 * lean],
        entropy: 1.0 - 2.0 * lean * lean - 0.1 * lean,
        collapsed: 0.0,
        similarity: (0..3)
            .map(|i| (0..3).map(|j| if i == j { 1.0 } else { lean * (i + j) as f32 }).collect())
            .collect(),
    }
}

pub fn usage(step: usize) -> Event {
    let part = |wh, measured| EnergyPart { wh: wh * step as f64, measured };
    Event::Usage(UsageRecord {
        step,
        memory_bytes: 1_400_000_000 + 50_000_000 * (step as u64 % 7),
        energy: Energy { cpu: part(0.031, true), gpu: None, ram: part(0.004, false) },
        elapsed_s: step as f64 * 5.3,
        beside_s: 0.0,
    })
}

pub fn pause(step: usize) -> Event {
    Event::PauseNoted(PauseRecord { step, elapsed_s: step as f64 * 5.3 })
}

pub fn warning(step: usize) -> Event {
    let message = "memory ran short: the run goes on with micro-batches of half the size".to_owned();
    Event::RunWarning(WarningRecord { step, kind: WarningKind::Memory, message })
}

/// All events of a run's first `done` steps out of `steps`.
pub fn run_events(done: usize, steps: usize) -> Vec<Event> {
    let mut events = vec![started(steps), eval(0, steps)];
    let every = (steps / 10).max(1);
    for at in 1..=done {
        events.push(step(at, steps));
        if at.is_multiple_of(every) {
            events.push(eval(at, steps));
            let name = format!("checkpoint-{at}");
            events.push(Event::Checkpoint(CheckpointRecord { step: at, name, best: true }));
        }
        if at.is_multiple_of((steps / 100).max(1)) {
            events.push(routing_sample(at, steps));
            events.push(usage(at));
        }
    }
    events
}

pub fn done(steps: usize) -> Event {
    Event::TrainingDone(TrainingEnd {
        path: "/runs/2026-11-24-smollm2".into(),
        step: steps,
        steps,
        stopped: false,
        first_held_out: Some(2.21),
        last_held_out: Some(0.72),
        elapsed_s: steps as f64 * 5.3,
    })
}

const TEXT: &str = "<|im_start|> user \n A| train| leaves| at| 9|:|40| and| takes| 2| hours| and| 35| minutes|.| When| \
does| it| arrive|?|<|im_end|>|\n|<|im_start|>|assistant|\n|From| 9|:|40|,| two| hours| later| it| is| 11|:|40|,| and| \
35| minutes| after| that| it| is| 12|:|15|.| So| the| train| arrives| at| 12|:|15|.|<|im_end|>";

/// A report like those of a trained adapter: heads divide by kind of token, the more the later the layer.
pub fn report(tokens: usize, layers: usize, heads: usize) -> RoutingReport {
    let pieces: Vec<&str> = TEXT.split('|').filter(|piece| !piece.is_empty()).collect();
    let token = |i: usize| TokenView {
        text: pieces.get(i % pieces.len()).copied().unwrap_or(" word").to_owned(),
        supervised: i > tokens / 2,
    };
    let tokens: Vec<TokenView> = (0..tokens).map(token).collect();
    let modules = (0..layers).flat_map(|layer| Target::ALL.map(|target| Module { layer, target }));
    let modules = modules.map(|module| ModuleGates { module, gates: gates(&tokens, module, layers, heads) });
    RoutingReport { title: "A train leaves at 9:40…".into(), at: None, heads, modules: modules.collect(), tokens }
}

fn gates(tokens: &[TokenView], module: Module, layers: usize, heads: usize) -> Vec<f32> {
    let depth = module.layer as f64 / layers as f64;
    let mut gates = Vec::with_capacity(tokens.len() * heads);
    for (i, token) in tokens.iter().enumerate() {
        let kind =
            usize::from(token.text.trim().chars().any(|c| c.is_ascii_digit())) + 2 * usize::from(token.supervised);
        let favoured = (kind + module.target as usize / 3) % heads;
        let raw: Vec<f64> = (0..heads)
            .map(|head| {
                let lean = if head == favoured { 1.6 * depth } else { 0.0 };
                (lean + 0.3 * noise(i + 31 * head + 7 * module.layer)).exp()
            })
            .collect();
        let sum: f64 = raw.iter().sum();
        gates.extend(raw.into_iter().map(|gate| (gate / sum) as f32));
    }
    gates
}

/// Compares what `draw` draws on a card in one of the [`THEMES`] with the picture of that name.
pub fn picture(
    results: &mut SnapshotResults,
    name: &str,
    (theme, suffix): (Theme, &str),
    [width, height]: [f32; 2],
    mut draw: impl FnMut(&mut Ui),
) {
    let mut harness = Harness::builder().with_size([width, height]).with_theme(theme).build_ui(|ui| {
        egui_extras::install_image_loaders(ui.ctx());
        theme::apply(ui.ctx());
        theme::card_frame(Tokens::of(ui)).show(ui, |ui| {
            ui.set_width(width - 32.0);
            draw(ui);
        });
    });
    harness.run_ok();
    harness.fit_contents();
    harness.snapshot(format!("{name}_{suffix}"));
    results.extend_harness(&mut harness);
}

/// Fails where one of the labels of a place lies on another.
pub fn lie_apart(labels: &[(String, Rect)], place: &str) {
    for (i, (text, rect)) in labels.iter().enumerate() {
        for (other, above) in labels.iter().take(i) {
            let both = rect.intersect(*above);
            let is_on = both.width() > 1.0 && both.height() > 1.0;
            assert!(!is_on, "{place}: \"{text}\" {rect:?} lies on \"{other}\" {above:?}");
        }
    }
}
