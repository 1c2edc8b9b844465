use std::collections::BTreeSet;
use std::fmt::Debug;
use std::path::PathBuf;

use serde_json::{from_value, json};

use super::super::super::protocol::{
    AdapterSummary, AnswerTokens, AskedAnswer, AuditSummary, DataMend, DataSummary, EditsSummary, EndReason,
    ExampleBrief, ExampleView, ExportSummary, Facts, FaultSummary, FileSummary, FoundChange, GateWatch, InspectSource,
    JobKind, ModelSummary, ModuleGates, QueueView, ReadPrompt, ReadingSummary, RenderedPrompt, RoutingReport, RowOrder,
    RowQuery, RowSide, RowView, RunSummary, Sampling, Side, SplitRule, SurveyScope, TokenGates, TokenView, TopicBoard,
    TopicEdit, TopicOpinion, TopicSearch, TopicView, TopicsReport, TrainingEnd, WeighedAnswer,
};
use super::*;
use crate::adapter::{AdapterSpec, Module, Target};
use crate::cluster::{Advice, Clarity, TopicFeatures, TopicMethod, Trial};
use crate::data::audit::{Fault, Finding, Mend};
use crate::data::{ColumnMap, Dropped, Edit, Message, Role, Source};
use crate::model::BaseType;
use crate::project::runs::{RunEntry, RunList, RunNotes};
use crate::project::{QueueMode, QueueSummary, QueuedId, QueuedRun, QueuedState, RunOrder, Shift};
use crate::text::audit::Histogram;
use crate::train::{
    CheckpointRecord, DataFacts, DeviceChoice, Energy, EnergyPart, EvalRecord, Length, PauseRecord, RunHistory,
    SampleRecord, StepRecord, TopicLoss, TrainSettings, UsageRecord, WarningKind, WarningRecord,
};

/// What the other process reads.
fn there<T: Serialize + DeserializeOwned>(message: &T) -> T {
    let bytes = frame(message).unwrap();
    let mut input = bytes.as_slice();
    let read = super::read(&mut input).unwrap().unwrap();
    assert!(input.is_empty(), "the next message begins where this one ends");
    read
}

/// By their words: a number that is none equals nothing.
fn assert_whole<T: Serialize + DeserializeOwned + Debug>(messages: &[T]) {
    for message in messages {
        assert_eq!(format!("{:?}", there(message)), format!("{message:?}"));
    }
}

fn path(name: &str) -> PathBuf {
    PathBuf::from("/home/ada").join(name)
}

fn settings() -> TrainSettings {
    TrainSettings {
        length: Length::Epochs(0.1 + 0.2),
        seed: u64::MAX,
        base: BaseType::BF16,
        device: DeviceChoice::Metal,
        checkpoint_every: Some(7),
        targets: vec![Target::Q, Target::Down],
        init_adapter: Some(path("adapter")),
        ..TrainSettings::default()
    }
}

fn message(role: Role) -> Message {
    Message { role, content: "Was kostet das? 値段は？\0".into() }
}

fn sampling() -> Sampling {
    Sampling { temperature: f64::MIN_POSITIVE, seed: u64::MAX, ..Sampling::default() }
}

fn order() -> RunOrder {
    RunOrder {
        title: "first".into(),
        group: Some("sweep".into()),
        model: path("model"),
        data: vec![path("a.csv"), path("b.csv")],
        columns: ColumnMap { prompt: Some("ask".into()), ..ColumnMap::default() },
        settings: settings(),
        out: path("runs/first"),
    }
}

