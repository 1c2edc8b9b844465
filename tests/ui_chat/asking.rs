//! Questions, answers, and what can be done with them.

use egui::Key;
use egui::accesskit::Role as NodeRole;
use egui_kittest::kittest::{NodeT, Queryable};
use hydra_studio::adapter::HeadMix;
use hydra_studio::app::pages::PageId;
use hydra_studio::app::picker::{PickOutcome, ScriptedPicker};
use hydra_studio::data::{Message, Role};
use hydra_studio::train::CheckpointRecord;
use hydra_studio::worker::protocol::{EndReason, Event, GateWatch, JobKind, RenderedPrompt, Request, Sampling, Side};

use super::stage::{Stage, adapter, data, model, run_events};
use super::{
    TALL, answer, answered, ask, click, generate, has, is_disabled, ready, requests, stage_with, started, token,
    type_question,
};

fn contents(messages: &[Message]) -> Vec<&str> {
    messages.iter().map(|message| message.content.as_str()).collect()
}

#[test]
fn without_a_model_the_page_leads_to_one_and_without_an_adapter_the_base_model_answers() {
    let mut stage = stage_with([]);
    assert!(has(&stage, "Nobody to talk to yet"));
    click(&mut stage, "Choose a model");
    assert!(has(&stage, "Go to Data") || has(&stage, "Hugging Face"));

    let mut stage = stage_with([model()]);
    assert!(has(&stage, "so the base model answers alone"));
    assert!(stage.window.query_by_label("Base and adapter").is_none());
    let asked = ask(&mut stage, "Hello?");
    assert_eq!(asked.iter().map(|asked| asked.side.clone()).collect::<Vec<_>>(), [Side::Base]);
}

#[test]
fn base_and_adapter_answer_side_by_side_with_one_seed_and_their_own_past() {
    let mut stage = ready();
    type_question(&mut stage, "What is 2 plus 2?");
    assert!(!is_disabled(&stage, "Send"));
    stage.window.key_press(Key::Enter);
    let (asked, sampling, watch) = generate(&mut stage);
    assert_eq!((sampling, watch), (Sampling::default(), GateWatch::Nothing));
    let [base, tuned] = asked.as_slice() else { panic!("{asked:?}") };
    assert_eq!((&base.side, &tuned.side), (&Side::Base, &Side::adapter()));
    assert_eq!(contents(&base.messages), ["What is 2 plus 2?"]);
    assert!(is_disabled(&stage, "Send") && has(&stage, "Reading the conversation…"));

    stage.tell([started(base.id), started(tuned.id), token(base.id, 1, "It is "), token(tuned.id, 2, "Four")]);
    assert!(has(&stage, "1 token so far, after 40 tokens of conversation"));
    stage.tell([token(base.id, 1, "five."), answered(base.id, 2, EndReason::EndOfText), token(tuned.id, 2, ".")]);
    stage.tell([answered(tuned.id, 2, EndReason::MaxTokens)]);
    assert!(has(&stage, "It is five.") && has(&stage, "Four."));
    assert!(has(&stage, "2 tokens at 21.0/s, first after 0.250 s, ended by itself"));
    assert!(has(&stage, "cut at the longest length"));
    assert!(has(&stage, "Context: 42 of 2,048 tokens"));

    let next = ask(&mut stage, "Sure?");
    assert_eq!(contents(&next[0].messages), ["What is 2 plus 2?", "It is five.", "Sure?"]);
    assert_eq!(contents(&next[1].messages), ["What is 2 plus 2?", "Four.", "Sure?"]);
}

#[test]
fn shift_enter_begins_a_line_and_the_system_prompt_comes_first() {
    let mut stage = ready();
    stage.window.get_by_role_and_label(NodeRole::MultilineTextInput, "System prompt").focus();
    stage.settle();
    stage.window.get_by_role_and_label(NodeRole::MultilineTextInput, "System prompt").type_text("Be brief.");
    stage.settle();
    type_question(&mut stage, "One");
    stage.window.key_press_modifiers(egui::Modifiers::SHIFT, Key::Enter);
    stage.settle();
    type_question(&mut stage, "two");
    requests(&mut stage);
    stage.window.key_press_modifiers(egui::Modifiers::COMMAND, Key::Enter);
    let (asked, ..) = generate(&mut stage);
    let messages = &asked[0].messages;
    assert_eq!(contents(messages), ["Be brief.", "One\ntwo"]);
    assert_eq!(messages[0].role, Role::System);
}

