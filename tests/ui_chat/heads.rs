//! Heads changed and seen.

use egui::accesskit::Role;
use egui_kittest::kittest::{NodeT, Queryable};
use hydra_studio::adapter::{AdapterSpec, GateMix, HeadMix, Module, Target};
use hydra_studio::worker::protocol::{
    AnswerTokens, EndReason, Event, GateWatch, JobKind, ReadPrompt, Request, Side, TokenGates, WeighedAnswer,
};

use super::stage::Stage;
use super::{answer, answered, ask, click, gates, generate, has, is_disabled, ready, requests, started, token};

fn mixed(mix: HeadMix) -> Side {
    Side::Adapter { mix }
}

/// The sides that are asked next.
fn sides(stage: &mut Stage, question: &str) -> Vec<Side> {
    let asked = ask(stage, question);
    let sides = asked.iter().map(|asked| asked.side.clone()).collect();
    for asked in asked {
        stage.tell(answer(asked.id, &["Yes", "."]));
    }
    sides
}

#[test]
fn solo_and_mute_stand_beside_the_adapter_as_trained() {
    let mut stage = ready();
    assert!(is_disabled(&stage, "Reset heads"));
    click(&mut stage, "Solo head 2");
    assert_eq!(sides(&mut stage, "One?"), [Side::adapter(), mixed(HeadMix::solo(1, 3))]);
    assert!(has(&stage, "Adapter as trained") && has(&stage, "Adapter, Head 2 alone"));
    click(&mut stage, "Solo head 2");
    click(&mut stage, "Mute head 1");
    click(&mut stage, "Mute head 3");
    assert_eq!(sides(&mut stage, "Two?"), [Side::adapter(), mixed(HeadMix::mute(&[0, 2], 3))]);
    click(&mut stage, "Reset heads");
    assert_eq!(sides(&mut stage, "Three?"), [Side::Base, Side::adapter()]);
}

#[test]
fn sliders_fix_scale_and_keep_leading_heads_in_chosen_layers() {
    let mut stage = ready();
    click(&mut stage, "Fix");
    let third = 1.0 / 3.0;
    assert_eq!(sides(&mut stage, "One?")[1], mixed(HeadMix::everywhere(GateMix::Fixed(vec![third; 3]))));
    stage.window.get_by_role_and_label(Role::Slider, "Head 1, weight").focus();
    stage.settle();
    stage.window.key_press(egui::Key::ArrowRight);
    stage.settle();
    let Side::Adapter { mix } = sides(&mut stage, "Two?").remove(1) else { panic!("the adapter was not asked") };
    let GateMix::Fixed(weights) = &mix.everywhere else { panic!("{mix:?}") };
    assert!(weights[0] > third && weights[1..] == [third; 2], "{weights:?}");
    click(&mut stage, "Leading");
    click(&mut stage, "Some");
    assert_eq!(sides(&mut stage, "Three?")[1], mixed(HeadMix::in_layers(&GateMix::Top(1), 0..=29)));
    assert!(is_disabled(&stage, "Mute head 1"));
}

