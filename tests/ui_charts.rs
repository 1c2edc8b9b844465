//! The pages Train and Routing in the real window, with the test in the worker's place; and their widgets as pictures.

#[path = "ui_charts/layout.rs"]
mod layout;
#[path = "ui_charts/stage.rs"]
mod stage;

use std::time::Instant;

use egui::Key;
use egui::accesskit::Role;
use egui_kittest::kittest::{NodeT, Queryable};
use hydra_studio::adapter::Method;
use hydra_studio::app::pages::PageId;
use hydra_studio::train::{Length, TrainSettings};
use hydra_studio::worker::protocol::{EndReason, Event, InspectSource, JobKind, Request, TrainingEnd};

use stage::{Stage, adapter, data, done, eval, model, report, routing_sample, run_events, started, step};

/// A stage with model and data, where a run can be started.
fn ready() -> Stage {
    let mut stage = Stage::on(PageId::Train);
    stage.tell([model(), data()]);
    stage
}

fn click(stage: &mut Stage, label: &str) {
    stage.window.get_by_label(label).click();
    stage.settle();
}

/// Clicks the topmost of several: the page's own button, not the status bar's.
fn click_first(stage: &mut Stage, label: &str) {
    let top = |node: &egui_kittest::Node<'_>| node.rect().top();
    let nodes = stage.window.get_all_by_label(label);
    nodes.min_by(|a, b| top(a).total_cmp(&top(b))).expect("at least one").click();
    stage.settle();
}

fn click_at(stage: &mut Stage, pos: egui::Pos2) {
    let (button, modifiers) = (egui::PointerButton::Primary, egui::Modifiers::NONE);
    for pressed in [true, false] {
        stage.window.event(egui::Event::PointerButton { pos, button, pressed, modifiers });
    }
    stage.settle();
}

fn has(stage: &Stage, text: &str) -> bool {
    stage.window.query_all_by_label_contains(text).next().is_some()
}

// --- Train: before ---

#[test]
fn without_a_model_the_page_leads_to_it() {
    let mut stage = Stage::on(PageId::Train);
    stage.settle();
    assert!(has(&stage, "Training needs a model and data"));
    click(&mut stage, "Choose a model");
    assert!(!has(&stage, "Training needs"), "the Model page should be shown");
}

#[test]
fn without_data_the_page_leads_there() {
    let mut stage = Stage::on(PageId::Train);
    stage.tell([model()]);
    assert!(has(&stage, "Training needs data"));
    click(&mut stage, "Choose data");
    assert!(!has(&stage, "Training needs"), "the Data page should be shown");
}

#[test]
fn simple_mode_starts_what_it_shows() {
    let mut stage = ready();
    assert!(has(&stage, "238 steps, sees each example about once"));
    click(&mut stage, "Quick look");
    assert!(has(&stage, "8 examples"), "the effective batch is shown");
    click(&mut stage, "Start training");
    let requests = stage.requests();
    let Some(Request::StartTraining { settings, out }) = requests.first() else {
        panic!("expected a start, got {requests:?}");
    };
    assert_eq!((settings.method, settings.length), (Method::HydraLora, Length::Steps(100)));
    assert_eq!(out.parent(), Some(stage.runs.path()));
    assert!(out.to_string_lossy().ends_with("-smollm2-135m-instruct"), "{out:?}");
    assert!(has(&stage, "Preparing the run"), "the start is under way");
}

#[test]
fn advanced_mode_sends_what_was_edited_and_marks_it() {
    let mut stage = ready();
    click(&mut stage, "Advanced");
    click(&mut stage, "Reset 1 change");
    assert!(stage.window.query_by_label("Reset Learning rate").is_none());
    stage.window.get_by_role_and_label(Role::CheckBox, "Rank-stable scale").click();
    click(&mut stage, "down");
    assert!(has(&stage, "Reset Rank-stable scale") && has(&stage, "Reset Modules"));
    click(&mut stage, "Reset Modules");
    click(&mut stage, "Start training");
    let requests = stage.requests();
    let Some(Request::StartTraining { settings, .. }) = requests.first() else {
        panic!("expected a start, got {requests:?}");
    };
    assert_eq!(*settings, TrainSettings { rslora: true, ..TrainSettings::default() });
}

