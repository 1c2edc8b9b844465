//! A queue of every state and a comparison of every method, told to a window as the worker would.

use std::path::PathBuf;

use hydra_studio::adapter::Method;
use hydra_studio::data::ColumnMap;
use hydra_studio::project::runs::{RunEntry, RunList};
use hydra_studio::project::{Contender, QueueMode, QueuedId, QueuedRun, QueuedState, RunOrder};
use hydra_studio::train::TrainSettings;
use hydra_studio::worker::protocol::{Event, QueueView};
use serde_json::json;

pub const FOLDER: &str = "/home/ada/Hydra Studio/runs";
pub const GROUP: &str = "Methods 2026-11-25 16:40";

fn queued(id: u64, name: &str, state: QueuedState) -> QueuedRun {
    let run = RunOrder {
        title: name.into(),
        group: Some(GROUP.into()),
        model: "/home/ada/models/SmolLM2-135M-Instruct".into(),
        data: vec!["/home/ada/tickets.csv".into()],
        columns: ColumnMap::default(),
        settings: TrainSettings::default(),
        out: PathBuf::from(FOLDER).join(name),
    };
    let begun = (state != QueuedState::Waiting).then(|| "2026-11-25T16:40:00Z".into());
    QueuedRun { id: QueuedId(id), run, begun, state }
}

/// A queue with a run in each state; the one that runs is the fixtures' own.
pub fn queue(mode: QueueMode) -> Event {
    let failed = QueuedState::Failed {
        message: "cannot read the data: no such file; check the path: /home/ada/old/tickets.csv".into(),
    };
    let runs = vec![
        queued(1, "LoRA, rank 8", QueuedState::Done),
        queued(2, "LoRA, rank 16", failed),
        queued(3, "LoRA, rank 32", QueuedState::Stopped { step: 120 }),
        queued(4, "tickets", QueuedState::Running),
        queued(5, "LoRA-Split, rank 8, 3 heads", QueuedState::Interrupted),
        queued(6, "LoRA-MoE, rank 8, 3 heads", QueuedState::Waiting),
        queued(7, "HydraLoRA without gate, rank 8, 3 heads", QueuedState::Waiting),
    ];
    Event::Queue(QueueView { mode, runs, problem: None })
}

/// Sizes of SmolLM2-135M with adapters on all linear modules.
const MODEL: usize = 134_515_008;

/// Figures of a run: parameters of `A` and `B`, of the routers, best loss, seconds, watt-hours.
fn figures(contender: Contender) -> (usize, usize, f64, f64, f64) {
    match (contender.method, contender.rank) {
        (Method::HydraLora, _) => (5_260_800, 393_120, 1.247, 3720.0, 41.0),
        (Method::Lora, Some(8)) => (2_442_240, 0, 1.334, 2980.0, 33.0),
        (Method::Lora, Some(16)) => (4_884_480, 0, 1.302, 3050.0, 34.5),
        (Method::Lora, _) => (9_768_960, 0, 1.281, 3310.0, 37.0),
        (Method::LoraSplit, _) => (7_326_720, 0, 1.276, 4120.0, 46.0),
        (Method::LoraMoe, _) => (7_326_720, 393_120, 1.259, 4380.0, 49.5),
        (Method::HydraLoraUniform, _) => (5_260_800, 0, 1.351, 3490.0, 39.0),
    }
}

fn entry(contender: Contender, index: usize) -> RunEntry {
    let variant = contender.variant(&TrainSettings::default());
    let (parameters, router_parameters, loss, seconds, wh) = figures(contender);
    let name = format!("2026-11-25-1640-methods-{}", variant.folder);
    let status = if contender.method == Method::LoraMoe { "stopped" } else { "finished" };
    let value = json!({
        "path": PathBuf::from(FOLDER).join(&name), "name": name, "status": status, "step": 900, "steps": 900,
        "file": {
            "format": 1, "version": "0.1.0", "started": format!("2026-11-25T16:4{index}:00Z"),
            "settings": variant.settings,
            "model": { "path": "/home/ada/models/SmolLM2", "name": "SmolLM2-135M-Instruct", "fingerprint": "abc" },
            "data": {
                "kind": "rows", "columns": {},
                "files": [{ "path": "/home/ada/tickets.csv", "bytes": 300, "sha256": "ba78" }],
            },
            "device": "CPU", "steps": 900, "examples": 1140, "held_out": 60,
            "parameters": parameters, "router_parameters": router_parameters, "model_parameters": MODEL,
        },
        "best": { "step": 800, "loss": loss, "name": "checkpoint-800" },
        "first_held_out": 3.214, "last_held_out": loss + 0.012, "last_loss": 1.125, "elapsed_s": seconds,
        "energy": { "cpu": { "wh": wh, "measured": true }, "ram": { "wh": 2.0, "measured": false } },
        "peak_bytes": 1_980_000_000_u64 + 10_000_000 * index as u64,
        "notes": { "tags": [GROUP], "note": "" }, "problems": [], "resume": null,
    });
    serde_json::from_value(value).unwrap()
}

/// The runs of the comparison and one of another night, the latest first.
pub fn list() -> RunList {
    let mut runs: Vec<RunEntry> = Contender::ALL.into_iter().enumerate().map(|(i, c)| entry(c, i)).collect();
    runs.reverse();
    let mut other = entry(Contender::ALL[1], 0);
    (other.name, other.path) = ("long-ago".into(), PathBuf::from(FOLDER).join("long-ago"));
    other.notes.tags.clear();
    other.file.settings.seed = 7;
    runs.push(other);
    RunList { folder: PathBuf::from(FOLDER), runs, unreadable: Vec::new() }
}
