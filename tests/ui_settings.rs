//! Setting up a run in the real window, by the names that a screen reader tells.

#[path = "ui_settings/desk.rs"]
mod desk;

use egui::{Key, Modifiers, ThemePreference};
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use hydra_studio::app::picker::PickOutcome;
use hydra_studio::model::BaseType;
use hydra_studio::train::{Length, StepRecord, TrainSettings, parse_settings, write_settings};
use hydra_studio::worker::protocol::{Event, JobKind, Request, RunSummary};

use desk::{Desk, GB, data, facts, model};

const CTRL: Modifiers = Modifiers::COMMAND;
const CTRL_SHIFT: Modifiers = Modifiers { shift: true, ..Modifiers::COMMAND };

impl Desk {
    fn undo(&mut self) {
        self.press(CTRL, Key::Z);
    }

    fn redo(&mut self) {
        self.press(CTRL_SHIFT, Key::Z);
    }

    fn advanced() -> Self {
        let mut desk = Self::ready();
        desk.click("Advanced");
        desk
    }
}

// --- Memory and time ---

#[test]
fn every_effort_tells_its_time_and_memory_on_this_machine() {
    let mut desk = Desk::new([1280.0, 1400.0], ThemePreference::Dark, Vec::new());
    desk.tell([model(), data()]);
    assert!(desk.has("time and memory are being measured") && desk.has("Counted as soon as"));
    desk.tell([facts(8 * GB)]);
    let told = desk.window.query_all_by_label_contains("of memory").count();
    assert!(told >= 3, "each of the three efforts tells its own: {told}");
    assert!(desk.has("About ") && desk.has("of the 8.30 GB that this machine has for it now."));
    assert!(
        desk.has("Base model ") && desk.has("Activations ") && desk.has("Optimizer "),
        "the legend has its figures"
    );
    assert!(!desk.has("not known yet"), "time and clock are told");
}

#[test]
fn a_run_that_does_not_fit_is_refused_with_the_reason_and_can_be_started_anyway() {
    let mut desk = Desk::ready();
    assert!(!desk.is_disabled("Start training"));
    desk.tell([facts(GB / 5)]);
    assert!(desk.is_disabled("Start training"));
    assert!(desk.has("This run takes about ") && desk.has("and this machine has 500 MB for it now."));
    desk.click("Start anyway");
    let asked = desk.requests();
    assert!(asked.iter().any(|request| matches!(request, Request::StartTrainingAnyway { .. })), "{asked:?}");
}

#[test]
fn a_mend_is_applied_in_simple_mode_and_taken_back() {
    let mut desk = Desk::ready();
    desk.tell([facts(GB / 2)]);
    let before = desk.is_disabled("Start training");
    let mend = desk.window.query_all_by_label_contains("Apply: ").next().expect("a mend");
    mend.click();
    desk.window.run_ok();
    assert!(before && !desk.is_disabled("Start training"), "the best mend fits");
    assert!(desk.has("Made to fit the memory: ") && desk.has("Undo: Less memory: "));
    assert!(desk.has("How much effort should it take?"), "Simple mode stays");
    desk.click("Quick look");
    assert!(!desk.is_disabled("Start training"), "the mend holds for every effort");
    desk.undo();
    desk.undo();
    assert!(desk.is_disabled("Start training") && !desk.has("Made to fit"));
    desk.redo();
    desk.click("Go back to what the effort asks for");
    assert!(desk.is_disabled("Start training"));
}

#[test]
fn a_mend_can_be_applied_and_started_at_once() {
    let mut desk = Desk::ready();
    desk.tell([facts(GB / 2)]);
    let mend = desk.window.query_all_by_label_contains("Apply and start: ").next().expect("a mend");
    mend.click();
    desk.window.run_ok();
    let settings = desk.started().expect("a start");
    assert_eq!(settings.effective_batch(), 8, "a mend keeps the effective batch");
    assert!(settings.batch < 4 || settings.recompute || settings.base != BaseType::Stored, "{settings:?}");
}

