//! Answers of several sides, with heads changed, watched, and read once more.

use std::path::PathBuf;

use hydra_studio::adapter::{GateMix, HeadMix, Module, Target};
use hydra_studio::data::{ColumnMap, Message, Role, import};
use hydra_studio::job::Job;
use hydra_studio::train::{TrainSettings, list_checkpoints};
use hydra_studio::worker::protocol::{
    AnswerTokens, Event, GateWatch, InspectSource, JobKind, Request, Side, TokenGates, WeighedAnswer,
};

use crate::desk::{Desk, ask, ask_base, generate, question, settings};

const TOKENS: usize = 12;
const HEADS: usize = 3;

/// A desk with an adapter that answers otherwise than its base model, and the run it came from.
fn trained() -> (Desk, PathBuf) {
    let mut desk = Desk::ready();
    let run = desk.trained(TrainSettings { lr: 3e-2, checkpoint_every: Some(4), ..settings(12) });
    desk.wait("the adapter", |e| matches!(e, Event::AdapterLoaded(_)));
    (desk, run)
}

/// What came of one answer.
#[derive(Debug, Default, PartialEq)]
struct Told {
    text: String,
    tokens: Vec<u32>,
    gates: Vec<TokenGates>,
}

/// Asks, and waits until every answer has ended.
fn answers<const N: usize>(desk: &mut Desk, sides: [(u64, Side); N], watch: GateWatch) -> [Told; N] {
    let from = desk.seen.len();
    let ids = sides.each_ref().map(|(id, _)| *id);
    desk.send(ask(sides, TOKENS, watch));
    for wanted in ids {
        let is_end = |e: &Event| matches!(e, Event::Answered { id, .. } if *id == wanted);
        if !desk.seen[from..].iter().any(is_end) {
            desk.wait("the end of an answer", is_end);
        }
    }
    ids.map(|wanted| told(&desk.seen[from..], wanted))
}

fn told(events: &[Event], wanted: u64) -> Told {
    let mut told = Told::default();
    for event in events {
        match event {
            Event::Token { id, token, text } if *id == wanted => {
                told.text.push_str(text);
                told.tokens.extend(token);
            }
            Event::TokenGates { id, token, gates } if *id == wanted => {
                assert_eq!(*token, told.gates.len(), "gates come in the order of their tokens");
                told.gates.push(gates.clone());
            }
            _ => {}
        }
    }
    told
}

fn mixed(mix: HeadMix) -> Side {
    Side::Adapter { mix }
}

#[test]
fn two_sides_answer_in_turn_each_as_it_would_alone() {
    let (mut desk, _) = trained();
    let [base] = answers(&mut desk, [(1, Side::Base)], GateWatch::Nothing);
    let [adapted] = answers(&mut desk, [(2, Side::adapter())], GateWatch::Nothing);
    assert_ne!(base, adapted, "the adapter has learnt something");
    let from = desk.seen.len();
    let both = answers(&mut desk, [(3, Side::Base), (4, Side::adapter())], GateWatch::Nothing);
    assert_eq!(both, [base, adapted]);
    let order: Vec<u64> = desk.seen[from..]
        .iter()
        .filter_map(|e| if let Event::Token { id, .. } = e { Some(*id) } else { None })
        .collect();
    assert!(order.starts_with(&[3, 4, 3, 4]), "{order:?}");
    for wanted in [3, 4] {
        let started = |e: &&Event| matches!(e, Event::AnswerStarted { id, .. } if *id == wanted);
        let Some(Event::AnswerStarted { prompt_tokens, context, .. }) = desk.seen.iter().find(started) else {
            panic!("answer {wanted} has no start");
        };
        assert!(*prompt_tokens > 3 && *context > *prompt_tokens + TOKENS);
        let ended = |e: &&Event| matches!(e, Event::Answered { id, .. } if *id == wanted);
        let Some(Event::Answered { first_token_s: Some(first), tokens_per_s, .. }) = desk.seen.iter().find(ended)
        else {
            panic!("answer {wanted} has no first token");
        };
        assert!(*first > 0.0 && *tokens_per_s > 0.0);
    }
}