#[test]
fn examples_are_shown_as_the_settings_will_cut_them() {
    let mut stage = Stage::on(PageId::Data);
    let Event::ModelLoaded(mut small) = model() else { unreachable!() };
    small.max_context = 256;
    stage.tell([Event::ModelLoaded(small), data()]);
    let asked = |stage: &mut Stage| {
        stage.requests().into_iter().find_map(|request| match request {
            Request::PreviewData { context, .. } => Some(context),
            _ => None,
        })
    };
    assert_eq!(asked(&mut stage), Some(256), "no more than the model takes");
    stage.tell([Event::DataPreview { start: 0, examples: Vec::new() }]);
    assert_eq!(asked(&mut stage), None);
    stage.tell([model()]);
    assert_eq!(asked(&mut stage), Some(512), "what Simple mode trains with");
}

#[test]
fn a_run_folder_that_exists_is_refused_before_the_start() {
    let mut stage = ready();
    std::fs::create_dir(stage.runs.path().join("taken")).expect("a folder");
    let field = stage.window.get_by_label("Run folder");
    field.focus();
    stage.settle();
    stage.window.key_press_modifiers(egui::Modifiers::COMMAND, Key::A);
    let taken = stage.runs.path().join("taken").to_string_lossy().into_owned();
    stage.window.get_by_role_and_label(Role::TextInput, "Run folder").type_text(&taken);
    stage.settle();
    assert!(has(&stage, "This folder exists already"));
    assert!(stage.window.get_by_label("Start training").accesskit_node().is_disabled());
}

#[test]
fn no_run_starts_while_its_model_or_data_is_on_the_way() {
    for (job, words) in
        [(JobKind::LoadModel, "A model is being loaded."), (JobKind::ImportData, "Data is being imported.")]
    {
        let mut stage = ready();
        stage.tell([Event::Progress { job, share: None, note: "Reading".into() }]);
        assert!(has(&stage, words));
        assert!(stage.window.get_by_label("Start training").accesskit_node().is_disabled());
        stage.tell([Event::Cancelled { job }]);
        assert!(!stage.window.get_by_label("Start training").accesskit_node().is_disabled());
    }
}

#[test]
fn a_refused_start_says_why_in_place() {
    let mut stage = ready();
    click(&mut stage, "Start training");
    let message = "the disk of /runs is full: free 200 MB or choose another folder".to_owned();
    stage.tell([Event::Failed { job: JobKind::Train, message: message.clone() }]);
    assert!(has(&stage, &message));
    assert!(!stage.window.get_by_label("Start training").accesskit_node().is_disabled());
}

#[test]
fn a_run_that_is_opened_first_shows_its_progress_and_its_failure() {
    let mut stage = Stage::new(PageId::Train, [1180.0, 800.0], egui::ThemePreference::Dark);
    let job = JobKind::Train;
    stage.tell([Event::Progress { job, share: Some(0.4), note: "Reading weights".into() }]);
    assert!(has(&stage, "Reading weights") && !has(&stage, "Training needs"));
    stage.tell([Event::Failed { job, message: "no run.json in /runs/none".into() }]);
    assert!(shown_above(&stage, "no run.json in /runs/none", "Training needs a model and data"));
}

#[test]
fn a_start_that_fails_after_a_finished_run_says_so_above_that_run() {
    let mut stage = ready();
    stage.tell(run_events(200, 200));
    stage.tell([done(200)]);
    click(&mut stage, "Start training");
    assert!(has(&stage, "Preparing the run") && stage.window.query_by_label("Training is done").is_none());
    stage.tell([Event::Failed { job: JobKind::Train, message: "the disk of /runs is full".into() }]);
    assert!(shown_above(&stage, "the disk of /runs is full", "Training is done"));
}