fn requests() -> Vec<Request> {
    use Request as R;

    let settings = settings();
    let paths = vec![path("a"), path("b")];
    let sides = [Side::Base, Side::Folder { path: path("a"), mix: crate::adapter::HeadMix::default() }];
    let asked = |side| AskedAnswer { id: u64::MAX, side, messages: vec![message(Role::User)] };
    let answers = sides.map(asked).to_vec();
    let weighed = AnswerTokens { id: 7, messages: vec![message(Role::User)], tokens: vec![0, u32::MAX] };
    vec![
        R::LoadModel { path: path("m"), device: DeviceChoice::Cuda },
        R::LoadAdapter { path: path("a") },
        R::DropAdapter,
        R::ImportData { paths: paths.clone(), map: order().columns },
        R::PreviewData { start: 3, count: usize::MAX, context: 64 },
        R::ListRows { query: row_query(), start: 0, count: 100 },
        R::EditData(Edit::Replace { rows: vec![(usize::MAX, vec![message(Role::User)])] }),
        R::EditData(Edit::SetTopics { names: vec!["a".into()], of_rows: vec![Some(0), None], excluded: vec![0] }),
        R::UndoEdit,
        R::RedoEdit,
        R::SaveData { folder: path("data") },
        R::AuditData { context: 512 },
        R::EditFound { query: row_query(), found: usize::MAX, change: FoundChange::LeaveOut },
        R::EditFound { query: row_query(), found: 0, change: FoundChange::Label(Some("sky".into())) },
        R::HoldOut(SplitRule { share: 0.1 + 0.2, seed: u64::MAX }),
        R::EditData(Edit::Judge { fault: Fault::Cut, is_fine: true }),
        R::MendData(DataMend { fault: Fault::Mojibake, mend: Mend::Repair, context: 512, row: Some(usize::MAX) }),
        R::FindTopics { search: search() },
        R::OpenTopics { path: path("clusters.json") },
        R::EditTopics(TopicEdit::Merge(vec![0, u32::MAX])),
        R::EditTopics(TopicEdit::Split(1)),
        R::EditTopics(TopicEdit::Rename { topic: 1, name: "値段".into() }),
        R::EditTopics(TopicEdit::Exclude { topic: 1, is_excluded: true }),
        R::EditTopics(TopicEdit::Gather(vec![usize::MAX])),
        R::EditTopics(TopicEdit::Undo),
        R::EditTopics(TopicEdit::Redo),
        R::ApplyTopics,
        R::SaveTopics { path: path("clusters.json") },
        R::StartTraining { settings: settings.clone(), out: path("run") },
        R::StartTrainingAnyway { settings, out: path("run") },
        R::ResumeRun { run: path("run") },
        R::Pause,
        R::PauseAndFree,
        R::Continue,
        R::SaveNow,
        R::Discard,
        R::StopAndSave,
        R::Generate {
            answers,
            sampling: sampling(),
            watch: GateWatch::Module(Module { layer: 1, target: Target::Up }),
        },
        R::Weigh { answers: vec![weighed], side: Side::adapter(), against: Some(Side::Base), watch: GateWatch::Mean },
        R::DescribeAdapter { path: path("adapter") },
        R::ReadPrompt { id: 7, messages: vec![message(Role::User)], side: Side::adapter(), watch: GateWatch::Mean },
        R::SaveTranscript { path: path("t.jsonl"), conversations: vec![vec![message(Role::User)]] },
        R::RenderPrompt { id: 7, messages: vec![message(Role::User)] },
        R::Inspect { source: InspectSource::HeldOut(4), at: Some(path("checkpoint-4")) },
        R::Inspect { source: InspectSource::Conversation(vec![message(Role::System)]), at: None },
        R::Inspect { source: InspectSource::Prompt("why?".into()), at: None },
        R::Survey { scope: SurveyScope::All, at: None },
        R::Replay { run: path("run") },
        R::WatchGates { on: true },
        R::NameHead { path: path("run"), head: 2, name: "colours".into() },
        R::Export { out: path("out") },
        R::OpenDemo,
        R::Enqueue { runs: vec![order()] },
        R::SaveTable { path: path("t.csv"), text: "a,b\r\n".into() },
        R::RemoveQueued { id: QueuedId(3) },
        R::MoveQueued { id: QueuedId(3), way: Shift::Down },
        R::RetryQueued { id: QueuedId(u64::MAX) },
        R::StartQueue,
        R::HoldQueue,
        R::ListRuns { folder: path("runs") },
        R::ReadRuns { paths: paths.clone() },
        R::CompareMatrices { adapters: vec![path("run"), path("adapter")] },
        R::NoteRun { path: path("run"), notes: RunNotes::new(["a", "b"], "two\nlines") },
        R::TrashRuns { paths: paths.clone() },
        R::FindLastRun { recent: paths, folder: path("runs") },
        R::Cancel { job: JobKind::ReadRuns },
        R::Shutdown,
    ]
}

