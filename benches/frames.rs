//! What a frame of the window costs while a run is on: `cargo bench --bench frames`. The real window is driven through its
//! channels, with 100,000 steps behind it, new events in every frame and the pointer moving over what is shown. Printed is
//! the CPU time that the window's thread takes for logic, drawing and tessellation, without the graphics card.

use std::hint::black_box;

use egui::accesskit::Role;
use egui_kittest::kittest::Queryable;
use hydra_studio::app::pages::PageId;
use hydra_studio::worker::protocol::{AskedAnswer, EndReason, Event, Request, TokenGates};

#[expect(dead_code, reason = "the stage of the tests of these pages has more than is measured here")]
#[path = "../tests/ui_charts/stage.rs"]
mod stage;

#[expect(dead_code, reason = "the events of the tests of this page are more than is measured here")]
#[path = "../tests/ui_routing/fixtures.rs"]
mod fixtures;

#[path = "../tests/ui_topics/fixtures.rs"]
mod topics;

use fixtures::{replayed, survey, surveyed};
use stage::{Stage, adapter, data, eval, model, report, routing_sample, run_events, step, usage};

const STEPS: usize = 100_000;

/// Examples on the map of topics, as many as it ever shows.
const EXAMPLES: usize = 20_000;

/// A frame's CPU time that 95 of 100 must stay below, in milliseconds.
const BUDGET_MS: f64 = 8.0;

/// A usual window, and one in which every chart is in sight at once.
const SIZES: [(&str, [f32; 2]); 2] = [("1280 x 800", [1280.0, 800.0]), ("1280 x 2600", [1280.0, 2600.0])];

fn main() {
    // `cargo test` runs benches to see that they work.
    let frames = if std::env::args().any(|argument| argument == "--bench") { 300 } else { 3 };
    println!("CPU milliseconds of a frame, median and 95 %, of {frames}; the budget is {BUDGET_MS} for 95 %");
    for (name, size) in SIZES {
        for page in PageId::ALL {
            let mut stage = in_training(page, size);
            tell(page.title(), name, &measure(&mut stage, size, frames));
        }
        let mut stage = conversing(size);
        tell("Conversation", name, &measure(&mut stage, size, frames));
        for look in ROUTING {
            let mut stage = routed(look, size);
            tell(look, name, &measure(&mut stage, size, frames));
        }
    }
}

/// Prints median and slow end of frames' times.
fn tell(what: &str, size: &str, times: &[f64]) {
    let at = |share: usize| times.get((times.len() * share / 100).min(times.len() - 1)).copied();
    let (Some(median), Some(slow)) = (at(50), at(95)) else { return };
    let verdict = if slow <= BUDGET_MS { "" } else { "   over the budget" };
    println!("{what:<14} {size:<12} {median:6.2} {slow:6.2}{verdict}");
}

/// The looks of the Routing page that are measured with the largest adapter: 32 layers of 7 modules with 16 heads, and a
/// text of 4,096 tokens.
const ROUTING: [&str; 5] = ["Text", "Bars", "Lines", "All data", "Over training"];

/// The Routing page in one of its looks, all of it that has room in a window of `size`.
fn routed(look: &str, size: [f32; 2]) -> Stage {
    let mut stage = Stage::new(PageId::Routing, size, egui::ThemePreference::Dark);
    stage.tell([model(), data(), adapter(), Event::Routing(report(4096, 32, 16)), replayed(16, 32)]);
    stage.tell([surveyed(survey(16, 32, Vec::new()))]);
    stage.window.run_steps(60);
    if look.starts_with(['A', 'O']) {
        stage.window.get_by_label(look).click();
    } else {
        // The tokens lie below the grid: bring them into a small window.
        stage.window.get_by_label("Kind of module").scroll_to_me();
        stage.window.run_steps(30);
        stage.window.get_by_label(look).click();
    }
    stage.window.run_steps(30);
    stage
}

/// Turns of the conversation that is measured, each with two answers of [`ANSWER`] tokens.
const TURNS: usize = 16;
const ANSWER: usize = 160;