#[test]
fn heads_at_rest_and_muted_answer_as_the_adapter_and_the_base_model() {
    let (mut desk, _) = trained();
    let [base, adapted] = answers(&mut desk, [(1, Side::Base), (2, Side::adapter())], GateWatch::Nothing);
    let rest = mixed(HeadMix::everywhere(GateMix::Scaled(vec![1.0; HEADS])));
    let mute = mixed(HeadMix::mute(&[0, 1, 2], HEADS));
    let [rest, mute] = answers(&mut desk, [(3, rest), (4, mute)], GateWatch::Nothing);
    assert_eq!((rest, mute), (adapted, base));
}

#[test]
fn a_folder_answers_beside_the_active_adapter() {
    let (mut desk, run) = trained();
    let folder = |path: PathBuf| Side::Folder { path, mix: HeadMix::default() };
    let saved = list_checkpoints(&run).unwrap();
    let (early, late) = (folder(saved[0].path.clone()), folder(run.join("checkpoint-12")));
    let [active, late] = answers(&mut desk, [(1, Side::adapter()), (2, late)], GateWatch::Nothing);
    assert_eq!(active, late, "the last checkpoint is the adapter that is loaded");
    let [first, again] = answers(&mut desk, [(3, early.clone()), (4, early)], GateWatch::Nothing);
    assert_eq!(first, again);
    let nowhere = desk.path().join("nowhere");
    desk.send(ask([(5, Side::Base), (6, folder(nowhere))], TOKENS, GateWatch::Nothing));
    assert!(desk.wait_failure(JobKind::Generate).contains("nowhere"));
}

#[test]
fn what_an_adapter_cannot_take_is_refused_by_its_heads() {
    let mut desk = Desk::ready();
    desk.send(generate(1, 4));
    assert!(desk.wait_failure(JobKind::Generate).contains("no adapter to answer with"));
    desk.send(ask_base(2, 4));
    desk.wait("the base model's answer", |e| matches!(e, Event::Answered { id: 2, .. }));
    desk.trained(settings(2));
    let two = mixed(HeadMix::everywhere(GateMix::Fixed(vec![0.5; 2])));
    desk.send(ask([(3, two)], 4, GateWatch::Nothing));
    let message = desk.wait_failure(JobKind::Generate);
    assert!(message.contains("2 weights") && message.contains("3 heads"), "{message}");
    let far = mixed(HeadMix::in_layers(&GateMix::Top(1), 1..=2));
    desk.send(ask([(4, far)], 4, GateWatch::Nothing));
    assert!(desk.wait_failure(JobKind::Generate).contains("no layer 2"));
}

#[test]
fn gates_are_told_of_every_answered_token_and_cost_no_token_its_place() {
    let (mut desk, _) = trained();
    let module = Module { layer: 1, target: Target::Down };
    let [quiet] = answers(&mut desk, [(1, Side::adapter())], GateWatch::Nothing);
    assert!(quiet.gates.is_empty());
    let sides = [(2, Side::adapter()), (3, Side::Base), (4, mixed(HeadMix::solo(1, HEADS)))];
    let [watched, base, solo] = answers(&mut desk, sides, GateWatch::Module(module));
    assert_eq!((&watched.text, &watched.tokens), (&quiet.text, &quiet.tokens));
    assert!(base.gates.is_empty() && !base.tokens.is_empty());
    assert_eq!(watched.gates.len(), watched.tokens.len(), "the last token too");
    for gates in &watched.gates {
        for gates in [&gates.mean, &gates.module] {
            assert!(gates.len() == HEADS && (gates.iter().sum::<f32>() - 1.0).abs() < 1e-5, "{gates:?}");
        }
    }
    assert!(solo.gates.iter().all(|gates| gates.mean.iter().zip([0.0, 1.0, 0.0]).all(|(g, e)| (g - e).abs() < 1e-6)));

    // Read once more, the tokens have the same gates.
    desk.send(Request::Weigh {
        answers: vec![AnswerTokens { id: 2, messages: question(), tokens: watched.tokens }],
        side: Side::adapter(),
        against: None,
        watch: GateWatch::Module(module),
    });
    let weighed = weighed(&mut desk);
    assert!(weighed[0].against.is_empty());
    assert_eq!(weighed[0].gates.len(), watched.gates.len());
    for (a, b) in weighed[0].gates.iter().zip(&watched.gates) {
        let pairs = a.mean.iter().chain(&a.module).zip(b.mean.iter().chain(&b.module));
        pairs.for_each(|(a, b)| assert!((a - b).abs() < 1e-5, "{a} and {b}"));
    }
}

