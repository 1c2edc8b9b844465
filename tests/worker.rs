//! The worker as the window sees it: requests in, events out.

#[path = "worker/answers.rs"]
mod answers;
#[path = "worker/audits.rs"]
mod audits;
#[path = "worker/cancelled.rs"]
mod cancelled;
#[path = "worker/data_changes.rs"]
mod data_changes;
#[path = "worker/desk.rs"]
mod desk;
#[path = "worker/facts.rs"]
mod facts;
#[path = "worker/freed.rs"]
mod freed;
#[path = "worker/matrices.rs"]
mod matrices;
#[path = "worker/queued.rs"]
mod queued;
#[path = "worker/recycle_bin.rs"]
mod recycle_bin;
#[path = "worker/refused.rs"]
mod refused;
#[path = "worker/routing.rs"]
mod routing;
#[path = "worker/runs.rs"]
mod runs;
#[path = "worker/saving.rs"]
mod saving;
mod support;
#[path = "worker/topics.rs"]
mod topics;

use desk::{Desk, generate, settings, steps};
use hydra_studio::data::{ColumnMap, import, split};
use hydra_studio::job::Job;
use hydra_studio::model::BaseType;
use hydra_studio::train::{DataRef, DeviceChoice, FileRef, RunFile, TrainSettings};
use hydra_studio::worker::protocol::{Event, InspectSource, JobKind, Request};

#[test]
fn a_whole_journey_from_a_model_to_an_exported_adapter() {
    let mut desk = Desk::ready();
    desk.send(Request::PreviewData { start: 0, count: 2, context: 64 });
    let Event::DataPreview { examples, .. } = desk.wait("a preview", |e| matches!(e, Event::DataPreview { .. })) else {
        unreachable!()
    };
    assert!(examples[0].tokens.iter().any(|t| t.supervised) && examples[0].tokens.iter().any(|t| !t.supervised));

    let run = desk.train(10);
    let Event::TrainingDone(end) = desk.wait("the end", |e| matches!(e, Event::TrainingDone(_))) else {
        unreachable!()
    };
    assert_eq!((end.step, end.stopped, &end.path), (10, false, &run));
    assert!(end.last_held_out.unwrap() < end.first_held_out.unwrap());
    assert_eq!(steps(&desk.seen), (1..=10).collect::<Vec<_>>());
    assert!(desk.seen.iter().any(|e| matches!(e, Event::RoutingSample { load, .. } if load.len() == 3)));

    for source in [InspectSource::Prompt("What colour is snow?".into()), InspectSource::HeldOut(0)] {
        desk.send(Request::Inspect { source, at: None });
        let Event::Routing(report) = desk.wait("routing", |e| matches!(e, Event::Routing(_))) else { unreachable!() };
        assert_eq!((report.heads, report.modules.len()), (3, 14));
        let gates = &report.modules[0].gates;
        assert_eq!(gates.len(), report.tokens.len() * 3);
        assert!(gates.chunks(3).all(|token| (token.iter().sum::<f32>() - 1.0).abs() < 1e-5));
    }

    desk.send(generate(7, 5));
    desk.wait("an answer", |e| matches!(e, Event::Answered { id: 7, .. }));

    let out = desk.path().join("exported");
    desk.send(Request::Export { out: out.clone() });
    desk.wait("the export", |e| matches!(e, Event::Exported(_)));
    assert!(out.join("adapter_model.safetensors").is_file() && out.join("tokenizer.json").is_file());
    desk.send(Request::Export { out });
    assert!(desk.wait_failure(JobKind::Export).contains("exported"));
}