/// Whether `text` stands on the page above `other`, and not only in the corner for a while.
fn shown_above(stage: &Stage, text: &str, other: &str) -> bool {
    let below = stage.window.get_by_label(other).rect().top();
    stage.window.query_all_by_label_contains(text).any(|node| node.rect().bottom() < below)
}

// --- Train: while ---

#[test]
fn a_run_can_be_paused_continued_and_stopped() {
    let mut stage = ready();
    stage.tell(run_events(40, 200));
    assert!(has(&stage, "Step 40 of 200, 20 %, about 14 min 08 s left"));
    stage.requests();
    click_first(&mut stage, "Pause");
    assert_eq!(stage.requests(), [Request::Pause]);
    assert!(has(&stage, "pausing after the batch at hand"));
    stage.tell([Event::Paused { step: 40 }]);
    click_first(&mut stage, "Continue");
    click_first(&mut stage, "Stop and save");
    assert_eq!(stage.requests(), [Request::Continue, Request::StopAndSave]);
    assert!(has(&stage, "writing a checkpoint before it ends"));
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
    stage.window.get_by_label_contains("Loss, 3 series").focus();
    stage.settle();
    assert!(stage.window.query_by_label("Reset zoom").is_none());
    stage.window.key_press(Key::Plus);
    stage.settle();
    click(&mut stage, "Reset zoom");
    assert!(stage.window.query_by_label("Reset zoom").is_none());
}

// --- Train: after ---

#[test]
fn the_end_is_judged_and_leads_on() {
    let mut stage = ready();
    stage.tell(run_events(200, 200));
    stage.tell([done(200)]);
    assert!(has(&stage, "Held-out loss fell from 2.21 to 0.720, by 67 %"));
    assert!(has(&stage, "checkpoint-200") && has(&stage, "lowest held-out loss"));
    assert!(has(&stage, "Start training"), "another run can be set up");
    click(&mut stage, "See the routing");
    assert!(!has(&stage, "Held-out loss fell"), "the Routing page should be shown");
}

#[test]
fn an_adapter_that_was_taken_off_is_not_said_to_be_loaded() {
    let mut stage = ready();
    stage.tell(run_events(200, 200));
    stage.tell([done(200)]);
    assert!(has(&stage, "The adapter is loaded, and kept in"));
    stage.tell([Event::AdapterDropped]);
    assert!(has(&stage, "The adapter is not loaded any more") && !has(&stage, "See the routing"));
    stage.requests();
    click(&mut stage, "Load it again");
    assert_eq!(stage.requests(), [Request::LoadAdapter { path: "/runs/2026-11-24-smollm2".into() }]);
}

#[test]
fn a_stopped_run_can_be_gone_on_with() {
    let mut stage = ready();
    stage.tell(run_events(60, 200));
    let Event::TrainingDone(end) = done(200) else { unreachable!() };
    stage.tell([Event::TrainingDone(TrainingEnd { step: 60, stopped: true, ..end })]);
    stage.requests();
    click(&mut stage, "Go on training");
    assert_eq!(stage.requests(), [Request::ResumeRun { run: "/runs/2026-11-24-smollm2".into() }]);
}

#[test]
fn a_failure_stays_with_its_message_and_a_way_on() {
    let mut stage = ready();
    stage.tell(run_events(50, 200));
    let message = "the loss is NaN at step 51 (rows demo.jsonl:7, demo.jsonl:90): lower the learning rate";
    stage.tell([Event::Failed { job: JobKind::Train, message: message.to_owned() }]);
    assert!(has(&stage, "The run failed") && has(&stage, message));
    assert!(has(&stage, "the last checkpoint is from step 40"));
    stage.requests();
    click(&mut stage, "Go on from the last checkpoint");
    assert_eq!(stage.requests(), [Request::ResumeRun { run: "/runs/2026-11-24-smollm2".into() }]);
}