fn search() -> TopicSearch {
    TopicSearch { method: TopicMethod::Density, features: TopicFeatures::Model, topics: Some(3), seed: u64::MAX }
}

fn events_of_topics() -> Vec<Event> {
    let brief = ExampleBrief { row: 3, source: "a.csv:3".into(), text: "値段は？".into() };
    let topic = TopicView {
        id: u32::MAX,
        name: "sky".into(),
        color: 9,
        size: 3,
        words: vec!["moon".into()],
        typical: vec![brief.clone()],
        borderline: Vec::new(),
        is_excluded: true,
    };
    let board = TopicBoard {
        topics: vec![topic],
        examples: 4,
        noise: 1,
        shown: vec![Some(0), None],
        agreement: Some(f64::NAN),
        undo: Some("Merge".into()),
        redo: None,
        is_applied: true,
    };
    let advice = Advice { heads: 3, clarity: Clarity::Loose, sentence: "Use 3.".into(), reasons: vec!["so".into()] };
    let report = TopicsReport {
        search: search(),
        advice,
        sse: vec![0.1 + 0.2, f64::INFINITY],
        silhouette: vec![0.0, f64::NAN],
        stability: 1e-300,
        languages: vec!["German".into()],
        shown: vec![brief],
        principal: vec![[f32::NAN, f32::MIN_POSITIVE]],
        file: Some(path("clusters.json")),
    };
    let opinion = TopicOpinion {
        groups: 2,
        noise: 3,
        shown: vec![None, Some(1)],
        agreement: None,
        trials: vec![Trial { by_error: 3, by_density: 0 }],
    };
    vec![
        Event::TopicsFound { report: Box::new(report), board: Box::new(board.clone()) },
        Event::TopicsEdited(Box::new(board)),
        Event::TopicMap { places: vec![[f32::INFINITY, -0.5]], share: 0.25 },
        Event::TopicOpinion(Box::new(opinion)),
        Event::TopicsSaved { path: path("clusters.json") },
        Event::TopicsGone,
    ]
}

fn step() -> StepRecord {
    StepRecord {
        step: 3,
        steps: 9,
        loss: f64::NAN,
        lr: 0.1 + 0.2,
        grad_norm: f64::INFINITY,
        tokens: 100,
        supervised: 40,
        tokens_per_s: f64::NEG_INFINITY,
        elapsed_s: 1e-300,
    }
}

fn history() -> RunHistory {
    let topics = vec![TopicLoss { topic: "sky".into(), loss: f64::NAN, examples: 3, supervised: 9 }];
    let eval = EvalRecord { step: 3, loss: 1.5, examples: 4, supervised: 40, elapsed_s: 2.0, topics };
    RunHistory {
        steps: vec![step(), step()],
        evals: vec![EvalRecord { topics: Vec::new(), ..eval.clone() }, eval],
        checkpoints: vec![CheckpointRecord { step: 3, name: "checkpoint-3".into(), best: true }],
        ..RunHistory::default()
    }
}

fn usage() -> UsageRecord {
    let part = EnergyPart { wh: 0.25, measured: true };
    UsageRecord {
        step: 3,
        memory_bytes: 1 << 40,
        energy: Energy { cpu: part, gpu: None, ram: part },
        elapsed_s: 3.0,
        beside_s: 1.5,
    }
}

fn sample() -> SampleRecord {
    SampleRecord {
        step: 3,
        prompt: 0,
        question: "?".into(),
        topic: None,
        expected: Some("!".into()),
        answer: String::new(),
        is_cut: true,
    }
}

