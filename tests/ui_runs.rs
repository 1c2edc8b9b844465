//! The Runs page and the offer to resume, with the test in the place of the worker.

#[path = "ui_shell/fixtures.rs"]
#[allow(dead_code, reason = "shared with the tests of the whole window")]
mod fixtures;
#[path = "ui_runs/stage.rs"]
mod stage;

use std::path::PathBuf;

use egui::{Key, Modifiers, Role, ThemePreference, vec2};
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use fixtures::{Fixture, data, model, started, step};
use hydra_studio::app::picker::{PickOutcome, PickPurpose};
use hydra_studio::project::runs::{RunList, RunNotes};
use hydra_studio::worker::protocol::{Event, JobKind, Request};
use stage::{FOLDER, list, path, read, told};

const CTRL: Modifiers = Modifiers::COMMAND;

impl Fixture {
    /// The page, with the list told.
    fn on_runs() -> Self {
        Self::on_runs_in(ThemePreference::Dark)
    }

    fn on_runs_in(theme: ThemePreference) -> Self {
        let mut f = Fixture::with(theme, []);
        f.window.set_size(vec2(1280.0, 2600.0));
        f.press(CTRL, Key::Num8);
        assert_eq!(f.asked(), [Request::ListRuns { folder: FOLDER.into() }]);
        f.tell([Event::Runs(list())]);
        f
    }

    fn click(&mut self, role: Role, label: &str) {
        self.window.get_by_role_and_label(role, label).click();
        self.window.run();
    }

    fn choose(&mut self, runs: &[&str]) {
        for run in runs {
            self.click(Role::CheckBox, &format!("Choose {run}"));
        }
    }

    /// Clicks the run's name in the table.
    fn click_run(&mut self, run: &str) {
        let name = self.window.query_all_by_label(run).next().unwrap();
        name.click();
        self.window.run();
    }

    fn shows(&self, text: &str) -> bool {
        self.window.query_all_by_label_contains(text).next().is_some()
    }

    /// The runs in the table, from the top.
    fn rows(&self) -> Vec<&'static str> {
        let mut rows: Vec<(f32, &'static str)> = Vec::new();
        for told in told() {
            let label = format!("Choose {}", told.name);
            if let Some(tick) = self.window.query_by_role_and_label(Role::CheckBox, &label) {
                rows.push((tick.rect().top(), told.name));
            }
        }
        rows.sort_by(|a, b| a.0.total_cmp(&b.0));
        rows.into_iter().map(|(_, name)| name).collect()
    }

    fn type_into(&mut self, label: &str, text: &str) {
        let field = self.window.get_by_role_and_label(Role::TextInput, label);
        field.focus();
        field.type_text(text);
        self.window.run();
    }
}

#[test]
fn runs_are_listed_with_the_latest_first_and_those_that_cannot_be_read_below() {
    let f = Fixture::on_runs();
    assert_eq!(f.rows(), ["now", "tickets-rank-8", "tickets-rank-16", "plain-lora"]);
    for text in ["4 runs", "2026-11-24 21:05", "Broken off", "Failed", "In training", "420 of 900", "1.25"] {
        assert!(f.shows(text), "{text}");
    }
    assert!(f.shows("1 run cannot be read") && f.shows("format 9"));
}

#[test]
fn a_search_keeps_runs_that_hold_every_word() {
    for (words, rows) in [
        ("tickets", vec!["now", "tickets-rank-8", "tickets-rank-16", "plain-lora"]),
        ("RANK-16", vec!["tickets-rank-16"]),
        ("keep returns", vec!["tickets-rank-8"]),
        ("smollm2 lora", vec!["plain-lora"]),
    ] {
        let mut f = Fixture::on_runs();
        f.type_into("Search runs", words);
        assert_eq!(f.rows(), rows, "{words}");
    }
    let mut f = Fixture::on_runs();
    f.type_into("Search runs", "nothing like it");
    assert!(f.rows().is_empty() && f.shows("No run matches"));
    f.click(Role::Button, "Show all runs");
    assert_eq!(f.rows().len(), 4);
}

