//! The charts of a run: read out, zoomed, marked and clipped.

use egui::Key;
use egui::accesskit::Role;
use egui_kittest::kittest::{NodeT, Queryable};
use hydra_studio::worker::protocol::Event;

use super::stage::{Stage, eval, pause, routing_sample, run_events, started, step, warning};
use super::{click, has, ready};

/// Gives a chart the keyboard, by the beginning of its summary.
fn focus(stage: &mut Stage, chart: &str) {
    stage.window.get_by_label_contains(chart).focus();
    stage.settle();
}

fn press(stage: &mut Stage, key: Key) {
    stage.window.key_press(key);
    stage.settle();
}

/// What a chart says of itself.
fn summary(stage: &Stage, chart: &str) -> String {
    stage.window.get_by_label_contains(chart).accesskit_node().label().unwrap_or_default()
}

/// The step that the keyboard reads in a chart, from the middle of what it shows.
fn step_in_the_middle(stage: &mut Stage, chart: &str) -> usize {
    focus(stage, chart);
    press(stage, Key::ArrowRight);
    let words = summary(stage, chart);
    let (_, after) = words.split_once("; step ").expect("a read-out");
    after.split_once(':').and_then(|(step, _)| step.parse().ok()).expect("a step")
}

#[test]
fn curves_say_in_words_where_they_stand() {
    let mut stage = ready();
    stage.tell([started(500)]);
    assert!(has(&stage, "Loss, no values yet"));
    stage.tell([eval(0, 500)]);
    assert!(has(&stage, "Loss, 1 series, last 2.21, lowest 2.21 at step 0"), "a single value is drawn and told");
    stage.tell((1..=120).map(|at| step(at, 500)).chain([routing_sample(120, 500)]));
    assert!(has(&stage, "Loss, 3 series, last "));
    assert!(has(&stage, "Learning rate, 1 series, last ") && has(&stage, "Head load, 3 series, last "));
}

#[test]
fn the_pointer_and_the_arrow_keys_read_a_curve_out() {
    let mut stage = ready();
    stage.tell(run_events(100, 200));
    let chart = stage.window.get_by_label_contains("Loss, 3 series").rect();
    stage.window.hover_at(chart.center());
    stage.settle();
    assert!(has(&stage, "Step 4") || has(&stage, "Step 5"), "a step near the middle is read out");
    stage.window.remove_cursor();
    stage.window.get_by_label_contains("Loss, 3 series").focus();
    stage.settle();
    for _ in 0..3 {
        stage.window.key_press(Key::ArrowRight);
        stage.settle();
    }
    assert!(has(&stage, "; step 5"), "the keyboard moves the read-out, and the summary tells it");
}

#[test]
fn a_logarithmic_scale_and_a_zoom_can_be_switched_and_reset() {
    let mut stage = ready();
    stage.tell(run_events(100, 200));
    stage.window.get_all_by_label("Log").next().expect("a switch").click();
    stage.settle();
    focus(&mut stage, "Loss, 3 series");
    assert!(stage.window.query_by_label("Reset zoom").is_none());
    press(&mut stage, Key::Plus);
    click(&mut stage, "Reset zoom");
    assert!(stage.window.query_by_label("Reset zoom").is_none());
}

#[test]
fn a_zoom_of_one_chart_moves_all_of_the_run() {
    let mut stage = ready();
    stage.tell(run_events(100, 200));
    let (loss, rate) = ("Loss, 3 series", "Learning rate, 1 series");
    let middle = step_in_the_middle(&mut stage, rate);
    assert!((50..=53).contains(&middle), "step {middle}");
    focus(&mut stage, loss);
    (0..20).for_each(|_| press(&mut stage, Key::ArrowRight));
    (0..2).for_each(|_| press(&mut stage, Key::Plus));
    let moved = step_in_the_middle(&mut stage, rate);
    assert!(moved > middle + 10, "the middle stayed at step {moved}");
    press(&mut stage, Key::Home);
    assert!(stage.window.query_by_label("Reset zoom").is_none());
    let back = step_in_the_middle(&mut stage, "Gradient norm, 2 series");
    assert!((50..=53).contains(&back), "step {back}");
}