#[test]
fn the_conversation_before_an_answer_is_told_with_the_gates_that_its_side_gives() {
    let (mut desk, _) = trained();
    let module = Module { layer: 1, target: Target::Down };
    let read = |desk: &mut Desk, side: Side| {
        desk.send(Request::ReadPrompt { id: 5, messages: question(), side, watch: GateWatch::Module(module) });
        match desk.wait("the conversation", |e| matches!(e, Event::PromptRead(_))) {
            Event::PromptRead(read) => read,
            _ => unreachable!(),
        }
    };
    let told = read(&mut desk, Side::adapter());
    assert_eq!((told.id, told.gates.len()), (5, told.tokens.len()));
    let text: String = told.tokens.concat();
    assert!(text.contains(&question()[0].content) && text.len() > question()[0].content.len(), "{text}");
    // What Routing shows of the same text is the mean of its modules.
    desk.send(Request::Inspect { source: InspectSource::Conversation(question()), at: None });
    let Event::Routing(report) = desk.wait("the routing", |e| matches!(e, Event::Routing(_))) else { unreachable!() };
    let one = report.modules.iter().find(|gates| gates.module == module).expect("the module");
    for (token, gates) in told.gates.iter().enumerate() {
        let expected = &one.gates[token * HEADS..(token + 1) * HEADS];
        gates.module.iter().zip(expected).for_each(|(a, b)| assert!((a - b).abs() < 1e-5, "{a} and {b}"));
    }
    let solo = read(&mut desk, mixed(HeadMix::solo(1, HEADS)));
    assert!(solo.gates.iter().all(|gates| (gates.mean[1] - 1.0).abs() < 1e-6));
    desk.send(Request::ReadPrompt { id: 6, messages: question(), side: Side::Base, watch: GateWatch::Mean });
    assert!(desk.wait_failure(JobKind::Weigh).contains("no heads"));
}

fn weighed(desk: &mut Desk) -> Vec<WeighedAnswer> {
    match desk.wait("the answers' weights", |e| matches!(e, Event::Weighed { .. })) {
        Event::Weighed { answers } => answers,
        _ => unreachable!(),
    }
}