#[test]
fn a_tag_keeps_the_runs_that_bear_it_until_it_is_pressed_again() {
    let mut f = Fixture::on_runs();
    f.click(Role::Button, "Only runs tagged keep");
    assert_eq!(f.rows(), ["tickets-rank-8", "tickets-rank-16"]);
    f.click(Role::Button, "Only runs tagged night");
    assert_eq!(f.rows(), ["tickets-rank-16"]);
    f.click(Role::Button, "Only runs tagged night");
    f.click(Role::Button, "Only runs tagged keep");
    assert_eq!(f.rows().len(), 4);
}

#[test]
fn a_heading_orders_by_its_column_and_then_the_other_way_with_unknown_values_last() {
    let mut f = Fixture::on_runs();
    f.click(Role::Button, "Order by held-out");
    assert_eq!(f.rows(), ["tickets-rank-8", "tickets-rank-16", "now", "plain-lora"]);
    f.click(Role::Button, "Order by held-out");
    assert_eq!(f.rows(), ["now", "tickets-rank-16", "tickets-rank-8", "plain-lora"]);
    f.click(Role::Button, "Order by name");
    assert_eq!(f.rows(), ["now", "plain-lora", "tickets-rank-16", "tickets-rank-8"]);
    f.click(Role::Button, "Order by rank");
    f.click(Role::Button, "Order by rank");
    assert_eq!(f.rows()[0], "tickets-rank-16");
}

#[test]
fn one_run_shows_its_figures_and_goes_on_from_its_checkpoint() {
    let mut f = Fixture::on_runs();
    f.click_run("tickets-rank-16");
    assert!(f.shows("Resume at step 412 of 900, 8 steps to repeat."));
    for text in ["20.8 Wh", "1.98 GB", "5,277,480", "3.20 to 1.50"] {
        assert!(f.shows(text), "{text}");
    }
    assert_eq!(f.asked(), [Request::ReadRuns { paths: vec![path("tickets-rank-16")] }]);
    f.click(Role::Button, "Resume");
    assert_eq!(f.asked(), [Request::ResumeRun { run: path("tickets-rank-16") }]);
    assert!(f.shows("Teach the adapter"));
}

#[test]
fn a_failed_run_says_why() {
    let mut f = Fixture::on_runs();
    f.click_run("plain-lora");
    assert!(f.shows("the loss is not a number at step 12"));
}

#[test]
fn settings_of_a_run_become_those_of_the_next() {
    let mut f = Fixture::on_runs();
    f.tell([model(), data()]);
    f.click_run("tickets-rank-16");
    f.click(Role::Button, "Use its settings");
    assert!(f.shows("The next run takes these settings"));
    f.window.set_size(vec2(1280.0, 2600.0));
    f.window.run();
    f.asked();
    f.click(Role::Button, "Start training");
    let asked = f.asked();
    assert!(
        matches!(asked.as_slice(), [Request::StartTraining { settings, .. }] if settings.rank == 16 && settings.lr == 1e-3),
        "{asked:?}"
    );
}

#[test]
fn the_adapter_of_a_run_comes_with_its_base_model() {
    let mut f = Fixture::on_runs();
    f.click_run("tickets-rank-8");
    f.asked();
    f.click(Role::Button, "Load adapter");
    let base = PathBuf::from("/home/ada/models/SmolLM2-135M-Instruct");
    assert!(matches!(f.asked().as_slice(), [Request::LoadModel { path, .. }] if *path == base));
    f.tell([model()]);
    assert_eq!(f.asked(), [Request::LoadAdapter { path: path("tickets-rank-8") }]);
    f.press(CTRL, Key::Num8);
    f.click(Role::Button, "Load adapter");
    assert_eq!(f.asked(), [Request::LoadAdapter { path: path("tickets-rank-8") }]);
}