#[test]
fn the_time_of_a_run_is_told_only_where_it_was_measured() {
    let mut stage = ready();
    assert!(has(&stage, "not known yet"));
    stage.tell(run_events(200, 200));
    stage.tell([done(200)]);
    // 238 steps of 8 examples at 175 tokens each, 251 tokens a second.
    assert!(has(&stage, "about 22 min ") && !has(&stage, "not known yet"));
    stage.tell([data()]);
    assert!(has(&stage, "not known yet"), "other data takes another time");
}

// --- Routing ---

/// A stage with model, data and adapter on the Routing page.
fn routed() -> Stage {
    let mut stage = Stage::on(PageId::Routing);
    stage.tell([model(), data(), adapter()]);
    stage
}

#[test]
fn without_an_adapter_the_page_leads_to_training() {
    let mut stage = Stage::on(PageId::Routing);
    stage.tell([model(), data()]);
    assert!(has(&stage, "No adapter to look into yet"));
    click(&mut stage, "Go to Train");
    assert!(has(&stage, "How long should it train?"));
}

#[test]
fn a_prompt_and_a_held_out_example_can_be_looked_at() {
    let mut stage = routed();
    stage.requests();
    assert!(stage.window.get_by_label("Look").accesskit_node().is_disabled(), "there is no prompt yet");
    stage.window.get_by_label("Prompt").focus();
    stage.window.get_by_label("Prompt").type_text("What is 2 plus 2?");
    stage.settle();
    click(&mut stage, "Look");
    assert_eq!(stage.requests(), [Request::Inspect { source: InspectSource::Prompt("What is 2 plus 2?".into()) }]);
    stage.tell([Event::Routing(report(20, 4, 3))]);
    click(&mut stage, "A held-out example");
    click(&mut stage, "Next example");
    assert!(has(&stage, "How many days are there from 3 May to 9 June?"));
    click(&mut stage, "Look");
    assert_eq!(stage.requests(), [Request::Inspect { source: InspectSource::HeldOut(1) }]);
}

#[test]
fn a_report_is_told_in_words_and_by_hover() {
    let mut stage = routed();
    stage.tell([Event::Routing(report(60, 30, 3))]);
    assert!(has(&stage, "Of 30 layers, Head ") && has(&stage, "entropy 0.9"));
    assert!(has(&stage, "Of 60 tokens, Head 1 leads "));
    let grid = stage.window.get_by_label_contains("Mean gates by layer and head").rect();
    stage.window.hover_at(grid.lerp_inside(egui::vec2(0.6, 0.2)));
    stage.settle();
    assert!(has(&stage, "Head 1, layer 17: mean gate 0."), "the cell under the pointer is told");
    let row = stage.window.get_by_label_contains("When does it arrive?").rect();
    stage.window.hover_at(row.left_center() + egui::vec2(90.0, 0.0));
    stage.settle();
    assert!(has(&stage, "of 60, not supervised"), "the token under the pointer is told");
}

#[test]
fn tokens_are_read_with_the_arrow_keys_and_name_their_heads() {
    let mut stage = routed();
    stage.tell([Event::Routing(report(60, 30, 3))]);
    assert!(has(&stage, "When does it arrive? (Head ") || has(&stage, "leads "), "a row names its leading heads");
    stage.window.get_by_label("Tokens; read them with the arrow keys").focus();
    stage.settle();
    for _ in 0..3 {
        stage.window.key_press(Key::ArrowRight);
        stage.settle();
    }
    assert!(has(&stage, "Token 3 of 60, “> user \\n A”: Head 1 0."), "the gates are told");
    assert!(has(&stage, "Token 3 of 60, not supervised"), "the gates are shown");
}

