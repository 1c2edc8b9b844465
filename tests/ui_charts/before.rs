//! The Train page before a run: what is missing, the form, and what is asked of the worker.

use egui::Key;
use egui::accesskit::Role;
use egui_kittest::kittest::{NodeT, Queryable};
use hydra_studio::adapter::Method;
use hydra_studio::app::pages::PageId;
use hydra_studio::train::{Length, TrainSettings};
use hydra_studio::worker::protocol::{Event, JobKind, Request, RowQuery, RowView};

use super::stage::{Stage, data, done, model, run_events};
use super::{click, has, ready};

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

/// The only row that there is.
fn row() -> Event {
    let row = RowView {
        row: 0,
        index: 0,
        file: "a.csv".into(),
        line: 2,
        question: "Why?".into(),
        answer: "So.".into(),
        topic: None,
        messages: 2,
        bytes: 60,
        held_out: false,
    };
    Event::Rows { query: RowQuery::default(), start: 0, total: 1, rows: vec![row] }
}

#[test]
fn examples_are_shown_as_the_settings_will_cut_them() {
    let mut stage = Stage::on(PageId::Data);
    let Event::ModelLoaded(mut small) = model() else { unreachable!() };
    small.max_context = 256;
    stage.tell([Event::ModelLoaded(small), data(), row()]);
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