#[test]
fn two_runs_are_told_apart_by_their_settings() {
    let mut f = Fixture::on_runs();
    f.choose(&["tickets-rank-8", "tickets-rank-16"]);
    assert!(f.shows("2 runs chosen") && f.shows("Settings side by side"));
    for text in ["Rank", "2e-4", "1e-3"] {
        assert!(f.window.query_all_by_label(text).next().is_some(), "{text}");
    }
    assert!(!f.shows("Weight decay"), "what is alike is left out");
    f.click(Role::CheckBox, "Show only what differs");
    assert!(f.shows("Weight decay") && f.shows("twice the rank: 32") && f.shows("Version"));
}

#[test]
fn curves_of_two_runs_lie_over_each_other() {
    let mut f = Fixture::on_runs();
    f.choose(&["tickets-rank-8", "tickets-rank-16"]);
    let asked = f.asked();
    assert_eq!(asked[0], Request::ReadRuns { paths: vec![path("tickets-rank-8")] });
    let both = vec![path("tickets-rank-8"), path("tickets-rank-16")];
    assert_eq!(asked[1], Request::ReadRuns { paths: both }, "the first was stopped by the second");
    f.tell([read("tickets-rank-8", 1.25), read("tickets-rank-16", 1.5), Event::RunsRead]);
    assert!(f.shows("Held-out loss, 2 series, last 1.27"));
    f.click(Role::Button, "Learning rate");
    assert!(f.shows("Learning rate, 2 series, last 2e-4"));
    f.click(Role::Button, "Smoothed loss");
    assert!(f.shows("Smoothed loss, 2 series") && f.shows("Smoothing"));
    assert!(f.asked().is_empty(), "what was read is not read again");
}

#[test]
fn deleting_asks_first_and_names_what_goes() {
    let mut f = Fixture::on_runs();
    f.choose(&["tickets-rank-8", "plain-lora"]);
    f.asked();
    f.click(Role::Button, "Move to recycle bin…");
    assert!(f.shows("Move 2 runs to the recycle bin?") && f.shows("can be restored from there"));
    f.click(Role::Button, "Keep");
    assert!(f.asked().is_empty() && !f.shows("Move 2 runs"));
    f.click(Role::Button, "Move to recycle bin…");
    f.press(Modifiers::NONE, Key::Escape);
    assert!(f.asked().is_empty() && !f.shows("Move 2 runs"));
    f.click(Role::Button, "Move to recycle bin…");
    f.click(Role::Button, "Move to recycle bin");
    let paths = vec![path("tickets-rank-8"), path("plain-lora")];
    assert_eq!(f.asked(), [Request::TrashRuns { paths: paths.clone() }]);
    f.tell([Event::RunsTrashed { paths }]);
    assert_eq!(f.rows(), ["now", "tickets-rank-16"]);
    assert!(f.shows("Moved 2 runs to the recycle bin."));
    assert_eq!(f.asked(), [Request::ListRuns { folder: FOLDER.into() }]);
}

#[test]
fn a_run_in_training_cannot_be_deleted_and_one_that_the_bin_refuses_says_so() {
    let mut f = Fixture::on_runs();
    f.click_run("now");
    assert!(f.window.get_by_role_and_label(Role::Button, "Move to recycle bin…").accesskit_node().is_disabled());
    let message = "the system's recycle bin does not take it, so the folder stays";
    f.tell([Event::Failed { job: JobKind::TrashRuns, message: message.into() }]);
    assert!(f.shows(message));
}

#[test]
fn a_note_is_sent_when_its_field_is_left() {
    let mut f = Fixture::on_runs();
    f.click_run("plain-lora");
    f.asked();
    let note = f.window.get_by_role_and_label(Role::MultilineTextInput, "Note");
    note.focus();
    note.type_text("Rate far too high.");
    f.window.run_steps(2);
    assert!(f.asked().is_empty());
    f.click_run("tickets-rank-8");
    let notes = RunNotes::new([], "Rate far too high.");
    let sent = Request::NoteRun { path: path("plain-lora"), notes: notes.clone() };
    assert_eq!(f.asked().iter().filter(|request| **request == sent).count(), 1);
    f.tell([Event::RunNoted { path: path("plain-lora"), notes }]);
    f.type_into("Search runs", "far too high");
    assert_eq!(f.rows(), ["plain-lora"]);
}