#[test]
fn the_memory_card_follows_the_settings() {
    let mut desk = Desk::advanced();
    let told = |desk: &Desk| desk.texts("Memory. About ").pop().expect("the bar in words");
    let before = told(&desk);
    assert!(before.contains("Adapter") && before.contains("Logits"), "{before}");
    desk.click("Recomputation");
    assert_ne!(told(&desk), before);
    desk.undo();
    assert_eq!(told(&desk), before);
}

#[test]
fn the_pace_of_the_last_run_wins_over_the_estimate() {
    let mut desk = Desk::ready();
    let time = |desk: &Desk| {
        let texts = desk.texts("about ").into_iter();
        texts.filter(|text| !text.contains("memory") && !text.contains("sees")).collect::<Vec<_>>()
    };
    let estimated = time(&desk);
    desk.tell([Event::TrainingStarted(RunSummary {
        path: "/runs/one".into(),
        settings: TrainSettings::default(),
        from_step: 0,
        steps: 3,
        examples: 1900,
        held_out: 100,
        cut: 0,
        skipped: 0,
        parameters: 1,
        router_parameters: 1,
    })]);
    let step = |step: usize| {
        Event::Step(StepRecord {
            step,
            steps: 3,
            loss: 1.0,
            lr: 1e-4,
            grad_norm: 1.0,
            tokens: 2400,
            supervised: 500,
            tokens_per_s: 10.0,
            elapsed_s: 240.0 * step as f64,
        })
    };
    desk.tell((1..=3).map(step));
    desk.tell([Event::Failed { job: JobKind::Train, message: "the disk is full".into() }]);
    let seen = time(&desk);
    assert!(estimated.len() == 1 && seen.len() == 1 && seen != estimated, "{estimated:?}, then {seen:?}");
    assert!(seen[0].ends_with(" h"), "2400 tokens a step at 10 a second take long: {seen:?}");
}

// --- Undo and redo ---

#[test]
fn effort_and_mode_are_undone_under_their_names() {
    let mut desk = Desk::ready();
    assert!(desk.is_disabled("Undo") && desk.is_disabled("Redo"));
    desk.click("Thorough");
    desk.click("Advanced");
    assert!(desk.has("Undo: Simple to Advanced"));
    desk.undo();
    assert!(desk.has("Undo: Effort from Balanced to Thorough") && desk.has("Redo: Simple to Advanced"));
    desk.click("Undo: Effort from Balanced to Thorough");
    assert!(desk.is_disabled("Undo") && desk.has("Redo: Effort from Balanced to Thorough"));
    desk.press(CTRL, Key::Y);
    desk.redo();
    assert!(desk.has("Search settings") && desk.is_disabled("Redo"));
}

#[test]
fn a_drag_is_one_step_with_both_ends_in_its_name() {
    let mut desk = Desk::advanced();
    desk.drag("Rank", 12);
    let name = desk.texts("Undo: Rank from 8 to ");
    assert_eq!(name.len(), 1, "the drag has become a step");
    desk.drag("Rank", 6);
    assert!(!desk.has("Undo: Rank from 8 to "), "the second drag is a step of its own");
    desk.undo();
    assert_eq!(desk.texts("Undo: Rank from 8 to "), name);
    desk.undo();
    assert!(desk.has("Undo: Simple to Advanced"));
}

#[test]
fn clicks_and_typing_are_steps_and_the_settings_come_back_exactly() {
    let mut desk = Desk::advanced();
    desk.click("Start training");
    let first = desk.started().expect("a start");
    desk.tell([Event::Failed { job: JobKind::Train, message: "no".into() }]);
    desk.click("Rank-stable scale");
    desk.click("Packing");
    desk.click("q");
    desk.click("Heads");
    desk.window.get_by_role_and_label(egui::Role::SpinButton, "Heads").type_text("5");
    desk.press(Modifiers::NONE, Key::Enter);
    assert!(desk.has("Undo: Heads from 3 to "), "typing is one step");
    desk.click("Schedule");
    desk.click("Linear");
    assert!(desk.has("Undo: Schedule from Cosine to Linear"));
    for _ in 0..5 {
        desk.undo();
    }
    assert!(desk.has("Undo: Simple to Advanced"));
    desk.click("Start training");
    assert_eq!(desk.started(), Some(first));
}