#[test]
fn answers_are_weighed_with_and_without_what_was_done_to_the_heads() {
    let (mut desk, _) = trained();
    let solo = mixed(HeadMix::solo(2, HEADS));
    let [adapted, alone] = answers(&mut desk, [(1, Side::adapter()), (2, solo.clone())], GateWatch::Nothing);
    let tokens = |id: u64, told: &Told| AnswerTokens { id, messages: question(), tokens: told.tokens.clone() };
    let mut weigh = |side: Side, against: Option<Side>| {
        let answers = vec![tokens(1, &adapted), tokens(2, &alone)];
        desk.send(Request::Weigh { answers, side, against, watch: GateWatch::Nothing });
        weighed(&mut desk)
    };
    let rest = weigh(mixed(HeadMix::default()), Some(Side::adapter()));
    assert!(rest.iter().all(|answer| answer.log_probs == answer.against && answer.gates.is_empty()));
    let changed = weigh(solo.clone(), Some(Side::adapter()));
    assert_eq!(changed.iter().map(|answer| answer.id).collect::<Vec<_>>(), [1, 2]);
    for (answer, told) in changed.iter().zip([&adapted, &alone]) {
        assert_eq!((answer.log_probs.len(), answer.against.len()), (told.tokens.len(), told.tokens.len()));
        assert!(answer.log_probs.iter().chain(&answer.against).all(|p| p.is_finite() && *p <= 0.0));
        assert_ne!(answer.log_probs, answer.against);
    }
    assert_eq!(changed[0].against, rest[0].log_probs);
    desk.send(Request::Weigh {
        answers: vec![tokens(1, &adapted)],
        side: mixed(HeadMix::everywhere(GateMix::Fixed(vec![1.0]))),
        against: None,
        watch: GateWatch::Nothing,
    });
    assert!(desk.wait_failure(JobKind::Weigh).contains("3 heads"));
}

#[test]
fn the_heads_of_an_adapter_in_a_folder_are_told_and_changed_as_those_of_the_loaded_one() {
    let (mut desk, run) = trained();
    let path = run.join("checkpoint-12");
    let describe = |desk: &mut Desk, path: PathBuf| {
        desk.send(Request::DescribeAdapter { path });
        match desk.wait("what the adapter is made of", |e| matches!(e, Event::AdapterDescribed { .. })) {
            Event::AdapterDescribed { found, .. } => found,
            _ => unreachable!(),
        }
    };
    for path in [&path, &run] {
        assert_eq!(describe(&mut desk, path.clone()).unwrap().heads, HEADS);
    }
    let nowhere = desk.path().join("nowhere");
    let message = describe(&mut desk, nowhere).unwrap_err();
    assert!(message.contains("adapter_config.json") && message.contains("nowhere"), "{message}");

    // The last checkpoint is the adapter that is loaded, so its heads do the same.
    let solo = HeadMix::solo(2, HEADS);
    let folder = |mix: HeadMix| Side::Folder { path: path.clone(), mix };
    let sides = [(1, mixed(solo.clone())), (2, folder(solo.clone()))];
    let [loaded, of_folder] = answers(&mut desk, sides, GateWatch::Nothing);
    assert_eq!(loaded, of_folder);
    let mut weigh = |side: Side, against: Side| {
        let answers = vec![AnswerTokens { id: 2, messages: question(), tokens: loaded.tokens.clone() }];
        desk.send(Request::Weigh { answers, side, against: Some(against), watch: GateWatch::Nothing });
        weighed(&mut desk)
    };
    let (by_folder, by_loaded) =
        (weigh(folder(solo.clone()), folder(HeadMix::default())), weigh(mixed(solo), Side::adapter()));
    assert_eq!(by_folder, by_loaded);
    assert_ne!(by_folder[0].log_probs, by_folder[0].against);
}

#[test]
fn a_conversation_is_told_as_the_model_reads_it() {
    let (mut desk, _) = trained();
    desk.send(Request::RenderPrompt { id: 4, messages: question() });
    let Event::PromptRendered(prompt) = desk.wait("the prompt", |e| matches!(e, Event::PromptRendered(_))) else {
        unreachable!()
    };
    assert!(prompt.text.contains("What colour is snow?") && prompt.problem.is_none(), "{prompt:?}");
    desk.send(generate(1, 1));
    let Event::AnswerStarted { prompt_tokens, .. } = desk.wait("a start", |e| matches!(e, Event::AnswerStarted { .. }))
    else {
        unreachable!()
    };
    assert_eq!((prompt.id, prompt.tokens), (4, prompt_tokens));
}