#[test]
fn the_last_question_is_answered_again_with_the_mix_and_its_changes_are_tinted() {
    let mut stage = ready();
    let first = ask(&mut stage, "What is 2 plus 2?");
    first.iter().for_each(|asked| stage.tell(answer(asked.id, &["It", " is."])));
    assert!(stage.window.query_by_label("Answer again with this mix").is_none(), "no head is changed");
    click(&mut stage, "Mute head 2");
    requests(&mut stage);
    click(&mut stage, "Answer again with this mix");
    let (asked, sampling, _) = generate(&mut stage);
    assert_eq!(sampling.seed, 42, "the same seed");
    assert_eq!((&asked[0].side, &asked[1].side), (&Side::adapter(), &mixed(HeadMix::mute(&[1], 3))));
    stage.tell(answer(asked[0].id, &["Four", "."]));
    stage.tell([started(asked[1].id), token(asked[1].id, 7, "Fi"), token(asked[1].id, 8, "ve.")]);
    assert!(requests(&mut stage).is_empty(), "an answer is read again once it has ended");
    stage.tell([answered(asked[1].id, 2, EndReason::EndOfText)]);
    let weigh = requests(&mut stage);
    let [Request::Weigh { answers, side, against, watch: GateWatch::Nothing }] = weigh.as_slice() else {
        panic!("{weigh:?}");
    };
    let [AnswerTokens { id, messages, tokens }] = answers.as_slice() else { panic!("{answers:?}") };
    assert_eq!((*id, tokens, messages.len()), (asked[1].id, &vec![7, 8], 1));
    assert_eq!((side, against), (&asked[1].side, &Some(Side::adapter())));
    let weighed = WeighedAnswer { id: *id, log_probs: vec![-0.5, -3.0], against: vec![-1.5, -1.0], gates: vec![] };
    stage.tell([Event::Weighed { answers: vec![weighed] }]);
    assert!(has(&stage, "1 gained and 1 lost") && has(&stage, "more likely with the changed heads"));
    assert!(requests(&mut stage).is_empty(), "it is known now");
    click(&mut stage, "Show changes");
    assert!(!has(&stage, "1 gained and 1 lost") && has(&stage, "Five."));
}

#[test]
fn an_answer_that_cannot_be_read_again_is_tried_once() {
    let mut stage = ready();
    click(&mut stage, "Solo head 1");
    let asked = ask(&mut stage, "Well?");
    asked.iter().for_each(|asked| stage.tell(answer(asked.id, &["Yes."])));
    assert!(matches!(requests(&mut stage).as_slice(), [Request::Weigh { .. }]));
    stage.tell([Event::Failed { job: JobKind::Weigh, message: "the device is out of memory".into() }]);
    assert!(has(&stage, "could not be read once more: the device is out of memory"));
    assert!(requests(&mut stage).is_empty());
}

#[test]
fn gates_come_live_under_the_answer_and_of_the_module_that_is_chosen() {
    let mut stage = ready();
    click(&mut stage, "Show gates of new answers");
    super::type_question(&mut stage, "What is 2 plus 2?");
    requests(&mut stage);
    stage.window.key_press(egui::Key::Enter);
    let (asked, _, watch) = generate(&mut stage);
    assert_eq!(watch, GateWatch::Mean);
    let id = asked[1].id;
    stage.tell([started(id), token(id, 1, "It"), token(id, 2, " is"), gates(id, 0, [0.8, 0.1, 0.1])]);
    assert!(has(&stage, "It is (Head 1 leads 1)"), "the strip is there while the answer comes");
    stage.tell([gates(id, 1, [0.1, 0.1, 0.8]), answered(id, 2, EndReason::EndOfText)]);
    assert!(has(&stage, "Head 1 leads 1, Head 3 leads 1") && has(&stage, "Head 1 45 %"));
    stage.tell(answer(asked[0].id, &["Five."]));
    assert!(requests(&mut stage).is_empty(), "all gates are known");

    click(&mut stage, "Gates of which layer");
    click(&mut stage, "Layer 2");
    let weigh = requests(&mut stage);
    let [Request::Weigh { answers, side, against: None, watch: GateWatch::Module(module) }] = weigh.as_slice() else {
        panic!("{weigh:?}");
    };
    assert_eq!((answers[0].id, side, *module), (id, &Side::adapter(), Module { layer: 1, target: Target::Q }));
    let of = |module: [f32; 3]| TokenGates { mean: vec![0.3; 3], module: module.to_vec() };
    let known = vec![of([0.0, 1.0, 0.0]); 2];
    let weighed = WeighedAnswer { id, log_probs: vec![-1.0; 2], against: vec![], gates: known };
    stage.tell([Event::Weighed { answers: vec![weighed] }]);
    assert!(has(&stage, "Head 2 leads 2"));
}