fn facts() -> Facts {
    let model = json!({
        "config": {
            "architecture": "Llama", "hidden": 8, "intermediate": 16, "layers": 2, "heads": 2, "kv_heads": 1,
            "head_dim": 4, "vocab": 10, "norm_eps": 1e-5, "rope_theta": 10000.0,
            "rope_scaling": { "Factors": [1.0, 0.1] }, "max_position": 32, "tied_embeddings": true, "qkv_bias": false,
            "o_bias": false, "mlp_bias": false, "qk_norm": false,
            "sliding_window": { "tokens": 8, "layers": [true, false] }, "bos": 1, "eos": [2, 3],
        },
        "place": "cpu", "stored_as": "f32", "stored_bytes": 100, "base": BaseType::Q8_0, "loaded_bytes": 90,
    });
    let machine = json!({
        "flops_per_s": 1e11, "threads": 4, "memory_total": 1u64 << 34, "memory_available": 1u64 << 33,
        "memory_held": 1000, "memory_of_run": 10,
    });
    let data = Some(DataFacts::unknown());
    Facts { model: from_value(model).unwrap(), data, machine: from_value(machine).unwrap() }
}

fn model() -> ModelSummary {
    ModelSummary {
        name: "tiny".into(),
        path: path("model"),
        architecture: "llama".into(),
        parameters: 1000,
        layers: 2,
        hidden: 8,
        vocab: 10,
        max_context: 32,
        stored_as: "f32".into(),
        weight_bytes: 4000,
        device: "Processor".into(),
        template: "its own".into(),
        has_template: true,
        sampling: sampling(),
    }
}

fn data() -> DataSummary {
    let file = FileSummary {
        path: path("a.csv"),
        shape: "alpaca".into(),
        explanation: "by its columns".into(),
        columns: vec!["ask".into()],
        rows: 9,
        kept: 8,
    };
    DataSummary {
        files: vec![file],
        map: order().columns,
        rows: 9,
        kept: 8,
        dropped: vec![Dropped { source: Source { file: "a.csv".into(), line: 4 }, reason: "empty".into() }],
        dropped_rows: 1,
        split: SplitRule { share: 0.3, seed: u64::MAX },
        held_out: 2,
        held_out_prompts: vec![String::new()],
        topics: vec![("sky".into(), 3)],
        edits: EditsSummary {
            made: 2,
            undo: Some("x".into()),
            redo: None,
            left_out: 1,
            rewritten: usize::MAX,
            fine: BTreeSet::from([Fault::Cut]),
        },
    }
}

fn row_query() -> RowQuery {
    RowQuery {
        text: "\u{1F40D}".into(),
        topic: Some("sky".into()),
        side: RowSide::HeldOut,
        rows: Some(vec![0, usize::MAX]),
        fault: Some(Fault::NearDuplicate),
        order: RowOrder::Question,
        descending: true,
    }
}

fn row_view() -> RowView {
    RowView {
        row: 7,
        index: 6,
        file: "a.csv".into(),
        line: 9,
        question: "?".into(),
        answer: "!".into(),
        topic: None,
        messages: 2,
        bytes: usize::MAX,
        held_out: true,
    }
}

fn audited() -> AuditSummary {
    let finding = Finding {
        fault: Fault::AcrossSplit,
        row: Some(4),
        source: Source { file: "a.csv".into(), line: 5 },
        reason: "twice".into(),
        mend: Mend::Drop,
    };
    let reading = ReadingSummary {
        model: "tiny".into(),
        read: 8,
        whole: 7,
        lengths: Histogram::of(vec![3, 9, 200], Some(64)),
        learnt: Histogram::default(),
        fitting: Some(208),
    };
    let faults = vec![FaultSummary { fault: Fault::AcrossSplit, count: 3, examples: 2, findings: vec![finding] }];
    AuditSummary { context: 64, examples: 8, reading: Some(reading), faults, note: Some("not all".into()) }
}