#[test]
fn a_kind_of_module_and_a_layer_can_be_chosen() {
    let mut stage = routed();
    stage.tell([Event::Routing(report(60, 30, 3))]);
    click(&mut stage, "up");
    let grid = stage.window.get_by_label_contains("Mean gates by layer and head").rect();
    stage.window.hover_at(grid.lerp_inside(egui::vec2(0.6, 0.2)));
    stage.settle();
    assert!(has(&stage, "model.layers.16.mlp.up_proj"));
    let layer = |stage: &Stage| stage.window.get_by_label("Layer of the tokens").value();
    assert_eq!(layer(&stage).as_deref(), Some("Mean of all layers"));
    click_at(&mut stage, grid.lerp_inside(egui::vec2(0.6, 0.2)));
    assert_eq!(layer(&stage).as_deref(), Some("Layer 17"));
}

#[test]
fn the_grid_can_be_read_as_a_table_and_its_colours_stretched() {
    let mut stage = routed();
    stage.tell([Event::Routing(report(60, 30, 3))]);
    assert!(has(&stage, "Colours from 0 to 0.67"));
    click(&mut stage, "Stretch colours");
    assert!(has(&stage, "Colours from 0.2") || has(&stage, "Colours from 0.3"));
    click(&mut stage, "Show as table");
    assert!(stage.window.query_all_by_label_contains("0.3").count() > 20, "gates are listed as figures");
}

#[test]
fn a_report_of_an_earlier_adapter_says_so() {
    let mut stage = routed();
    stage.tell([Event::Routing(report(60, 30, 3))]);
    assert!(!has(&stage, "Look again"));
    stage.tell([started(10)]);
    assert!(has(&stage, "Look again"));
    stage.tell([Event::Routing(report(60, 30, 3))]);
    assert!(!has(&stage, "Look again"));
}

#[test]
fn a_method_without_router_is_explained() {
    let mut stage = Stage::on(PageId::Routing);
    let Event::AdapterLoaded(mut summary) = adapter() else { unreachable!() };
    summary.spec.method = Method::Lora;
    summary.spec.heads = 1;
    stage.tell([model(), data(), Event::AdapterLoaded(summary)]);
    assert!(has(&stage, "LoRA has no router"));
    assert!(stage.window.query_by_label("Look").is_none());
}

#[test]
fn both_answers_stream_one_after_the_other() {
    let mut stage = routed();
    stage.window.get_by_label("Question").focus();
    stage.window.get_by_role_and_label(Role::MultilineTextInput, "Question").type_text("What is 2 plus 2?");
    stage.settle();
    stage.requests();
    stage.window.key_press_modifiers(egui::Modifiers::COMMAND, Key::Enter);
    let requests = stage.requests();
    let [Request::Generate { id, with_adapter: false, messages, .. }] = requests.as_slice() else {
        panic!("expected the base model alone to be asked, got {requests:?}");
    };
    assert_eq!(messages.first().map(|message| message.content.as_str()), Some("What is 2 plus 2?"));
    let (base, reason) = (*id, EndReason::EndOfText);
    let token = |id, text: &str| Event::Token { id, text: text.into() };
    stage.tell([token(base, "It is "), token(base, "five.")]);
    assert!(has(&stage, "It is five.") && has(&stage, "Waits until the base model is done"));
    stage.tell([Event::Answered { id: base, tokens: 4, tokens_per_s: 21.0, reason }]);
    let requests = stage.requests();
    let [Request::Generate { id, with_adapter: true, .. }] = requests.as_slice() else {
        panic!("expected the adapter to be asked next, got {requests:?}");
    };
    let tuned = *id;
    stage.tell([token(tuned, "It is four."), Event::Answered { id: tuned, tokens: 4, tokens_per_s: 19.0, reason }]);
    assert!(has(&stage, "It is five.") && has(&stage, "It is four."));
    assert!(has(&stage, "4 tokens at 19.0/s, ended by itself"));
}