#[test]
fn gates_of_an_answer_that_was_not_watched_are_read_on_demand() {
    let mut stage = ready();
    click(&mut stage, "Adapter");
    let asked = ask(&mut stage, "Well?");
    stage.tell(answer(asked[0].id, &["Yes", "."]));
    assert!(requests(&mut stage).is_empty());
    click(&mut stage, "Show gates");
    assert!(matches!(requests(&mut stage).as_slice(), [Request::Weigh { watch: GateWatch::Mean, .. }]));
    assert!(has(&stage, "Its gates are being read…"));
}

#[test]
fn gates_of_the_conversation_before_an_answer_are_read_once_and_only_when_they_are_looked_at() {
    let mut stage = ready();
    let asked = ask(&mut stage, "Well?");
    asked.iter().for_each(|asked| stage.tell(answer(asked.id, &["Yes", "."])));
    assert!(requests(&mut stage).is_empty(), "nobody looks");
    assert_eq!(stage.window.query_all_by_label("Show prompt gates").count(), 1, "the base model has none");
    click(&mut stage, "Show prompt gates");
    let read = requests(&mut stage);
    let [Request::ReadPrompt { id, messages, side, watch: GateWatch::Mean }] = read.as_slice() else {
        panic!("{read:?}");
    };
    assert_eq!((*id, side, messages.len()), (asked[1].id, &Side::adapter(), 1));
    assert!(has(&stage, "The conversation before it is being read…"));
    let of = |mean: [f32; 3]| TokenGates { mean: mean.to_vec(), module: Vec::new() };
    let gates = vec![of([0.8, 0.1, 0.1]), of([0.1, 0.1, 0.8]), of([0.7, 0.2, 0.1])];
    let tokens = ["<user>", "Well", "?"].map(str::to_owned).to_vec();
    stage.tell([Event::PromptRead(ReadPrompt { id: *id, tokens, gates })]);
    assert!(has(&stage, "Before the answer: 3 tokens") && has(&stage, "<user>Well? (Head 1 leads 2, Head 3 leads 1)"));
    assert!(has(&stage, "Head 1 53 %") && has(&stage, "Head 1 leads 2, Head 3 leads 1."));
    click(&mut stage, "Show prompt gates");
    assert!(!has(&stage, "Before the answer"));
    click(&mut stage, "Show prompt gates");
    assert!(requests(&mut stage).is_empty() && has(&stage, "Before the answer: 3 tokens"), "it is known");
    click(&mut stage, "Gates of which layer");
    click(&mut stage, "Layer 2");
    assert!(matches!(requests(&mut stage).as_slice(), [Request::ReadPrompt { watch: GateWatch::Module(_), .. }]));
}

#[test]
fn heads_go_by_the_names_that_they_were_given() {
    let mut stage = ready();
    let names = vec![None, Some("arithmetic".into()), None];
    stage.tell([Event::HeadNames { path: "/adapters/demo".into(), names }]);
    assert!(has(&stage, "Head 2 · arithmetic"));
    assert!(!is_disabled(&stage, "Solo head 2"));
}

#[test]
fn answers_follow_the_heads_where_that_is_wanted() {
    let mut stage = ready();
    let asked = ask(&mut stage, "Well?");
    asked.iter().for_each(|asked| stage.tell(answer(asked.id, &["Yes."])));
    click(&mut stage, "Answer anew at each change");
    assert!(requests(&mut stage).is_empty(), "nothing has changed yet");
    click(&mut stage, "Solo head 3");
    let (asked, ..) = generate(&mut stage);
    assert_eq!(asked[1].side, mixed(HeadMix::solo(2, 3)));
    asked.iter().for_each(|asked| stage.tell(answer(asked.id, &["No."])));
    let after = requests(&mut stage);
    assert!(
        !after.iter().any(|request| matches!(request, Request::Generate { .. })),
        "once for each change: {after:?}"
    );
}

