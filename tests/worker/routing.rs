//! Routing as the window asks for it: surveys, replays, watching, names of heads.

use hydra_studio::data::{Message, Role};
use hydra_studio::inspect::{FrameOrigin, GateFrame, RoutingSurvey};
use hydra_studio::train::TrainSettings;
use hydra_studio::worker::protocol::{Event, InspectSource, JobKind, Request, RoutingReport, SurveyScope};

use crate::desk::{Desk, settings, steps};

fn surveyed(desk: &mut Desk) -> RoutingSurvey {
    match desk.wait("the survey", |e| matches!(e, Event::Surveyed { .. })) {
        Event::Surveyed { survey, .. } => *survey,
        _ => unreachable!(),
    }
}

fn routing(desk: &mut Desk, source: InspectSource, at: Option<std::path::PathBuf>) -> RoutingReport {
    desk.send(Request::Inspect { source, at });
    match desk.wait("routing", |e| matches!(e, Event::Routing(_))) {
        Event::Routing(report) => report,
        _ => unreachable!(),
    }
}

fn frames(events: &[Event]) -> Vec<&GateFrame> {
    events.iter().filter_map(|e| if let Event::Gates(frame) = e { Some(frame) } else { None }).collect()
}

#[test]
fn the_routing_of_many_examples_is_summed_up_beside_a_run() {
    let mut desk = Desk::ready();
    let run = desk.trained(TrainSettings { held_out: 0.1, ..settings(4) });
    desk.send(Request::Survey { scope: SurveyScope::HeldOut, at: None });
    let held_out = surveyed(&mut desk);
    assert_eq!((held_out.heads, held_out.examples, held_out.modules.len()), (3, 20, 14));
    let names: Vec<_> = held_out.topics.iter().map(|topic| topic.topic.as_deref().unwrap()).collect();
    assert_eq!(names, ["even", "odd"]);
    for module in &held_out.modules {
        let gates = &module.gates;
        assert!((gates.mean.iter().sum::<f32>() - 1.0).abs() < 1e-5, "{module:?}");
        assert!((gates.leads.iter().sum::<f32>() - 1.0).abs() < 1e-5, "{module:?}");
        assert!(module.similarity.is_some(), "it has learnt");
    }
    assert_eq!(held_out.association.as_ref().unwrap().examples, 20);
    let portrait = &held_out.portraits[1];
    assert!(portrait.examples[0].source.to_string().contains("corpus.jsonl:"), "{portrait:?}");
    assert!(portrait.examples[0].snippet.starts_with("What colour is"), "{portrait:?}");

    let out = desk.path().join("second");
    desk.send(Request::StartTraining { settings: settings(10_000), out });
    desk.wait("a step", |e| matches!(e, Event::Step(_)));
    let before = desk.seen.len();
    desk.send(Request::Survey { scope: SurveyScope::All, at: Some(run) });
    let all = surveyed(&mut desk);
    assert_eq!((all.examples, all.portraits.len()), (200, 3));
    assert!(!steps(&desk.seen[before..]).is_empty(), "the run goes on beside it");
    assert!(desk.seen[before..].iter().any(|e| matches!(e, Event::Progress { job: JobKind::Survey, .. })));
}

#[test]
fn a_survey_is_cancelled_and_refused_without_what_it_takes() {
    let mut desk = Desk::ready();
    desk.send(Request::Survey { scope: SurveyScope::All, at: None });
    assert!(desk.wait_failure(JobKind::Survey).contains("no adapter"));
    desk.trained(settings(1));
    desk.send(Request::Survey { scope: SurveyScope::All, at: None });
    desk.send(Request::Cancel { job: JobKind::Survey });
    desk.wait("the end of it", |e| matches!(e, Event::Cancelled { job: JobKind::Survey }));
    desk.send(Request::Survey { scope: SurveyScope::HeldOut, at: Some(desk.path().join("nowhere")) });
    assert!(desk.wait_failure(JobKind::Survey).contains("nowhere"));
}