#[test]
fn an_answer_that_is_stopped_is_not_shown_as_the_adapters() {
    let mut stage = routed();
    stage.window.get_by_label("Question").focus();
    stage.window.get_by_role_and_label(Role::MultilineTextInput, "Question").type_text("What is 2 plus 2?");
    stage.settle();
    click(&mut stage, "Ask both");
    let requests = stage.requests();
    let Some(Request::Generate { id, .. }) = requests.first() else { panic!("nothing was asked: {requests:?}") };
    stage.tell([Event::Token { id: *id, text: "It is five".into() }]);
    click(&mut stage, "Stop answering");
    stage.tell([Event::Answered { id: *id, tokens: 3, tokens_per_s: 21.0, reason: EndReason::Cancelled }]);
    assert_eq!(stage.requests(), [Request::Cancel { job: JobKind::Generate }], "the adapter is not asked any more");
    assert_eq!(stage.window.query_all_by_label_contains("It is five").count(), 1);
    assert!(has(&stage, "Stopped before the adapter was asked."));
    assert!(!stage.window.get_by_label("Ask both").accesskit_node().is_disabled());
}

// --- Budgets ---

/// The budget is 8 ms of an optimised build on an idle machine. Tests run with little optimisation beside each other, and
/// a frame here includes the harness, so they are held to more, in the best of three rounds.
const LENIENT_MS: f64 = 40.0;

/// Holds frames to [`LENIENT_MS`]: the time that 95 of 100 stay below, while `before` each something happens.
fn hold_to_budget(what: &str, stage: &mut Stage, mut before: impl FnMut(&mut Stage, usize)) {
    const FRAMES: usize = 60;
    let mut round = |stage: &mut Stage, round: usize| {
        let mut times: Vec<f64> = (0..FRAMES)
            .map(|frame| {
                before(stage, round * FRAMES + frame);
                let start = Instant::now();
                stage.window.step();
                start.elapsed().as_secs_f64() * 1e3
            })
            .collect();
        times.sort_by(f64::total_cmp);
        eprintln!("{what}: median {:.1} ms, p95 {:.1} ms", times[FRAMES / 2], times[FRAMES * 95 / 100]);
        times[FRAMES * 95 / 100]
    };
    let best = (0..3).map(|i| round(stage, i)).fold(f64::INFINITY, f64::min);
    assert!(best < LENIENT_MS, "{what}: 95 of 100 frames should stay below {LENIENT_MS} ms, not {best:.1} ms");
}

#[test]
fn frames_stay_cheap_with_a_hundred_thousand_steps() {
    let mut stage = ready();
    let (steps, done) = (100_000, 99_000);
    stage.tell(run_events(done, steps));
    stage.window.run_steps(30);
    let chart = stage.window.get_by_label_contains("Loss, 3 series").rect();
    hold_to_budget("100,000 steps, hovering, one more in each frame", &mut stage, |stage, frame| {
        stage.window.hover_at(chart.lerp_inside(egui::vec2((frame % 60) as f32 / 60.0, 0.5)));
        stage.send([step(done + frame + 1, steps)]);
    });
}

#[test]
fn frames_stay_cheap_with_the_largest_report() {
    let mut stage = routed();
    stage.tell([Event::Routing(report(4096, 32, 16))]);
    stage.window.run_steps(60);
    let row = stage.window.get_all_by_label_contains("When does it arrive?").next().expect("a row in view").rect();
    hold_to_budget("4,096 tokens, 224 modules, 16 heads, hovering", &mut stage, |stage, frame| {
        stage.window.hover_at(row.lerp_inside(egui::vec2((frame % 60) as f32 / 60.0, 0.5)));
    });
}

// --- Pictures ---

mod pictures {
    use egui::{Theme, Ui};
    use egui_kittest::{Harness, SnapshotResults};
    use hydra_studio::app::theme::{self, Tokens};
    use hydra_studio::app::widgets::chart::{Chart, ChartLine, ChartView, Look};
    use hydra_studio::app::widgets::heat_grid::{Cell, HeatGrid, HeatLabels, HeatTable, heat_scale_ui};
    use hydra_studio::app::widgets::series::Series;
    use hydra_studio::app::widgets::smoothed_series::SmoothedSeries;