#[test]
fn undo_waits_while_a_run_is_on_and_on_other_pages() {
    let mut desk = Desk::ready();
    desk.click("Thorough");
    desk.press(CTRL, Key::Num1);
    desk.undo();
    assert!(desk.has("Undo: On the pages Data, Topics and Train only."));
    desk.press(CTRL, Key::Num4);
    desk.undo();
    assert!(desk.has("Redo: Effort from Balanced to Thorough"));
}

#[test]
fn the_palette_says_what_undo_would_take_back() {
    let mut desk = Desk::ready();
    desk.click("Thorough");
    desk.press(CTRL, Key::P);
    desk.window.get_by_role_and_label(egui::Role::TextInput, "Search commands").type_text("undo");
    desk.window.run_ok();
    assert!(desk.has("Effort from Balanced to Thorough"));
    desk.press(Modifiers::NONE, Key::Enter);
    assert!(desk.has("Redo: Effort from Balanced to Thorough"));
}

// --- Advanced ---

#[test]
fn an_explanation_opens_by_keyboard_and_all_of_them_at_once() {
    let mut desk = Desk::advanced();
    let explanation = "How much each head can express.";
    assert!(!desk.has(explanation));
    desk.focus("What Rank does");
    desk.press(Modifiers::NONE, Key::Enter);
    assert!(desk.has(explanation) && desk.has("Usual: 4 to 32. Default: 8."));
    desk.click("Hide what Rank does");
    assert!(!desk.has(explanation));
    desk.click("Explain every setting");
    assert!(desk.has(explanation) && desk.has("Pulls the weights towards 0"));
}

#[test]
fn a_search_leaves_what_it_finds() {
    let mut desk = Desk::advanced();
    desk.focus("Search settings");
    desk.window.get_by_role_and_label(egui::Role::TextInput, "Search settings").type_text("seed");
    desk.window.run_ok();
    assert!(desk.window.query_by_label("What Seed does").is_some());
    assert!(desk.window.query_by_label("What Rank does").is_none());
}

#[test]
fn nothing_reaches_out_of_the_smallest_window() {
    let mut desk = Desk::new([900.0, 6000.0], ThemePreference::Dark, Vec::new());
    desk.tell([model(), data(), facts(GB / 2)]);
    for mode in ["Simple", "Advanced"] {
        desk.click(mode);
        let wide: Vec<String> = desk
            .window
            .query_all(egui_kittest::kittest::By::new())
            .filter(|node| node.accesskit_node().raw_bounds().is_some())
            .filter(|node| node.rect().right() > 900.5 && node.rect().width() < 900.0)
            .map(|node| format!("{:?} at {:?}", desk::words(&node), node.rect()))
            .collect();
        assert!(wide.is_empty(), "{mode}: {wide:?}");
    }
}

// --- Presets ---

#[test]
fn a_built_in_preset_is_chosen_and_undone() {
    let mut desk = Desk::advanced();
    desk.click("Preset");
    desk.click("Paper's defaults");
    assert!(desk.has("Undo: Preset Paper's defaults"));
    desk.click("Start training");
    let settings = desk.started().expect("a start");
    assert_eq!((settings.rank, settings.alpha, settings.heads, settings.dropout), (4, Some(32.0), 4, 0.05));
    assert_eq!((settings.length, settings.targets.len()), (Length::Epochs(1.0), 3));
    desk.tell([Event::Failed { job: JobKind::Train, message: "no".into() }]);
    desk.undo();
    assert!(desk.has("Undo: Simple to Advanced"));
}