/// The Chat page with a long conversation whose answers are tinted by their gates.
fn conversing(size: [f32; 2]) -> Stage {
    let mut stage = Stage::new(PageId::Chat, size, egui::ThemePreference::Dark);
    stage.tell([model(), data(), adapter()]);
    stage.window.get_by_label("Show gates of new answers").click();
    for _ in 0..TURNS {
        stage.window.get_by_role_and_label(Role::MultilineTextInput, "Question").focus();
        stage.settle();
        stage.window.get_by_role_and_label(Role::MultilineTextInput, "Question").type_text("And then?");
        stage.settle();
        stage.window.key_press(egui::Key::Enter);
        let asked = stage.requests().into_iter().find_map(|request| match request {
            Request::Generate { answers, .. } => Some(answers),
            _ => None,
        });
        for AskedAnswer { id, .. } in asked.unwrap_or_default() {
            stage.send([Event::AnswerStarted { id, prompt_tokens: 40, context: 2048 }]);
            for token in 0..ANSWER {
                let text = if token % 40 == 39 { " end.\n" } else { " word" }.to_owned();
                let gates = TokenGates { mean: vec![0.2, 0.3, 0.5], module: Vec::new() };
                stage.send([
                    Event::Token { id, token: Some(token as u32), text },
                    Event::TokenGates { id, token, gates },
                ]);
            }
            let reason = EndReason::MaxTokens;
            stage.send([Event::Answered { id, tokens: ANSWER, first_token_s: None, tokens_per_s: 20.0, reason }]);
        }
        stage.settle();
    }
    stage
}

/// A window of `size` that shows `page` in the middle of a long run.
fn in_training(page: PageId, size: [f32; 2]) -> Stage {
    let mut stage = Stage::new(page, size, egui::ThemePreference::Dark);
    stage.tell([model(), data(), adapter(), Event::Routing(report(2048, 30, 8))]);
    if page == PageId::Topics {
        let map = Event::TopicMap { places: topics::places(EXAMPLES, 0.5), share: 1.0 };
        stage.tell([topics::found(EXAMPLES), map, topics::opinion(EXAMPLES)]);
    }
    stage.send(run_events(STEPS - 1000, STEPS));
    // The window takes in a few thousand events a frame.
    stage.window.run_steps(60);
    if page == PageId::Train {
        // The curves lie below the form's place: bring them into a small window.
        stage.window.get_by_label_contains("Gradient norm, 2 series").scroll_to_me();
        stage.window.run_steps(30);
    }
    stage
}

/// CPU times of `frames` frames, each with new events and the pointer elsewhere, the shortest first.
fn measure(stage: &mut Stage, [width, height]: [f32; 2], frames: usize) -> Vec<f64> {
    let mut times: Vec<f64> = (0..frames)
        .map(|frame| {
            let at = STEPS - 999 + frame;
            stage.send([step(at, STEPS), routing_sample(at, STEPS), usage(at)]);
            if frame.is_multiple_of(10) {
                stage.send([eval(at, STEPS)]);
            }
            let across = (frame % 97) as f32 / 97.0;
            stage.window.hover_at(egui::pos2(width * (0.25 + 0.7 * across), height * 0.5));
            let start = cpu_time_s();
            stage.window.step();
            let output = stage.window.output();
            black_box(stage.window.ctx.tessellate(output.shapes.clone(), output.pixels_per_point));
            (cpu_time_s() - start) * 1e3
        })
        .collect();
    times.sort_by(f64::total_cmp);
    times
}

/// CPU time of this thread, in seconds.
#[cfg(unix)]
fn cpu_time_s() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 * 1e-9
}

/// Time by the clock, where a thread's own is not to be had.
#[cfg(not(unix))]
fn cpu_time_s() -> f64 {
    static START: std::sync::LazyLock<std::time::Instant> = std::sync::LazyLock::new(std::time::Instant::now);
    START.elapsed().as_secs_f64()
}
