//! Runs of every fate, told to a window as the worker would.

use std::path::PathBuf;

use chrono::{Local, TimeZone as _};
use hydra_studio::adapter::Method;
use hydra_studio::project::runs::{RunEntry, RunList, UnreadableRun};
use hydra_studio::train::{EvalRecord, RunHistory, StepRecord, TrainSettings};
use hydra_studio::worker::protocol::Event;
use serde_json::{Value, json};

pub const FOLDER: &str = "/home/ada/Hydra Studio/runs";

pub fn path(name: &str) -> PathBuf {
    PathBuf::from(FOLDER).join(name)
}

/// What of a run a test says; the rest is alike in all.
pub struct Told {
    pub name: &'static str,
    /// Day of November 2026 on which it began, at nine in the evening.
    pub day: u32,
    pub status: Value,
    pub step: usize,
    pub held_out: Option<f64>,
    pub resume: Value,
    pub settings: TrainSettings,
    pub tags: &'static [&'static str],
    pub note: &'static str,
}

impl Told {
    pub fn entry(&self) -> RunEntry {
        // The table tells local time: the same everywhere, so that pictures are.
        let started = Local.with_ymd_and_hms(2026, 11, self.day, 21, 5, 0).unwrap().to_utc().to_rfc3339();
        let checkpoint = (self.step > 0).then_some(self.step);
        let best = self.held_out.map(|loss| json!({ "step": self.step, "loss": loss, "name": "checkpoint-900" }));
        let value = json!({
            "path": path(self.name), "name": self.name, "status": self.status, "step": self.step, "steps": 900,
            "file": {
                "format": 1, "version": "0.1.0", "started": started, "settings": self.settings,
                "model": {
                    "path": "/home/ada/models/SmolLM2-135M-Instruct", "name": "SmolLM2-135M-Instruct",
                    "fingerprint": "abc",
                },
                "data": {
                    "kind": "rows", "columns": {},
                    "files": [{ "path": "/home/ada/tickets.csv", "bytes": 300, "sha256": "ba78" }],
                },
                "device": "CPU", "steps": 900, "examples": 1140, "held_out": 60,
                "parameters": 4_884_480, "router_parameters": 393_000,
            },
            "best": best, "last_checkpoint": checkpoint,
            "first_held_out": 3.2, "last_held_out": self.held_out, "last_loss": 1.125,
            "elapsed_s": 4.0 * self.step as f64,
            "energy": { "cpu": { "wh": 18.5, "measured": true }, "ram": { "wh": 2.25, "measured": false } },
            "peak_bytes": 1_980_000_000_u64,
            "notes": { "tags": self.tags, "note": self.note },
            "problems": [], "resume": self.resume,
        });
        serde_json::from_value(value).unwrap()
    }
}

/// A finished run, and one each that broke off, failed and trains.
pub fn told() -> [Told; 4] {
    let settings = TrainSettings::default();
    [
        Told {
            name: "tickets-rank-8",
            day: 24,
            status: json!("finished"),
            step: 900,
            held_out: Some(1.25),
            resume: Value::Null,
            settings: settings.clone(),
            tags: &["keep"],
            note: "Best so far on returns.",
        },
        Told {
            name: "tickets-rank-16",
            day: 23,
            status: json!("broken_off"),
            step: 420,
            held_out: Some(1.5),
            resume: json!({ "from_step": 412, "of_steps": 900, "to_repeat": 8 }),
            settings: TrainSettings { rank: 16, lr: 1e-3, ..settings.clone() },
            tags: &["keep", "night"],
            note: "",
        },
        Told {
            name: "plain-lora",
            day: 22,
            status: json!({ "failed": { "message": "the loss is not a number at step 12; lower the learning rate" } }),
            step: 12,
            held_out: None,
            resume: Value::Null,
            settings: TrainSettings { method: Method::Lora, lr: 0.5, ..settings.clone() },
            tags: &[],
            note: "",
        },
        Told {
            name: "now",
            day: 25,
            status: json!("in_training"),
            step: 30,
            held_out: Some(2.5),
            resume: Value::Null,
            settings: TrainSettings { heads: 5, ..settings },
            tags: &[],
            note: "",
        },
    ]
}

/// The list of them, the latest first, and a run that cannot be read.
pub fn list() -> RunList {
    let mut runs: Vec<RunEntry> = told().iter().map(Told::entry).collect();
    runs.sort_by_key(|run| std::cmp::Reverse(run.started()));
    let problem = "this run is of a newer version of Hydra Studio (format 9, this one reads 1); update to open it";
    let unreadable =
        UnreadableRun { path: path("from-next-year"), name: "from-next-year".into(), problem: problem.into() };
    RunList { folder: PathBuf::from(FOLDER), runs, unreadable: vec![unreadable] }
}

/// Curves that fall from 3 to about `floor`.
pub fn read(name: &str, floor: f64) -> Event {
    let loss = |step: usize| floor + (3.0 - floor) * (-(step as f64) / 90.0).exp();
    let ripple = |step: usize| 0.12 * ((step * 7919 % 101) as f64 / 101.0 - 0.5);
    let step = |step: usize| StepRecord {
        step,
        steps: 900,
        loss: loss(step) + ripple(step),
        lr: 2e-4,
        grad_norm: 0.7,
        tokens: 1800,
        supervised: 900,
        tokens_per_s: 412.0,
        elapsed_s: 4.0 * step as f64,
    };
    let eval = |step: usize| EvalRecord {
        step,
        loss: loss(step),
        examples: 60,
        supervised: 900,
        elapsed_s: 4.0 * step as f64,
        topics: Vec::new(),
    };
    let history = RunHistory {
        steps: (1..=420).map(step).collect(),
        evals: (0..=4).map(|i| eval(100 * i)).collect(),
        ..RunHistory::default()
    };
    Event::RunRead { path: path(name), history }
}