#[test]
fn a_run_is_replayed_and_looked_at_through_its_checkpoints() {
    let mut desk = Desk::ready();
    let run = desk.trained(TrainSettings { checkpoint_every: Some(2), eval_every: Some(2), ..settings(4) });
    let live = frames(&desk.seen);
    let measured: Vec<usize> = live.iter().filter(|f| f.origin == FrameOrigin::HeldOut).map(|f| f.step).collect();
    let trained: Vec<usize> = live.iter().filter(|f| f.origin == FrameOrigin::Training).map(|f| f.step).collect();
    assert_eq!((measured, trained), (vec![0, 2, 4], vec![1, 2, 3, 4]));
    desk.send(Request::Replay { run: run.clone() });
    let Event::Replayed { frames, .. } = desk.wait("the replay", |e| matches!(e, Event::Replayed { .. })) else {
        unreachable!()
    };
    assert_eq!(frames.iter().map(|f| f.step).collect::<Vec<_>>(), [0, 1, 2, 2, 3, 4, 4]);
    for frame in &frames {
        assert_eq!(frame.modules.len(), 14);
        assert!(frame.modules.iter().all(|m| (m.mean.iter().sum::<f32>() - 1.0).abs() < 1e-5), "{frame:?}");
    }
    let kept = frames.iter().find(|frame| frame.step == 2).unwrap().checkpoint.clone().unwrap();
    let prompt = InspectSource::Prompt("What colour is snow?".into());
    let now = routing(&mut desk, prompt.clone(), None);
    let earlier = routing(&mut desk, prompt.clone(), Some(kept.clone()));
    assert_eq!((now.at.clone(), earlier.at.clone()), (None, Some(kept)));
    assert_eq!(now.tokens, earlier.tokens);
    assert_ne!(now.modules, earlier.modules);
    assert_eq!(routing(&mut desk, prompt, None).modules, now.modules, "a look through another adapter changes nothing");
}

#[test]
fn a_conversation_is_looked_at_with_its_answer_marked() {
    let mut desk = Desk::ready();
    desk.trained(settings(1));
    let message = |role, content: &str| Message { role, content: content.into() };
    let asked = vec![message(Role::User, "What colour is snow?")];
    let prompt = routing(&mut desk, InspectSource::Conversation(asked.clone()), None);
    assert!(prompt.tokens.iter().all(|token| !token.supervised));
    let answered = [asked, vec![message(Role::Assistant, "It is white.")]].concat();
    let whole = routing(&mut desk, InspectSource::Conversation(answered), None);
    let text: String = whole.tokens.iter().map(|token| token.text.as_str()).collect();
    assert!(text.contains("It is white.") && whole.tokens.iter().any(|token| token.supervised), "{text}");
    assert_eq!(whole.tokens[..prompt.tokens.len()], prompt.tokens);
    desk.send(Request::Inspect { source: InspectSource::Conversation(Vec::new()), at: None });
    assert!(desk.wait_failure(JobKind::Inspect).contains("empty"));
}

#[test]
fn whoever_watches_sees_gates_between_the_looks_that_are_due() {
    let mut desk = Desk::ready();
    // Steps so long that the looks that are due anyway come seldom.
    let run = desk.train_with(TrainSettings { accumulate: 48, ..settings(100_000) });
    desk.wait("a look", |e| matches!(e, Event::Gates(frame) if frame.step == 1));
    desk.send(Request::WatchGates { on: true });
    let is_between = |e: &Event| matches!(e, Event::Gates(frame) if frame.step % 10 != 0 && frame.step > 1);
    let Event::Gates(frame) = desk.wait("a look in between", is_between) else { unreachable!() };
    assert_eq!((frame.origin, frame.modules.len()), (FrameOrigin::Training, 14));
    desk.send(Request::StopAndSave);
    desk.wait("the end", |e| matches!(e, Event::TrainingDone(_)));
    let written = std::fs::read_to_string(run.join("gates.jsonl")).unwrap();
    assert!(!written.contains(&format!("\"step\":{},", frame.step)), "watching leaves no trace in the run folder");
}

#[test]
fn heads_are_named_and_their_names_come_back() {
    let mut desk = Desk::ready();
    let run = desk.trained(settings(1));
    let at_start =
        desk.seen.iter().any(|e| matches!(e, Event::HeadNames { path, names } if *path == run && names.is_empty()));
    assert!(at_start, "a run without names says so");
    desk.send(Request::NameHead { path: run.clone(), head: 1, name: " colours ".into() });
    let named = desk.wait("the name", |e| matches!(e, Event::HeadNames { names, .. } if !names.is_empty()));
    let names = vec![None, Some("colours".to_owned())];
    assert_eq!(named, Event::HeadNames { path: run.clone(), names: names.clone() });
    let out = desk.path().join("exported");
    desk.send(Request::Export { out: out.clone() });
    desk.wait("the export", |e| matches!(e, Event::Exported(_)));
    assert_eq!(hydra_studio::project::head_names(&out).unwrap(), names, "they go with an export");
    desk.send(Request::LoadAdapter { path: run.clone() });
    desk.wait("the adapter", |e| matches!(e, Event::AdapterLoaded(_)));
    let told = desk.wait("its names", |e| matches!(e, Event::HeadNames { .. }));
    assert_eq!(told, Event::HeadNames { path: run.clone(), names });
    std::fs::write(run.join("head-names.json"), "{").unwrap();
    desk.send(Request::NameHead { path: run, head: 1, name: "sums".into() });
    let warning = desk.wait("a word on it", |e| matches!(e, Event::Warning { .. }));
    assert!(matches!(warning, Event::Warning { message } if message.contains("head-names.json")));
}