#[test]
fn a_stopped_pair_of_answers_ends_as_one() {
    let (mut desk, _) = trained();
    let Request::Generate { answers, mut sampling, watch } =
        ask([(1, Side::Base), (2, Side::adapter())], 1 << 20, GateWatch::Mean)
    else {
        unreachable!()
    };
    sampling.temperature = 1.5;
    desk.send(Request::Generate { answers, sampling, watch });
    desk.wait("a token", |e| matches!(e, Event::Token { id: 2, .. }));
    desk.send(Request::Cancel { job: JobKind::Generate });
    for wanted in [1, 2] {
        let ended = |e: &Event| matches!(e, Event::Answered { id, .. } if *id == wanted);
        if !desk.seen.iter().any(ended) {
            desk.wait("an end", ended);
        }
    }
    let told = desk.seen.iter().filter(|e| matches!(e, Event::Answered { id, .. } if [1, 2].contains(id))).count();
    assert_eq!(told, 2, "each ends once");
}

#[test]
fn heads_are_changed_and_watched_while_a_run_is_on_and_after_its_memory_was_given_back() {
    let mut desk = Desk::ready();
    desk.train_with(TrainSettings { checkpoint_every: Some(10_000), ..settings(20_000) });
    desk.wait("a step", |e| matches!(e, Event::Step(_)));
    let solo = || mixed(HeadMix::solo(0, HEADS));
    let [told, _] = answers(&mut desk, [(1, solo()), (2, Side::Base)], GateWatch::Mean);
    assert_eq!(told.gates.len(), told.tokens.len());
    desk.wait("a step after the answers", |e| matches!(e, Event::Step(_)));
    desk.send(Request::PauseAndFree);
    desk.wait("the memory", |e| matches!(e, Event::Freed { .. }));
    let [once] = answers(&mut desk, [(3, solo())], GateWatch::Mean);
    let [twice] = answers(&mut desk, [(4, solo())], GateWatch::Mean);
    assert_eq!(once, twice);
    assert!(!once.gates.is_empty());
    desk.send(Request::StopAndSave);
    desk.wait("the end", |e| matches!(e, Event::TrainingDone(_)));
}

#[test]
fn a_saved_conversation_is_data_that_is_imported_as_it_was() {
    let mut desk = Desk::new();
    let message = |role, content: &str| Message { role, content: content.into() };
    let long = vec![
        message(Role::System, "Be brief."),
        message(Role::User, "Wie heißt \"Schnee\" auf 日本語?"),
        message(Role::Assistant, "雪 (yuki).\n\tشكرا {\"a\": 1}"),
        message(Role::User, "And rain?"),
        message(Role::Assistant, "雨."),
    ];
    let short = vec![message(Role::User, "Hi"), message(Role::Assistant, "Hello.")];
    let path = desk.path().join("chat.jsonl");
    for name in ["chat.jsonl", "chat-2.jsonl"] {
        let conversations = vec![long.clone(), short.clone()];
        desk.send(Request::SaveTranscript { path: path.clone(), conversations });
        let saved = desk.wait("the file", |e| matches!(e, Event::TranscriptSaved { .. }));
        let written = desk.path().join(name);
        assert_eq!(saved, Event::TranscriptSaved { path: written.clone() });
        assert!(std::fs::read_to_string(&written).unwrap().starts_with("{\"messages\":["));
        let imported = import(&[written], &ColumnMap::default(), &Job::silent()).unwrap();
        assert!(imported.dropped.is_empty(), "{:?}", imported.dropped);
        let messages: Vec<_> = imported.examples.iter().map(|example| example.unwrap().messages).collect();
        assert_eq!(messages, [long.clone(), short.clone()]);
    }
    let nowhere = desk.path().join("chat.jsonl").join("inside");
    desk.send(Request::SaveTranscript { path: nowhere, conversations: vec![short] });
    desk.wait("a warning", |e| matches!(e, Event::Warning { message } if message.contains("could not be saved")));
}