#[test]
fn tags_are_added_and_taken_off() {
    let mut f = Fixture::on_runs();
    f.click_run("tickets-rank-16");
    f.asked();
    f.type_into("Add a tag", "again");
    f.press(Modifiers::NONE, Key::Enter);
    f.click(Role::Button, "Take off the tag night");
    let sent = |tags: &[&'static str]| Request::NoteRun {
        path: path("tickets-rank-16"),
        notes: RunNotes::new(tags.iter().copied(), ""),
    };
    assert_eq!(f.asked(), [sent(&["keep", "night", "again"]), sent(&["keep", "again"])]);
}

#[test]
fn an_empty_folder_says_what_to_do_and_another_can_be_chosen() {
    let mut f = Fixture::with(ThemePreference::Dark, [PickOutcome::Picked(vec![PathBuf::from("/runs")])]);
    f.press(CTRL, Key::Num8);
    f.asked();
    f.tell([Event::Runs(RunList { folder: FOLDER.into(), ..RunList::default() })]);
    assert!(f.shows("No runs in this folder"));
    f.click(Role::Button, "Browse…");
    assert_eq!(f.picker.asked(), [PickPurpose::RunParent]);
    assert_eq!(f.asked(), [Request::ListRuns { folder: "/runs".into() }]);
    f.click(Role::Button, "Go to Train");
    assert!(f.shows("Teach the adapter"));
}

#[test]
fn the_list_is_asked_for_anew_when_a_run_starts_and_on_refresh() {
    let mut f = Fixture::on_runs();
    let again = Request::ListRuns { folder: FOLDER.into() };
    f.tell([started(200), step(1, 200)]);
    assert_eq!(f.asked(), std::slice::from_ref(&again));
    f.tell([Event::Runs(list())]);
    f.click(Role::Button, "Refresh");
    assert_eq!(f.asked(), [again]);
}

#[test]
fn a_run_that_broke_off_is_offered_at_the_start_and_where_runs_start() {
    let offer = || Event::LastRun(Some(Box::new(told()[1].entry())));
    let sentence = "Resume tickets-rank-16 at step 412 of 900, 8 steps to repeat";
    let mut f = Fixture::new();
    f.tell([offer()]);
    assert!(f.shows(sentence));
    f.press(CTRL, Key::Num4);
    assert!(f.shows(sentence));
    f.click(Role::Button, "Resume");
    assert_eq!(f.asked(), [Request::ResumeRun { run: path("tickets-rank-16") }]);
    assert!(!f.shows(sentence), "it is on its way");

    let mut f = Fixture::new();
    f.tell([offer()]);
    f.click(Role::Button, "Dismiss");
    assert!(!f.shows(sentence) && f.window.state().persisted().dismissed_run == Some(path("tickets-rank-16")));
    f.tell([offer()]);
    assert!(!f.shows(sentence));
}

#[test]
fn the_page_looks_as_drawn_in_both_themes() {
    let mut results = egui_kittest::SnapshotResults::new();
    for (theme, name) in [(ThemePreference::Dark, "dark"), (ThemePreference::Light, "light")] {
        let mut f = Fixture::on_runs_in(theme);
        f.choose(&["tickets-rank-8", "tickets-rank-16"]);
        f.tell([read("tickets-rank-8", 1.25), read("tickets-rank-16", 1.5), Event::RunsRead]);
        f.window.set_size(vec2(1120.0, 1460.0));
        f.window.run();
        results.add(f.window.try_snapshot(format!("runs_{name}")));
        f.click_run("tickets-rank-16");
        f.window.set_size(vec2(1120.0, 820.0));
        f.window.run();
        results.add(f.window.try_snapshot(format!("run_{name}")));
    }
}