#[test]
fn a_run_is_paused_questioned_stopped_and_resumed() {
    let mut desk = Desk::ready();
    let run = desk.train(400);
    desk.wait("a step", |e| matches!(e, Event::Step(_)));
    desk.send(Request::Pause);
    desk.wait("the pause", |e| matches!(e, Event::Paused { .. }));
    let at_pause = steps(&desk.seen).len();
    desk.send(generate(1, 3));
    desk.wait("an answer while paused", |e| matches!(e, Event::Answered { .. }));
    assert_eq!(steps(&desk.seen).len(), at_pause, "no step is taken while paused");
    desk.send(Request::LoadModel { path: "elsewhere".into(), device: DeviceChoice::Cpu });
    assert!(desk.wait_failure(JobKind::LoadModel).contains("a run is under way"));
    desk.send(Request::Continue);
    desk.wait("another step", |e| matches!(e, Event::Step(_)));
    desk.send(Request::StopAndSave);
    let Event::TrainingDone(end) = desk.wait("the end", |e| matches!(e, Event::TrainingDone(_))) else {
        unreachable!()
    };
    assert!(end.stopped && end.step < 400);

    desk.send(Request::ResumeRun { run });
    let Event::TrainingStarted(resumed) = desk.wait("the resumed run", |e| matches!(e, Event::TrainingStarted(_)))
    else {
        unreachable!()
    };
    assert_eq!((resumed.from_step, resumed.steps), (end.step, 400));
    let Event::RunHistory(past) = desk.wait("its past", |e| matches!(e, Event::RunHistory(_))) else { unreachable!() };
    assert_eq!(past.steps.iter().map(|s| s.step).collect::<Vec<_>>(), (1..=end.step).collect::<Vec<_>>());
    assert_eq!(past.checkpoints.last().map(|c| c.step), Some(end.step));
    assert!(!past.evals.is_empty() && !past.routing.is_empty());
    let first = desk.wait("a resumed step", |e| matches!(e, Event::Step(_)));
    assert!(matches!(first, Event::Step(record) if record.step == end.step + 1));
    desk.send(Request::Shutdown);
    desk.wait("the end of the thread", |e| matches!(e, Event::ShutDown));
}

#[test]
fn columns_that_fit_nothing_are_asked_for_and_then_imported() {
    let mut desk = Desk::new();
    let file = desk.path().join("fragen.csv");
    std::fs::write(&file, "Frage,Antwort\nWie spät ist es?,Zwölf.\nWer da?,Ich.\n").unwrap();
    let paths = vec![file.clone()];
    desk.send(Request::ImportData { paths: paths.clone(), map: ColumnMap::default() });
    let wanted = desk.wait("the columns", |e| matches!(e, Event::ColumnsWanted { .. }));
    assert_eq!(wanted, Event::ColumnsWanted { paths, columns: vec!["Frage".into(), "Antwort".into()] });
    assert!(desk.wait_failure(JobKind::ImportData).contains("fit no shape"));

    let map = ColumnMap { prompt: Some("Frage".into()), response: Some("Antwort".into()), ..ColumnMap::default() };
    desk.send(Request::ImportData { paths: vec![file], map: map.clone() });
    let Event::DataImported(data) = desk.wait("the data", |e| matches!(e, Event::DataImported(_))) else {
        unreachable!()
    };
    assert_eq!((data.kept, data.map), (2, map));
}

#[test]
fn what_cannot_be_done_is_said_and_the_worker_lives_on() {
    let mut desk = Desk::new();
    desk.send(Request::Inspect { source: InspectSource::Prompt("?".into()), at: None });
    assert!(desk.wait_failure(JobKind::Inspect).contains("Model page"));
    desk.train(1);
    assert!(desk.wait_failure(JobKind::Train).contains("no model is loaded"));
    desk.send(Request::LoadModel { path: desk.path().join("nothing"), device: DeviceChoice::Cpu });
    assert!(desk.wait_failure(JobKind::LoadModel).contains("nothing"));
    desk.send(Request::ImportData { paths: vec![desk.path().join("none.jsonl")], map: ColumnMap::default() });
    assert!(desk.wait_failure(JobKind::ImportData).contains("none.jsonl"));
    desk.send(Request::ResumeRun { run: desk.path().to_owned() });
    assert!(desk.wait_failure(JobKind::Train).contains("run.json"));
}