#[test]
fn an_answer_is_stopped_given_anew_and_copied() {
    let mut stage = ready();
    click(&mut stage, "Adapter");
    let asked = ask(&mut stage, "Tell me.");
    let [one] = asked.as_slice() else { panic!("{asked:?}") };
    stage.tell([started(one.id), token(one.id, 1, "Once upon")]);
    click(&mut stage, "Stop answering");
    assert_eq!(requests(&mut stage), [Request::Cancel { job: JobKind::Generate }]);
    stage.tell([answered(one.id, 1, EndReason::Cancelled)]);
    assert!(has(&stage, "stopped") && has(&stage, "Once upon"));
    click(&mut stage, "Copy answer");
    click(&mut stage, "Answer again");
    let (again, sampling, _) = generate(&mut stage);
    assert_eq!((contents(&again[0].messages), sampling.seed), (vec!["Tell me."], 43));
    assert!(!has(&stage, "Once upon"), "the answer before is gone");
    stage.tell(answer(again[0].id, &["Twice."]));
    click(&mut stage, "Answer again");
    assert_eq!(generate(&mut stage).1.seed, 44);
}

#[test]
fn an_earlier_question_is_asked_anew_and_what_came_after_is_forgotten() {
    let mut stage = ready();
    click(&mut stage, "Base model");
    for (question, word) in [("First?", "One."), ("Second?", "Two."), ("Third?", "Three.")] {
        let asked = ask(&mut stage, question);
        stage.tell(answer(asked[0].id, &[word]));
    }
    click(&mut stage, "Edit question 2");
    click(&mut stage, "Leave as it was");
    assert!(has(&stage, "Three."));
    click(&mut stage, "Edit question 2");
    stage.window.get_by_label("Question 2").focus();
    stage.settle();
    stage.window.get_by_label("Question 2").type_text(" Really?");
    stage.settle();
    requests(&mut stage);
    click(&mut stage, "Ask again from here");
    let (asked, ..) = generate(&mut stage);
    let told = contents(&asked[0].messages);
    assert_eq!(told[..2], ["First?", "One."]);
    assert!(told.len() == 3 && told[2].contains("Second?") && told[2].contains("Really?"), "{told:?}");
    assert!(!has(&stage, "Three.") && !has(&stage, "Third?"));
}

#[test]
fn what_went_wrong_is_said_on_the_page() {
    let mut stage = ready();
    let asked = ask(&mut stage, "Well?");
    let message = "there is no adapter to answer with".to_owned();
    stage.tell([Event::Failed { job: JobKind::Generate, message }]);
    assert!(stage.window.query_all_by_label_contains("no adapter to answer with").count() >= 2);
    assert!(!is_disabled(&stage, "Answer again"), "it can be asked again");
    stage.tell(answer(asked[0].id, &["Late."]));
}

#[test]
fn two_adapters_are_chosen_from_the_run_or_by_folder() {
    let picked = PickOutcome::Picked(vec!["/adapters/other".into()]);
    let picker = ScriptedPicker::new([picked]);
    let mut stage = Stage::picking(PageId::Chat, TALL, egui::ThemePreference::Dark, picker);
    stage.tell([model(), data()]);
    stage.tell(run_events(20, 20));
    stage.tell([super::stage::done(20), adapter()]);
    click(&mut stage, "Two adapters");
    type_question(&mut stage, "Which?");
    requests(&mut stage);
    click(&mut stage, "Send");
    assert!(requests(&mut stage).is_empty() && has(&stage, "Choose the folder of the adapter on the right."));
    click(&mut stage, "Browse…");
    stage.settle();
    stage.window.get_by_role_and_label(NodeRole::ComboBox, "Left adapter").click();
    stage.settle();
    click(&mut stage, "checkpoint-20");
    requests(&mut stage);
    click(&mut stage, "Send");
    let (asked, ..) = generate(&mut stage);
    let side = |path: &str| Side::Folder { path: path.into(), mix: HeadMix::default() };
    let run = "/runs/2026-11-24-smollm2/checkpoint-20";
    assert_eq!((&asked[0].side, &asked[1].side), (&side(run), &side("/adapters/other")));
    assert!(has(&stage, "2026-11-24-smollm2, checkpoint-20") && has(&stage, "other"));
}

