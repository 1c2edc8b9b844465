//! What a frame of the window costs while a run is on: `cargo bench --bench frames`. The real window is driven through its
//! channels, with 100,000 steps behind it, new events in every frame and the pointer moving over what is shown. Printed is
//! the CPU time that the window's thread takes for logic, drawing and tessellation, without the graphics card.

use std::hint::black_box;

use egui_kittest::kittest::Queryable;
use hydra_studio::app::pages::PageId;
use hydra_studio::worker::protocol::Event;

#[expect(dead_code, reason = "the stage of the tests of these pages has more than is measured here")]
#[path = "../tests/ui_charts/stage.rs"]
mod stage;

use stage::{Stage, adapter, data, eval, model, report, routing_sample, run_events, step, usage};

const STEPS: usize = 100_000;

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
            let times = measure(&mut stage, size, frames);
            let at = |share: usize| times.get((times.len() * share / 100).min(times.len() - 1)).copied();
            let (Some(median), Some(slow)) = (at(50), at(95)) else { continue };
            let verdict = if slow <= BUDGET_MS { "" } else { "   over the budget" };
            println!("{:<8} {name:<12} {median:6.2} {slow:6.2}{verdict}", page.title());
        }
    }
}

/// A window of `size` that shows `page` in the middle of a long run.
fn in_training(page: PageId, size: [f32; 2]) -> Stage {
    let mut stage = Stage::new(page, size, egui::ThemePreference::Dark);
    stage.tell([model(), data(), adapter(), Event::Routing(report(2048, 30, 8))]);
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