#[test]
fn dropping_the_window_ends_the_worker_and_saves_the_run() {
    let mut desk = Desk::ready();
    let run = desk.train(10_000);
    desk.wait("a step", |e| matches!(e, Event::Step(_)));
    let Desk { worker, folder: _folder, .. } = desk;
    drop(worker.requests);
    worker.thread.join().unwrap();
    assert!(!hydra_studio::train::list_checkpoints(&run).unwrap().is_empty());
}

#[test]
fn the_examples_called_held_out_are_those_of_the_run() {
    let mut desk = Desk::ready();
    let data = desk.path().join("corpus.jsonl");
    let examples = import(std::slice::from_ref(&data), &ColumnMap::default(), &Job::silent()).unwrap().examples;
    let held_out = split(&examples, 0.1, 7).held_out;
    let expected: Vec<String> =
        held_out.iter().map(|&i| examples.get(i).unwrap().messages[0].content.clone()).collect();
    desk.trained(TrainSettings { held_out: 0.1, seed: 7, ..settings(1) });
    let told = desk.seen.iter().find_map(|e| if let Event::HeldOut { prompts, .. } = e { Some(prompts) } else { None });
    assert_eq!(told, Some(&expected));
    desk.send(Request::Inspect { source: InspectSource::HeldOut(3), at: None });
    let Event::Routing(report) = desk.wait("routing", |e| matches!(e, Event::Routing(_))) else { unreachable!() };
    assert!(report.title.ends_with(&format!(":{}", held_out[3] + 1)), "{}", report.title);
    desk.send(Request::ImportData { paths: vec![data], map: ColumnMap::default() });
    let Event::DataImported(again) = desk.wait("the data", |e| matches!(e, Event::DataImported(_))) else {
        unreachable!()
    };
    assert_eq!((again.held_out, again.held_out_prompts), (held_out.len(), expected));
}

#[test]
fn a_run_notes_the_device_of_the_model_and_the_data_that_was_read() {
    let mut desk = Desk::ready();
    let run = desk.trained(TrainSettings { device: DeviceChoice::Metal, ..settings(1) });
    let file = RunFile::read(&run).unwrap();
    assert_eq!(file.settings.device, DeviceChoice::Cpu);
    let DataRef::Rows { files, .. } = file.data else { panic!("the run was trained on rows") };
    assert_eq!(files, [FileRef::of(&desk.path().join("corpus.jsonl")).unwrap()]);
}

#[test]
fn a_run_keeps_the_base_as_it_is_told_and_says_that_it_stays_so() {
    let mut desk = Desk::ready();
    let frugal = TrainSettings { base: BaseType::BF16, recompute: true, threads: Some(1), ..settings(2) };
    let run = desk.train_with(frugal.clone());
    let warning = desk.wait("a word on the base", |e| matches!(e, Event::Warning { .. }));
    assert!(matches!(warning, Event::Warning { message } if message.contains("bf16")));
    desk.wait("the end", |e| matches!(e, Event::TrainingDone(_)));
    let noted = RunFile::read(&run).unwrap().settings;
    assert_eq!((noted.base, noted.recompute, noted.threads), (frugal.base, true, Some(1)));
    // A start that is refused does not read the model again.
    desk.send(Request::StartTraining { settings: settings(2), out: run });
    desk.wait_failure(JobKind::Train);
    assert_eq!(desk.seen.iter().filter(|e| matches!(e, Event::Warning { .. })).count(), 1);
}

#[test]
fn training_starts_from_the_best_checkpoint_of_a_run_folder() {
    let mut desk = Desk::ready();
    let first = desk.trained(settings(2));
    let out = desk.path().join("second");
    let settings = TrainSettings { init_adapter: Some(first.clone()), ..settings(1) };
    desk.send(Request::StartTraining { settings, out });
    let Event::TrainingStarted(run) = desk.wait("a run", |e| matches!(e, Event::TrainingStarted(_))) else {
        unreachable!()
    };
    let start = run.settings.init_adapter.unwrap();
    assert_eq!(start.parent(), Some(first.as_path()));
    assert!(start.join("adapter_config.json").is_file());
}