    use super::stage::noise;

    fn snapshot(name: &str, width: f32, mut draw: impl FnMut(&mut Ui)) {
        let mut results = SnapshotResults::new();
        for (theme, suffix) in [(Theme::Dark, "dark"), (Theme::Light, "light")] {
            let mut harness = Harness::builder().with_size([width, 300.0]).with_theme(theme).build_ui(|ui| {
                theme::apply(ui.ctx());
                theme::card_frame(Tokens::of(ui)).show(ui, |ui| {
                    ui.set_width(width - 32.0);
                    draw(ui);
                });
            });
            harness.run_ok();
            harness.fit_contents();
            harness.snapshot(format!("{name}_{suffix}"));
            results.extend_harness(&mut harness);
        }
    }

    fn loss() -> (SmoothedSeries, Series) {
        let (mut loss, mut held_out) = (SmoothedSeries::new(20.0), Series::default());
        for step in 1..=400 {
            loss.push(step, 0.6 + 1.6 * (-(step as f64) / 90.0).exp() + 0.3 * (noise(step) - 0.5));
        }
        (0..=4).for_each(|i| held_out.push(100 * i, 0.7 + 1.5 * (-(i as f64)).exp()));
        (loss, held_out)
    }

    #[test]
    fn a_chart_with_three_lines() {
        let (mut loss, mut held_out) = loss();
        let mut view = ChartView::default();
        snapshot("chart", 480.0, |ui| {
            let tokens = Tokens::of(ui);
            let line = |name, series, color, look| ChartLine { name, series, color, look };
            let lines = vec![
                line("Loss", &mut loss.raw, tokens.chart_raw, Look::Thin),
                line("Smoothed", &mut loss.smooth, tokens.chart_main, Look::Line),
                line("Held-out", &mut held_out, tokens.chart_held_out, Look::Marked),
            ];
            Chart::new("Loss", "").ui(ui, &mut view, lines);
        });
    }

    #[test]
    fn a_chart_of_one_value() {
        let mut series = Series::default();
        series.push(0, 2.21);
        let mut view = ChartView::default();
        snapshot("chart_one_value", 320.0, |ui| {
            let color = Tokens::of(ui).chart_main;
            let line = ChartLine { name: "Loss", series: &mut series, color, look: Look::Line };
            Chart::new("Loss", "").height(120.0).ui(ui, &mut view, vec![line]);
        });
    }

    #[test]
    fn a_heat_grid_of_three_heads() {
        let value = |i: usize| 0.2 + 0.4 * noise(i) as f32;
        let mut values: Vec<f32> = (0..36).map(value).collect();
        values[13] = f32::NAN;
        let table = HeatTable { rows: 3, columns: 12, values, span: (0.0, 0.67) };
        let mut results = SnapshotResults::new();
        for (theme, name) in [(Theme::Dark, "heat_grid_dark"), (Theme::Light, "heat_grid_light")] {
            let mut grid = HeatGrid::default();
            let table = table.clone();
            let mut harness = Harness::builder().with_size([480.0, 200.0]).with_theme(theme).build_ui(move |ui| {
                theme::apply(ui.ctx());
                let tokens = Tokens::of(ui);
                let row = |head: usize| (format!("Head {}", head + 1), tokens.head(head));
                let cell = |cell: Cell| format!("{cell:?}");
                let labels = HeatLabels { row: &row, cell: &cell, columns: "Layer", summary: "Mean gates" };
                theme::card_frame(tokens).show(ui, |ui| {
                    grid.ui(ui, (1, &table), &labels, Some(4));
                    heat_scale_ui(ui, table.span, (0.33, "even 0.33"));
                });
            });
            harness.run_ok();
            harness.fit_contents();
            harness.snapshot(name);
            results.extend_harness(&mut harness);
        }
    }
}