fn entry() -> RunEntry {
    from_value(json!({
        "path": path("run"), "name": "run", "status": { "failed": { "message": "no number" } }, "step": 3, "steps": 9,
        "file": {
            "format": 1, "version": "0.1.0", "started": "2026-01-02T03:04:05Z", "settings": settings(),
            "model": { "path": path("model"), "name": "tiny", "fingerprint": "abc" },
            "data": { "kind": "rows", "files": [{ "path": path("a.csv"), "bytes": 3, "sha256": "ab" }],
                      "columns": { "prompt": "ask" } },
            "device": "CPU", "steps": 9, "examples": 8, "held_out": 1,
        },
        "best": { "step": 3, "loss": 1.5, "name": "checkpoint-3" }, "last_checkpoint": 3, "first_held_out": 2.0,
        "last_held_out": 1.5, "last_loss": null, "elapsed_s": 3.0, "energy": null, "peak_bytes": 1u64 << 33,
        "notes": { "tags": ["a"], "note": "" }, "problems": ["odd"],
        "resume": { "from_step": 3, "of_steps": 9, "to_repeat": 0 },
    }))
    .unwrap()
}

fn survey() -> Event {
    let gates = json!({ "mean": [0.5, 0.5], "leads": [0.25, 0.75], "entropy": 0.5, "saturated": 0.0 });
    let module = json!({ "layer": 1, "target": Target::Up });
    from_value(json!({ "Surveyed": { "scope": "held_out", "at": null, "survey": {
        "heads": 2, "examples": 3, "tokens": 30, "skipped": 0, "overall": gates,
        "modules": [{ "module": module, "gates": gates, "similarity": null }],
        "topics": [{ "topic": null, "examples": 3, "tokens": 30, "gates": gates, "mean": [0.5, 0.5], "deviation": [0.0, 0.1],
                     "error": [0.0, 0.1], "leads": [1, 2],
                     "modules": [[0.25, 0.75]] }],
        "association": null, "portraits": [], "health": [],
    } } }))
    .unwrap()
}

fn frame_of_gates(origin: &str) -> serde_json::Value {
    json!({ "step": 3, "origin": origin, "load": [0.5, 0.5], "entropy": 0.5, "checkpoint": null,
            "modules": [{ "module": { "layer": 0, "target": Target::Q }, "mean": [0.5, 0.5] }] })
}

fn routing() -> RoutingReport {
    RoutingReport {
        title: "Why?".into(),
        at: Some(path("checkpoint-3")),
        heads: 2,
        tokens: vec![TokenView { text: "Why".into(), supervised: true }],
        modules: vec![ModuleGates {
            module: Module { layer: 1, target: Target::Up },
            gates: vec![f32::NAN, f32::MIN_POSITIVE],
        }],
    }
}

fn queue() -> QueueView {
    let failed = QueuedState::Failed { message: "no memory".into() };
    let states = [QueuedState::Waiting, QueuedState::Running, QueuedState::Done, QueuedState::Interrupted, failed];
    let run = |(id, state)| QueuedRun { id: QueuedId(id), run: order(), state, begun: Some("2026".into()) };
    let states = states.into_iter().chain([QueuedState::Stopped { step: 3 }]);
    QueueView { mode: QueueMode::Going, runs: (0..).zip(states).map(run).collect(), problem: Some("held".into()) }
}

