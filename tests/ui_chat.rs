//! The Chat page in the real window, with the test in the worker's place.

#[path = "ui_chat/asking.rs"]
mod asking;
#[path = "ui_chat/budget.rs"]
mod budget;
#[path = "ui_chat/heads.rs"]
mod heads;
#[path = "ui_chat/layout.rs"]
mod layout;
#[path = "ui_chat/saving.rs"]
mod saving;
#[allow(dead_code, reason = "the stage of another test program, of which this one uses a part")]
#[path = "ui_charts/stage.rs"]
mod stage;

use egui::accesskit::Role;
use egui_kittest::kittest::{NodeT, Queryable};
use hydra_studio::app::pages::PageId;
use hydra_studio::worker::protocol::{AskedAnswer, EndReason, Event, GateWatch, Request, Sampling, TokenGates};

use stage::{Stage, adapter, data, model};

/// Wide, and tall enough that neither conversation nor panel scrolls.
const TALL: [f32; 2] = [1280.0, 2000.0];

fn stage_with(events: impl IntoIterator<Item = Event>) -> Stage {
    let mut stage = Stage::new(PageId::Chat, TALL, egui::ThemePreference::Dark);
    stage.tell(events);
    stage
}

/// A stage with model, data and an adapter of three heads.
fn ready() -> Stage {
    let mut stage = stage_with([model(), data(), adapter()]);
    stage.requests();
    stage
}

fn has(stage: &Stage, text: &str) -> bool {
    stage.window.query_all_by_label_contains(text).next().is_some()
}

fn click(stage: &mut Stage, label: &str) {
    stage.window.get_by_label(label).click();
    stage.settle();
}

fn is_disabled(stage: &Stage, label: &str) -> bool {
    stage.window.get_by_label(label).accesskit_node().is_disabled()
}

/// Types into the question field, which then has focus.
fn type_question(stage: &mut Stage, text: &str) {
    stage.window.get_by_role_and_label(Role::MultilineTextInput, "Question").focus();
    stage.settle();
    stage.window.get_by_role_and_label(Role::MultilineTextInput, "Question").type_text(text);
    stage.settle();
}

/// What was asked for since the last call, but for how the conversation is read.
fn requests(stage: &mut Stage) -> Vec<Request> {
    stage.requests().into_iter().filter(|request| !matches!(request, Request::RenderPrompt { .. })).collect()
}

/// The one request for answers since the last call.
fn generate(stage: &mut Stage) -> (Vec<AskedAnswer>, Sampling, GateWatch) {
    let requests = requests(stage);
    let Some(Request::Generate { answers, sampling, watch }) =
        requests.iter().find(|request| matches!(request, Request::Generate { .. })).cloned()
    else {
        panic!("no answer was asked for: {requests:?}");
    };
    (answers, sampling, watch)
}

/// Types a question and sends it.
fn ask(stage: &mut Stage, question: &str) -> Vec<AskedAnswer> {
    type_question(stage, question);
    requests(stage);
    stage.window.key_press(egui::Key::Enter);
    generate(stage).0
}

fn token(id: u64, token: u32, text: &str) -> Event {
    Event::Token { id, token: Some(token), text: text.into() }
}

fn gates(id: u64, token: usize, mean: [f32; 3]) -> Event {
    Event::TokenGates { id, token, gates: TokenGates { mean: mean.to_vec(), module: Vec::new() } }
}

fn started(id: u64) -> Event {
    Event::AnswerStarted { id, prompt_tokens: 40, context: 2048 }
}

fn answered(id: u64, tokens: usize, reason: EndReason) -> Event {
    Event::Answered { id, tokens, first_token_s: Some(0.25), tokens_per_s: 21.0, reason }
}

/// An answer from its start to its end.
fn answer(id: u64, words: &[&str]) -> Vec<Event> {
    let tokens = words.iter().zip(10..).map(|(word, number)| token(id, number, word));
    [started(id)].into_iter().chain(tokens).chain([answered(id, words.len(), EndReason::EndOfText)]).collect()
}