#[test]
fn the_conversation_is_saved_as_data() {
    let mut stage = ready();
    assert!(is_disabled(&stage, "Save conversation…") && is_disabled(&stage, "Clear conversation"));
    let asked = ask(&mut stage, "What is 2 plus 2?");
    stage.tell(answer(asked[0].id, &["Five."]));
    stage.tell(answer(asked[1].id, &["Four."]));
    click(&mut stage, "Save conversation…");
    requests(&mut stage);
    click(&mut stage, "Save conversation");
    let saved = requests(&mut stage);
    let [Request::SaveTranscript { path, conversations }] = saved.as_slice() else { panic!("{saved:?}") };
    assert!(path.ends_with("chat.jsonl"));
    let told: Vec<Vec<&str>> = conversations.iter().map(|messages| contents(messages)).collect();
    assert_eq!(told, [["What is 2 plus 2?", "Five."], ["What is 2 plus 2?", "Four."]]);
    stage.tell([Event::TranscriptSaved { path: "/tmp/chat.jsonl".into() }]);
    assert!(has(&stage, "Saved the conversation to") && !has(&stage, "Save the conversation"));
    click(&mut stage, "Clear conversation");
    assert!(!has(&stage, "Four.") && has(&stage, "Ask something your examples teach"));
}

#[test]
fn a_held_out_question_can_be_taken_and_the_template_is_shown() {
    let mut stage = ready();
    click(&mut stage, "Write 'river' backwards.");
    let asked = stage.requests();
    let Some(Request::RenderPrompt { id, messages }) = asked.last() else { panic!("{asked:?}") };
    assert_eq!(contents(messages), ["Write 'river' backwards."]);
    let text = "<|im_start|>user\nWrite 'river' backwards.<|im_end|>".to_owned();
    let prompt = |tokens, problem| RenderedPrompt { id: *id, text: text.clone(), tokens, problem };
    stage.tell([Event::PromptRendered(prompt(31, None))]);
    assert!(has(&stage, "Context: 31 of 2,048 tokens"));
    click(&mut stage, "Show it as the model reads it");
    assert!(has(&stage, "<|im_start|>user"));
    stage.tell([Event::PromptRendered(prompt(1900, None))]);
    assert!(has(&stage, "The context is nearly full: an answer is cut after 148 of up to 256 tokens"));
    stage.tell([Event::PromptRendered(prompt(0, Some("the template refuses a system message".into())))]);
    assert!(has(&stage, "refuses a system message"));
}

#[test]
fn how_answers_are_drawn_begins_as_the_model_recommends() {
    let mut stage = ready();
    assert!(is_disabled(&stage, "As the model recommends"));
    stage.window.get_by_role_and_label(NodeRole::SpinButton, "Seed").focus();
    stage.settle();
    stage.window.key_press(Key::ArrowUp);
    stage.settle();
    type_question(&mut stage, "Well?");
    requests(&mut stage);
    stage.window.key_press(Key::Enter);
    assert_eq!(generate(&mut stage).1.seed, 43);
    assert!(!is_disabled(&stage, "As the model recommends"));
    click(&mut stage, "As the model recommends");
    assert!(is_disabled(&stage, "As the model recommends"));
}

#[test]
fn the_page_is_reached_from_rail_keys_and_routing() {
    let mut stage = Stage::on(PageId::Routing);
    stage.tell([model(), data(), adapter()]);
    click(&mut stage, "Try the heads in Chat");
    assert!(has(&stage, "Solo head 2"));
    stage.window.key_press_modifiers(egui::Modifiers::COMMAND, Key::Num5);
    stage.settle();
    assert!(!has(&stage, "Solo head 2"));
    stage.window.key_press_modifiers(egui::Modifiers::COMMAND, Key::Num6);
    stage.settle();
    assert!(stage.window.get_by_label("Solo head 2").accesskit_node().role() == NodeRole::Button);
}

#[test]
fn a_run_that_is_on_answers_and_tells_its_checkpoints() {
    let mut stage = stage_with([model(), data()]);
    stage.tell(run_events(10, 20));
    let name = "checkpoint-10".to_owned();
    stage.tell([Event::Checkpoint(CheckpointRecord { step: 10, name, best: false })]);
    let asked = ask(&mut stage, "Already?");
    assert_eq!(asked[1].side, Side::adapter());
    stage.tell([Event::Freed { step: 10 }]);
    stage.tell(answer(asked[0].id, &["No."]));
    stage.tell(answer(asked[1].id, &["Yes."]));
    type_question(&mut stage, "And now?");
    assert!(
        !stage.requests().iter().any(|request| matches!(request, Request::RenderPrompt { .. })),
        "it would wake it"
    );
    stage.window.key_press(Key::Enter);
    assert_eq!(generate(&mut stage).0.len(), 2);
}