fn events_of_jobs() -> Vec<Event> {
    use Event as E;

    let job = JobKind::TrashRuns;
    let example = ExampleView {
        source: "a.csv:3".into(),
        topic: None,
        messages: vec![message(Role::Assistant)],
        tokens: routing().tokens,
        cut: 2,
        problem: Some("too long".into()),
    };
    let spec = AdapterSpec::default();
    let gates = TokenGates { mean: vec![f32::NAN, 0.5], module: Vec::new() };
    let weighed =
        WeighedAnswer { id: 7, log_probs: vec![f32::NEG_INFINITY], against: vec![], gates: vec![gates.clone()] };
    vec![
        E::Progress { job, share: Some(f32::NAN), note: "half".into() },
        E::Failed { job, message: "no".into() },
        E::Cancelled { job },
        E::Warning { message: "oh".into() },
        E::ModelLoaded(model()),
        E::AdapterLoaded(AdapterSummary { path: None, spec, parameters: 9, router_parameters: 2 }),
        E::AdapterDropped,
        E::DataImported(data()),
        E::ColumnsWanted { paths: vec![path("a")], columns: vec!["ask".into()] },
        E::DataPreview { start: 0, examples: vec![example] },
        E::FirstRows { rows: vec![row_view()] },
        E::Rows { query: row_query(), start: 0, total: usize::MAX, rows: vec![row_view()] },
        E::DataEdited(data()),
        E::DatasetSaved { path: path("data") },
        E::Audited(Box::new(audited())),
        E::Facts(facts()),
        E::HeldOut { prompts: vec!["?".into()], split: SplitRule::default(), held_out: 1 },
        E::AnswerStarted { id: 7, prompt_tokens: 3, context: 64 },
        E::Token { id: 7, token: None, text: "\u{1F40D}".into() },
        E::TokenGates { id: 7, token: 0, gates: gates.clone() },
        E::Answered {
            id: 7,
            tokens: 3,
            first_token_s: None,
            tokens_per_s: f64::INFINITY,
            reason: EndReason::ContextFull,
        },
        E::Weighed { answers: vec![weighed] },
        E::AdapterDescribed { path: path("adapter"), found: Ok(AdapterSpec::default()) },
        E::AdapterDescribed { path: path("adapter"), found: Err("no config".into()) },
        E::PromptRead(ReadPrompt { id: 7, tokens: vec!["\n".into()], gates: vec![gates.clone()] }),
        E::PromptRendered(RenderedPrompt { id: 7, text: "?".into(), tokens: 1, problem: None }),
        E::TranscriptSaved { path: path("t.jsonl") },
        E::Routing(routing()),
        survey(),
        from_value(json!({ "MatricesCompared": {
            "adapters": [], "left_out": ["b: no adapter"], "alike": {}, "units": [], "layers": [], "maps": [],
        } }))
        .unwrap(),
        from_value(json!({ "Replayed": { "run": path("run"), "frames": [frame_of_gates("held_out")] } })).unwrap(),
        from_value(json!({ "Gates": frame_of_gates("training") })).unwrap(),
        E::HeadNames { path: path("run"), names: vec![None, Some("colours".into())] },
        E::Exported(ExportSummary { path: path("out"), format: "x".into(), bytes: 9, files: vec![], tensors: 3 }),
        E::TableSaved { path: path("t.csv") },
        E::Runs(RunList { folder: path("runs"), runs: vec![entry()], unreadable: Vec::new() }),
        E::RunRead { path: path("run"), history: history() },
        E::RunsRead,
        E::RunNoted { path: path("run"), notes: RunNotes::default() },
        E::RunsTrashed { paths: vec![path("run")] },
        E::LastRun(Some(Box::new(entry()))),
        E::LastRun(None),
    ]
}