#[test]
fn a_wheel_with_ctrl_zooms_a_chart() {
    let mut stage = ready();
    stage.tell(run_events(100, 200));
    let middle = stage.window.get_by_label_contains("Loss, 3 series").rect().center();
    stage.window.hover_at(middle);
    stage.settle();
    stage.window.event(egui::Event::Zoom(2.0));
    stage.settle();
    assert!(stage.window.query_by_label("Reset zoom").is_some());
    click(&mut stage, "Reset zoom");
    assert!(stage.window.query_by_label("Reset zoom").is_none());
}

#[test]
fn the_width_can_count_time() {
    let mut stage = ready();
    stage.tell(run_events(100, 200));
    click(&mut stage, "Time");
    let chart = stage.window.get_by_label_contains("Gradient norm, 2 series").rect();
    stage.window.hover_at(chart.center());
    stage.settle();
    // 100 steps of 5.3 seconds: the middle is after about four and a half minutes.
    assert!(has(&stage, "4 min") && has(&stage, "s, step "), "time and step are read out");
    let middle = step_in_the_middle(&mut stage, "Learning rate, 1 series");
    assert!((50..=53).contains(&middle), "step {middle}");
}

#[test]
fn outliers_are_clipped_on_demand() {
    let mut stage = ready();
    stage.tell(run_events(100, 200));
    assert!(!has(&stage, "outliers are clipped"));
    stage.window.get_by_role_and_label(Role::CheckBox, "Clip outliers").click();
    stage.settle();
    assert!(summary(&stage, "Loss, 3 series").contains("outliers are clipped"));
}

#[test]
fn what_happened_in_a_run_is_told_beside_its_curves_and_can_be_hidden() {
    let mut stage = ready();
    stage.tell(run_events(100, 200).into_iter().chain([pause(25), warning(50)]));
    let words = summary(&stage, "Loss, 3 series");
    let marks = "5 checkpoints, 6 measures, 1 pause, 1 warning, the last: Warning at step 50: memory ran short";
    assert!(words.contains(marks), "{words}");
    focus(&mut stage, "Loss, 3 series");
    press(&mut stage, Key::ArrowRight);
    let words = summary(&stage, "Loss, 3 series");
    assert!(words.contains("; step 5") && !words.contains("Saved checkpoint"), "{words}");
    stage.window.get_by_role_and_label(Role::CheckBox, "Measures 6").click();
    stage.settle();
    let words = summary(&stage, "Learning rate, 1 series");
    assert!(words.contains("5 checkpoints, 1 pause") && !words.contains("measure"), "{words}");
}

#[test]
fn a_mark_under_the_pointer_is_told_with_the_values() {
    let mut stage = ready();
    stage.tell(run_events(100, 200).into_iter().chain([warning(50)]));
    let chart = stage.window.get_by_label_contains("Loss, 3 series").rect();
    stage.window.hover_at(chart.center());
    stage.settle();
    assert!(has(&stage, "Warning at step 50: memory ran short"), "step 50 of 100 is in the middle");
}

#[test]
fn values_that_are_no_numbers_are_owned_up_to() {
    let mut stage = ready();
    let mut events = run_events(100, 200);
    for event in &mut events {
        if let Event::Step(step) = event
            && step.step == 30
        {
            step.loss = f64::NAN;
            step.grad_norm = f64::INFINITY;
        }
    }
    stage.tell(events);
    assert!(summary(&stage, "Loss, 3 series").contains("1 value not a number"));
    focus(&mut stage, "Loss, 3 series");
    (0..40).for_each(|_| press(&mut stage, Key::ArrowLeft));
    assert!(summary(&stage, "Loss, 3 series").contains("; step "), "a reading at or beside the gap is told");
    assert!(summary(&stage, "Gradient norm, 2 series").contains("1 value not a number"));
}

#[test]
fn what_a_run_uses_is_drawn_and_says_where_its_figures_come_from() {
    let mut stage = ready();
    stage.tell(run_events(100, 200));
    assert!(summary(&stage, "Memory, 1 series").contains("last 1."));
    assert!(summary(&stage, "Energy, 3 series").contains("CPU, measured last 3.10; RAM, estimated last 0.400"));
    assert!(summary(&stage, "Similarity of heads, 3 series").contains("Heads 2 and 3 last"));
}