#[test]
fn a_preset_of_ones_own_is_saved_renamed_deleted_and_brought_back() {
    let mut desk = Desk::advanced();
    desk.click("Packing");
    desk.click("Save as preset…");
    desk.focus("Name of the preset");
    desk.window.get_by_role_and_label(egui::Role::TextInput, "Name of the preset").type_text("My shop");
    desk.window.run_ok();
    desk.click("Save preset");
    assert!(desk.has("Undo: Save preset My shop"));
    desk.click("Rename…");
    desk.focus("New name of the preset");
    desk.press(CTRL, Key::A);
    desk.window.get_by_role_and_label(egui::Role::TextInput, "New name of the preset").type_text("Our shop");
    desk.window.run_ok();
    desk.click("Save preset");
    assert!(desk.has("Undo: Rename preset My shop to Our shop"));
    desk.click("Delete the preset Our shop");
    desk.click("Undo: Delete preset Our shop");
    assert!(desk.window.query_by_label("Delete the preset Our shop").is_some());
    // Closing waits until everything is written.
    let Desk { window, home, .. } = desk;
    drop(window);
    let next = Desk::in_home(home, [1280.0, 800.0], ThemePreference::Dark, Vec::new());
    assert_eq!(next.preset_files(), ["Our shop.toml"]);
    let text = std::fs::read_to_string(next.home.path().join("presets/Our shop.toml")).expect("the file");
    assert!(!parse_settings(&text).expect("settings").packing);
}

#[test]
fn a_preset_file_that_is_broken_is_told_at_the_start() {
    let home = tempfile::tempdir().expect("a temporary folder");
    std::fs::create_dir(home.path().join("presets")).expect("a folder");
    std::fs::write(home.path().join("presets/old.toml"), "rank = 8\nheadz = 4\n").expect("a file");
    let mut desk = Desk::in_home(home, [1280.0, 800.0], ThemePreference::Dark, Vec::new());
    desk.window.run_ok();
    assert!(desk.has("A preset is left out") && desk.has("line 2"));
}

// --- Files ---

#[test]
fn settings_go_to_a_file_and_come_back_from_it() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("shop");
    let written = folder.path().join("shop.toml");
    let picked = |path: &std::path::Path| PickOutcome::Picked(vec![path.to_path_buf()]);
    let mut desk = Desk::ready_with(vec![picked(&path), picked(&written)]);
    desk.click("Advanced");
    desk.click("Packing");
    desk.click("Save settings to a file…");
    desk.wait_for("Saved the settings to");
    let mut settings = parse_settings(&std::fs::read_to_string(&written).expect("the file")).expect("settings");
    assert!(!settings.packing);
    settings.rank = 77;
    write_settings(&written, &settings).expect("written");
    desk.click("Load settings from a file…");
    desk.wait_for("The next run takes these settings (Settings of shop.toml).");
    desk.click("Start training");
    assert_eq!(desk.started(), Some(settings));
    desk.tell([Event::Failed { job: JobKind::Train, message: "no".into() }]);
    assert!(desk.has("Undo: Settings of shop.toml"));
    desk.undo();
    assert!(desk.has("Undo: Packing from on to off"));
}

#[test]
fn a_file_with_a_fault_says_where_and_changes_nothing() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("bad.toml");
    std::fs::write(&path, "rank = 8\nheadz = 4\n").expect("a file");
    let mut desk = Desk::ready_with(vec![PickOutcome::Picked(vec![path])]);
    desk.click("Advanced");
    desk.click("Load settings from a file…");
    desk.wait_for("No settings were loaded");
    assert!(desk.has("line 2") && desk.has("headz") && desk.has("Undo: Simple to Advanced"));
}

#[test]
fn without_dialogs_the_path_is_typed_in_place() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("few.toml");
    std::fs::write(&path, "rank = 3\n").expect("a file");
    let mut desk = Desk::ready_with(vec![PickOutcome::Unavailable]);
    desk.click("Advanced");
    desk.click("Load settings from a file…");
    desk.focus("Choose a file with settings");
    let field = desk.window.get_by_role_and_label(egui::Role::TextInput, "Choose a file with settings");
    field.type_text(&path.to_string_lossy());
    desk.window.run_ok();
    desk.click("Use this path");
    desk.wait_for("The next run takes these settings (Settings of few.toml).");
}