fn events_of_runs() -> Vec<Event> {
    use Event as E;

    let run = RunSummary {
        path: path("run"),
        settings: settings(),
        from_step: 0,
        steps: 9,
        examples: 8,
        held_out: 1,
        cut: 0,
        skipped: 0,
        parameters: 9,
        router_parameters: 2,
    };
    let end = TrainingEnd {
        path: path("run"),
        step: 3,
        steps: 9,
        stopped: true,
        first_held_out: Some(f64::NAN),
        last_held_out: None,
        elapsed_s: 3.0,
    };
    let estimate = json!({
        "step": 0, "weights": 1, "adapter": 2, "optimizer": 3, "activations": 4, "logits": 5, "rest": 6,
        "largest": { "tokens": 64, "supervised": 32 }, "steps": 9, "measured": 20, "total": 21,
        "available": 1u64 << 40,
    });
    let warning = WarningRecord { step: 3, kind: WarningKind::Collapse, message: "one head".into() };
    vec![
        E::TrainingStarted(run),
        E::RunHistory(history()),
        from_value(json!({ "Estimated": estimate })).unwrap(),
        from_value(json!({ "RouterStart": {
            "step": 0, "layer": 1, "layers": 2, "examples": 8, "tokens": 80, "explained": 0.5,
        } }))
        .unwrap(),
        E::Step(step()),
        E::Eval(history().evals.remove(1)),
        E::Checkpoint(CheckpointRecord { step: 3, name: "checkpoint-3".into(), best: false }),
        E::RoutingSample {
            step: 3,
            collapsed: 0.5,
            load: vec![f32::NAN],
            entropy: 0.1,
            similarity: vec![vec![1.0, -0.1]],
        },
        E::Usage(usage()),
        E::Sample(sample()),
        E::RunWarning(warning),
        E::PauseNoted(PauseRecord { step: 3, elapsed_s: 1.0 }),
        E::Paused { step: 3 },
        E::Freed { step: 3 },
        E::Continued { step: 3 },
        E::SaveFailed { message: "full".into() },
        E::TrainingDone(end),
        E::Discarded { path: path("run") },
        E::Queue(queue()),
        E::QueueEnded(QueueSummary { done: 1, failed: vec![("a".into(), "b".into())], stopped: 0, pending: 2 }),
        E::Restarted { message: "again".into() },
        E::ShutDown,
    ]
}

/// The name of a variant.
fn kind(value: &impl Debug) -> String {
    let text = format!("{value:?}");
    text.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default().to_owned()
}

/// The variants of an enum, from the source that declares it.
fn variants(source: &str, name: &str) -> BTreeSet<String> {
    let (_, body) = source.split_once(&format!("pub enum {name} {{\n")).unwrap();
    let (body, _) = body.split_once("\n}").unwrap();
    let lines = body.lines().filter_map(|line| line.strip_prefix("    "));
    lines.filter(|line| line.starts_with(char::is_uppercase)).map(|line| kind(&format_args!("{line}"))).collect()
}

#[test]
fn every_request_comes_whole_to_the_other_process() {
    let requests = requests();
    let source = include_str!("../../protocol/mod.rs");
    assert_eq!(requests.iter().map(kind).collect::<BTreeSet<_>>(), variants(source, "Request"));
    assert_whole(&requests);
}

#[test]
fn every_event_comes_whole_with_numbers_that_are_not_finite() {
    let events = [events_of_jobs(), events_of_topics(), events_of_runs()].concat();
    let source = include_str!("../../protocol/event.rs");
    assert_eq!(events.iter().map(kind).collect::<BTreeSet<_>>(), variants(source, "Event"));
    assert_whole(&events);
    let Event::Step(step) = there(&Event::Step(step())) else { unreachable!() };
    assert!(step.loss.is_nan() && step.grad_norm == f64::INFINITY);
    assert_eq!(step.lr.to_bits(), (0.1f64 + 0.2).to_bits());
}

#[test]
fn messages_follow_each_other_and_a_cut_one_is_an_error() {
    let mut bytes = Vec::new();
    for request in [Request::Pause, Request::Continue] {
        bytes.extend(frame(&ToWorker::Request(Box::new(request))).unwrap());
    }
    let mut input = bytes.as_slice();
    for expected in [Request::Pause, Request::Continue] {
        let Ok(Some(ToWorker::Request(request))) = super::read(&mut input) else { panic!("a request comes") };
        assert_eq!(*request, expected);
    }
    assert!(matches!(super::read::<ToWorker>(&mut input), Ok(None)));
    assert!(super::read::<ToWorker>(&mut &bytes[..7]).is_err());
    assert!(super::read::<ToWorker>(&mut [255u8, 255, 255, 255, 0].as_slice()).is_err(), "no memory is taken for it");
    assert!(super::read::<FromWorker>(&mut bytes.as_slice()).is_err());
}

#[cfg(unix)]
#[test]
fn a_path_that_is_no_unicode_is_refused_and_not_changed() {
    use std::os::unix::ffi::OsStringExt;

    let path = PathBuf::from(std::ffi::OsString::from_vec(vec![b'a', 255]));
    assert!(frame(&Request::ResumeRun { run: path }).is_err());
}