#[test]
fn every_control_of_the_heads_is_reached_by_keyboard() {
    let mut stage = ready();
    for (role, name) in [(Role::Button, "Solo head 2"), (Role::Button, "Mute head 2"), (Role::Slider, "Head 2, factor")]
    {
        stage.window.get_by_role_and_label(role, name).focus();
        stage.settle();
        assert!(stage.window.get_by_role_and_label(role, name).accesskit_node().is_focused(), "{name}");
    }
    stage.window.get_by_label("Solo head 2").focus();
    stage.settle();
    stage.window.key_press(egui::Key::Space);
    assert_eq!(sides(&mut stage, "One?")[1], mixed(HeadMix::solo(1, 3)));
}

#[test]
fn heads_of_an_adapter_in_a_folder_are_changed_and_held_against_it_as_trained() {
    let mut stage = ready();
    click(&mut stage, "Two adapters");
    click(&mut stage, "Right");
    assert!(has(&stage, "Choose the folder of this adapter"));
    let folder = "/runs/faq/checkpoint-20";
    stage.window.get_by_role_and_label(Role::TextInput, "Folder of the right adapter").focus();
    stage.settle();
    stage.window.get_by_role_and_label(Role::TextInput, "Folder of the right adapter").type_text(folder);
    stage.window.run_steps(6);
    let asked = requests(&mut stage);
    assert_eq!(asked, [Request::DescribeAdapter { path: folder.into() }], "once, when it has stood for a moment");
    assert!(has(&stage, "Looking how many heads it has…"));
    let found = Ok(AdapterSpec { heads: 2, ..AdapterSpec::default() });
    let names = vec![None, Some("dates".into())];
    stage.tell([Event::AdapterDescribed { path: folder.into(), found }]);
    stage.tell([Event::HeadNames { path: folder.into(), names }]);
    assert!(has(&stage, "Head 2 · dates") && stage.window.query_by_label("Solo head 3").is_none());
    click(&mut stage, "Solo head 2");
    let asked = ask(&mut stage, "Well?");
    let side = |mix| Side::Folder { path: folder.into(), mix };
    assert_eq!((&asked[0].side, &asked[1].side), (&Side::adapter(), &side(HeadMix::solo(1, 2))));
    assert!(has(&stage, "faq, checkpoint-20, Head 2 alone"));
    asked.iter().for_each(|asked| stage.tell(answer(asked.id, &["Yes."])));
    let weigh = requests(&mut stage);
    let [Request::Weigh { answers, side: of, against, .. }] = weigh.as_slice() else { panic!("{weigh:?}") };
    assert_eq!((answers[0].id, of, against), (asked[1].id, &asked[1].side, &Some(side(HeadMix::default()))));

    click(&mut stage, "Answer anew at each change");
    click(&mut stage, "Solo head 2");
    let after = requests(&mut stage);
    assert!(!after.iter().any(|request| matches!(request, Request::Generate { .. })), "as trained: {after:?}");
    click(&mut stage, "Mute head 1");
    let (asked, sampling, _) = generate(&mut stage);
    assert_eq!((sampling.seed, &asked[1].side), (42, &side(HeadMix::mute(&[0], 2))));
    asked.iter().for_each(|asked| stage.tell(answer(asked.id, &["No."])));
    click(&mut stage, "Left");
    assert!(stage.window.query_by_label("Solo head 3").is_some(), "the adapter at hand has three");
}

#[test]
fn an_adapter_that_cannot_be_described_says_why() {
    let mut stage = ready();
    click(&mut stage, "Two adapters");
    click(&mut stage, "Right");
    stage.window.get_by_role_and_label(Role::TextInput, "Folder of the right adapter").focus();
    stage.settle();
    stage.window.get_by_role_and_label(Role::TextInput, "Folder of the right adapter").type_text("/nowhere");
    stage.window.run_steps(6);
    stage.tell([Event::AdapterDescribed {
        path: "/nowhere".into(),
        found: Err("adapter_config.json is missing".into()),
    }]);
    assert!(has(&stage, "adapter_config.json is missing") && stage.window.query_by_label("Solo head 1").is_none());
}
