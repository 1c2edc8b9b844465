//! The whole window, with the test in the place of the worker.

#[path = "ui_shell/fixtures.rs"]
mod fixtures;
#[path = "ui_shell/notifications.rs"]
mod notifications;

use std::path::PathBuf;

use egui::{Key, Modifiers, Role, ThemePreference};
use egui_kittest::kittest::Queryable as _;
use fixtures::{Fixture, adapter, data, model, preview, rows, started, step};
use hydra_studio::app::icons::Icon;
use hydra_studio::app::log_lines::LogLine;
use hydra_studio::app::picker::{PickOutcome, PickPurpose};
use hydra_studio::app::state::JobStatus;
use hydra_studio::app::toasts::Level;
use hydra_studio::app::widgets::{buttons, card, drop_zone, notes, path_field};
use hydra_studio::data::ColumnMap;
use hydra_studio::worker::protocol::{Event, ExportSummary, JobKind, Request, TrainingEnd};

const CTRL: Modifiers = Modifiers::COMMAND;

impl Fixture {
    fn click(&mut self, role: Role, label: &str) {
        self.window.get_by_role_and_label(role, label).click();
        self.window.run();
    }

    fn shows(&self, text: &str) -> bool {
        self.window.query_all_by_label_contains(text).next().is_some()
    }

    fn asks_to_close(&mut self) {
        let viewport = self.window.input_mut().viewports.entry(egui::ViewportId::ROOT).or_default();
        viewport.events.push(egui::ViewportEvent::Close);
        self.window.run();
    }

    fn has_closed(&self) -> bool {
        let viewport = self.window.output().viewport_output.get(&egui::ViewportId::ROOT);
        viewport.is_some_and(|v| v.commands.contains(&egui::ViewportCommand::Close))
    }
}

#[test]
fn the_first_start_offers_three_ways_to_begin() {
    let f = Fixture::new();
    for choice in ["Try the two-minute demo", "New project", "Open a run"] {
        f.window.get_by_role_and_label(Role::Button, choice);
    }
    assert!(f.asked().is_empty());
}

#[test]
fn the_demo_is_asked_for_and_leads_to_training_once_it_is_there() {
    let mut f = Fixture::new();
    f.click(Role::Button, "Try the two-minute demo");
    assert_eq!(f.asked(), [Request::OpenDemo]);
    assert!(f.shows("Opening the demo"));
    f.tell([model()]);
    f.window.get_by_role_and_label(Role::Button, "New project");
    f.tell([data()]);
    assert!(f.window.query_by_role_and_label(Role::Button, "New project").is_none());
    assert!(f.shows("Teach the adapter"));
}

#[test]
fn the_demo_can_be_chosen_again_and_does_not_pull_the_user_back() {
    let mut f = Fixture::new();
    f.tell([model(), data()]);
    f.click(Role::Button, "Try the two-minute demo");
    f.window.get_by_role_and_label(Role::Button, "New project");
    f.press(CTRL, Key::Num1);
    f.tell([model(), data()]);
    assert!(f.shows("The base model stays as it is"));
}

#[test]
fn another_model_is_refused_while_a_run_is_on() {
    let mut f = Fixture::with(ThemePreference::Dark, []);
    f.tell([model(), data(), started(200)]);
    f.asked();
    let file = std::sync::Arc::new(fixtures::DroppedOnWindow(PathBuf::from("/models/other.gguf")));
    f.window.input_mut().dropped_files.push(file);
    f.window.run();
    assert!(f.asked().is_empty() && f.shows("A run is on"));
}

#[test]
fn every_page_opens_by_its_name() {
    let mut f = Fixture::new();
    let pages = [
        ("Data", "Questions and answers to learn from"),
        ("Train", "Teach the adapter"),
        ("Routing", "Which head each token"),
        ("Export", "Take the trained adapter away"),
        ("Model", "The base model stays as it is"),
    ];
    for (name, purpose) in pages {
        f.click(Role::Button, name);
        assert!(f.shows(purpose), "{name}");
    }
}

#[test]
fn the_palette_finds_and_runs_a_command_by_keyboard_alone() {
    let mut f = Fixture::new();
    f.press(CTRL, Key::P);
    f.window.get_by_role_and_label(Role::TextInput, "Search commands").type_text("exp");
    f.window.run();
    f.press(Modifiers::NONE, Key::Enter);
    assert!(f.shows("Take the trained adapter away"));
    assert!(f.window.query_by_label("Search commands").is_none());
}

#[test]
fn the_palette_moves_with_the_arrows_and_closes_with_escape() {
    let mut f = Fixture::new();
    f.press(CTRL, Key::K);
    f.press(Modifiers::NONE, Key::ArrowDown);
    f.press(Modifiers::NONE, Key::Enter);
    assert!(f.shows("Questions and answers to learn from"));
    f.press(CTRL, Key::P);
    f.press(Modifiers::NONE, Key::Escape);
    assert!(f.window.query_by_label("Search commands").is_none());
}

#[test]
fn a_shortcut_is_held_back_while_a_text_field_has_focus() {
    let mut f = Fixture::new();
    f.press(CTRL, Key::Num1);
    f.window.get_by_role_and_label(Role::TextInput, "Hugging Face folder or .gguf file").focus();
    f.window.run();
    f.press(CTRL, Key::Num2);
    assert!(f.shows("The base model stays as it is"));
    f.press(Modifiers::NONE, Key::Escape);
    f.press(CTRL, Key::Num2);
    assert!(f.shows("Questions and answers to learn from"));
}

#[test]
fn help_lists_every_command_from_the_same_table() {
    let mut f = Fixture::new();
    f.press(Modifiers::NONE, Key::F1);
    assert!(f.shows("Keyboard shortcuts") && f.shows("Go to Model") && f.shows("Ctrl+1"));
    f.press(Modifiers::NONE, Key::Escape);
    assert!(!f.shows("Ctrl+1"));
}

#[test]
fn a_typed_path_loads_a_model_and_its_card_appears() {
    let mut f = Fixture::new();
    f.press(CTRL, Key::Num1);
    let field = f.window.get_by_role_and_label(Role::TextInput, "Hugging Face folder or .gguf file");
    field.focus();
    field.type_text("/models/small");
    f.window.run();
    f.click(Role::Button, "Load");
    assert!(
        matches!(f.asked().as_slice(), [Request::LoadModel { path, .. }] if path == &PathBuf::from("/models/small"))
    );
    f.tell([Event::Progress { job: JobKind::LoadModel, share: Some(0.5), note: "Reading weights".into() }]);
    assert!(f.shows("Reading weights"));
    f.tell([model()]);
    assert!(f.shows("SmolLM2-135M-Instruct") && f.shows("135 M") && f.shows("49,152"));
}

#[test]
fn a_model_that_fails_to_load_says_why_in_place() {
    let mut f = Fixture::new();
    f.press(CTRL, Key::Num1);
    let message = "no tokenizer.json in /models/broken: download it with the model";
    f.tell([Event::Failed { job: JobKind::LoadModel, message: message.into() }]);
    assert!(f.shows(message));
    assert!(f.shows("Notices (1)"));
}

#[test]
fn an_adapter_that_fails_to_load_says_why_with_and_without_a_model() {
    for before in [vec![], vec![model()], vec![model(), adapter()]] {
        let mut f = Fixture::new();
        f.tell(before);
        f.press(CTRL, Key::Num1);
        let message = "adapter_model.safetensors lacks the router of model.layers.0.mlp.up_proj";
        f.tell([Event::Failed { job: JobKind::LoadAdapter, message: message.into() }]);
        assert_eq!(f.window.query_all_by_label_contains(message).count(), 2, "in place, and in the corner");
    }
}

#[test]
fn an_import_that_fails_says_why_at_the_top_though_data_is_there() {
    let mut f = Fixture::new();
    f.tell([data()]);
    f.press(CTRL, Key::Num2);
    f.tell([Event::Failed { job: JobKind::ImportData, message: "The file holds no rows: /data/b.csv".into() }]);
    let headings = f.window.query_all_by_label("1,200 examples").map(|node| node.rect().top());
    let first_card = headings.fold(f32::INFINITY, f32::min);
    let messages: Vec<f32> =
        f.window.query_all_by_label_contains("The file holds no rows").map(|node| node.rect().bottom()).collect();
    assert!(messages.len() == 2 && messages.iter().any(|bottom| *bottom < first_card), "{messages:?}");
}

#[test]
fn loading_can_be_cancelled() {
    let mut f = Fixture::with(ThemePreference::Dark, [PickOutcome::Picked(vec![PathBuf::from("/models/small")])]);
    f.press(CTRL, Key::O);
    assert_eq!(f.picker.asked(), [PickPurpose::ModelFolder]);
    f.asked();
    f.click(Role::Button, "Cancel");
    assert_eq!(f.asked(), [Request::Cancel { job: JobKind::LoadModel }]);
    f.tell([Event::Cancelled { job: JobKind::LoadModel }]);
    assert!(f.window.query_by_role_and_label(Role::Button, "Cancel").is_none());
}

#[test]
fn a_system_without_dialogs_says_to_type_the_path() {
    let mut f = Fixture::with(ThemePreference::Dark, [PickOutcome::Unavailable]);
    f.press(CTRL, Key::D);
    assert!(f.shows("No file dialog service on this system: type the path."));
}

#[test]
fn imported_data_shows_its_shape_its_dropped_rows_and_its_reading() {
    let mut f = Fixture::new();
    f.tell([model()]);
    f.press(CTRL, Key::Num2);
    f.tell([data()]);
    // Tall enough for the whole page: what is scrolled out of sight is not shown.
    f.window.set_size(egui::vec2(1280.0, 1700.0));
    f.window.run();
    assert!(f.shows("question/answer") && f.shows("3 rows could not be used") && f.shows("402"));
    let asked = f.asked();
    let first = |request: &Request| matches!(request, Request::ListRows { start: 0, .. });
    assert!(asked.iter().any(first), "{asked:?}");
    f.tell([rows(2)]);
    assert!(matches!(f.asked().as_slice(), [Request::PreviewData { start: 0, count: 1, .. }]));
    f.tell([preview(0)]);
    assert!(f.shows("Where is my parcel?"));
    f.click(Role::ListItem, "Row 2: What did it cost?");
    assert!(matches!(f.asked().as_slice(), [Request::PreviewData { start: 1, .. }]));
}

#[test]
fn an_endless_message_is_cut_on_screen_and_says_so() {
    let mut f = Fixture::new();
    f.press(CTRL, Key::Num2);
    f.tell([data(), rows(1)]);
    let Event::DataPreview { start, mut examples } = preview(0) else { unreachable!() };
    for example in &mut examples {
        example.tokens.clear();
    }
    examples[0].messages[0].content = "word ".repeat(1_000_000);
    f.tell([Event::DataPreview { start, examples }]);
    f.window.set_size(egui::vec2(1280.0, 2600.0));
    f.window.run();
    assert!(f.shows("… and 5.00 MB more, not shown here."));
}

#[test]
fn columns_chosen_by_hand_go_into_the_next_import() {
    let mut f = Fixture::with(ThemePreference::Dark, [PickOutcome::Picked(vec![PathBuf::from("/data/a.csv")])]);
    f.press(CTRL, Key::D);
    f.asked();
    f.tell([data()]);
    f.window.set_size(egui::vec2(1280.0, 1700.0));
    f.window.run();
    f.click(Role::Button, "Choose by hand");
    f.click(Role::ComboBox, "Answer");
    f.click(Role::Button, "category");
    f.click(Role::Button, "Import again");
    let asked = f.asked();
    let Some(Request::ImportData { paths, map }) =
        asked.iter().find(|request| matches!(request, Request::ImportData { .. }))
    else {
        panic!("no import in {asked:?}");
    };
    assert_eq!(
        (paths.as_slice(), map.response.as_deref()),
        ([PathBuf::from("/home/ada/tickets.csv")].as_slice(), Some("category"))
    );
}

#[test]
fn columns_that_fit_nothing_are_chosen_where_the_import_failed() {
    let mut f = Fixture::new();
    f.press(CTRL, Key::Num2);
    let paths = vec![PathBuf::from("/data/fragen.csv")];
    let columns = vec!["Frage".to_owned(), "Antwort".to_owned()];
    let failed = |message: &str| Event::Failed { job: JobKind::ImportData, message: message.into() };
    f.tell([Event::ColumnsWanted { paths: paths.clone(), columns }, failed("The columns fit no shape")]);
    assert!(f.shows("Which column holds the question, and which the answer?"));
    for (part, column) in [("Question or instruction", "Frage"), ("Answer", "Antwort")] {
        f.click(Role::ComboBox, part);
        f.click(Role::Button, column);
    }
    f.asked();
    f.click(Role::Button, "Import with these columns");
    let map = ColumnMap { prompt: Some("Frage".into()), response: Some("Antwort".into()), ..ColumnMap::default() };
    assert_eq!(f.asked(), [Request::ImportData { paths, map }]);
    f.tell([failed("The disk has gone")]);
    assert!(!f.shows("Which column holds"), "no choice of columns mends another failure");
}

#[test]
fn columns_are_said_to_be_chosen_by_hand_only_where_they_were() {
    let mut f = Fixture::new();
    f.press(CTRL, Key::Num2);
    let Event::DataImported(mut by_hand) = data() else { unreachable!() };
    by_hand.map.response = Some("category".into());
    f.tell([Event::DataImported(by_hand)]);
    assert!(f.shows("Chosen by hand."));
    f.tell([data()]);
    assert!(f.shows("Found by their names.") && !f.shows("Chosen by hand."));
}

#[test]
fn dropped_files_are_imported_and_shown() {
    let mut f = Fixture::new();
    let file = std::sync::Arc::new(fixtures::DroppedOnWindow(PathBuf::from("/data/rows.jsonl")));
    f.window.input_mut().dropped_files.push(file);
    f.window.run();
    assert!(f.shows("Questions and answers to learn from"));
    assert!(
        matches!(f.asked().as_slice(), [Request::ImportData { paths, .. }] if paths == &[PathBuf::from("/data/rows.jsonl")])
    );
}

#[test]
fn a_failure_elsewhere_becomes_a_toast_and_stays_among_the_notices() {
    let mut f = Fixture::new();
    f.tell([Event::Warning { message: "12 examples were cut.".into() }]);
    assert!(f.shows("12 examples were cut."));
    f.click(Role::Button, "Dismiss");
    assert!(!f.shows("12 examples were cut."));
    f.click(Role::Button, "Notices (1)");
    assert!(f.shows("12 examples were cut."));
}

#[test]
fn what_the_program_logs_becomes_a_notice() {
    let mut f = Fixture::new();
    let text = "no thread for the file dialog: out of memory".to_owned();
    f.log.send(LogLine { level: Level::Error, text: text.clone() }).expect("the window is there");
    f.window.run();
    assert!(f.shows(&text) && f.shows("Notices (1)"));
}

#[test]
fn the_status_bar_shows_the_run_and_pauses_it() {
    let mut f = Fixture::new();
    f.tell([model(), data(), started(200)]);
    f.tell((1..=50).map(|i| step(i, 200)));
    assert!(f.shows("Step 50 of 200") && f.shows("10 min 00 s left"));
    f.asked();
    f.click(Role::Button, "Pause training");
    assert_eq!(f.asked(), [Request::Pause]);
    f.tell([Event::Paused { step: 50 }]);
    assert!(f.shows("paused"));
    f.press(Modifiers { shift: true, ..CTRL }, Key::P);
    assert_eq!(f.asked(), [Request::Continue]);
}

#[test]
fn closing_while_training_asks_and_can_stay() {
    let mut f = Fixture::new();
    f.tell([model(), data(), started(200), step(1, 200)]);
    f.asked();
    f.asks_to_close();
    assert!(f.shows("A run is still on") && !f.has_closed());
    f.click(Role::Button, "Stay");
    assert!(!f.shows("A run is still on"));
    assert!(f.asked().is_empty());
}

#[test]
fn closing_while_training_can_save_first() {
    let mut f = Fixture::new();
    f.tell([model(), data(), started(200), step(1, 200)]);
    f.asked();
    f.asks_to_close();
    f.click(Role::Button, "Stop, save and close");
    assert_eq!(f.asked(), [Request::StopAndSave]);
    assert!(f.shows("The window closes when the run has ended.") && !f.has_closed());
    f.events.send(ended()).expect("the window holds the other end");
    f.window.step();
    assert!(f.has_closed());
}

#[test]
fn a_run_that_cannot_be_saved_keeps_the_window_and_can_be_saved_later() {
    let mut f = Fixture::new();
    f.tell([model(), data(), started(200), step(1, 200)]);
    f.asks_to_close();
    f.click(Role::Button, "Stop, save and close");
    f.asked();
    let message = "the disk is full: free 40 MB in /home/ada";
    f.events.send(Event::SaveFailed { message: message.into() }).expect("the window is there");
    f.window.step();
    assert!(!f.has_closed());
    f.window.run();
    assert!(f.shows(message) && f.shows("paused") && !f.shows("The window closes when the run has ended."));
    f.press(CTRL, Key::Num4);
    assert_eq!(f.window.query_all_by_label_contains(message).count(), 2, "the page says it too");
    f.press(Modifiers { shift: true, ..CTRL }, Key::S);
    assert_eq!(f.asked(), [Request::StopAndSave]);
    f.tell([ended()]);
    assert!(f.shows("Stopped and saved"));
    assert_eq!(f.window.query_all_by_label_contains(message).count(), 1, "only the notice is left");
}

#[test]
fn a_run_that_cannot_be_saved_can_be_given_up_by_closing_the_window() {
    let mut f = Fixture::new();
    f.tell([model(), data(), started(200), step(1, 200)]);
    f.tell([Event::SaveFailed { message: "the disk is full".into() }]);
    f.asks_to_close();
    assert!(f.shows("loses the steps since the last checkpoint"));
    f.window.get_by_role_and_label(Role::Button, "Close without saving").click();
    f.window.step();
    assert!(f.has_closed());
    f.asks_to_close();
    assert!(!f.shows("A run is still on"), "the window does not ask again");
}

#[test]
fn an_export_while_training_says_which_adapter_it_is() {
    let mut f = Fixture::new();
    f.tell([model(), data(), adapter()]);
    f.press(CTRL, Key::Num7);
    assert!(!f.shows("This is the adapter that is loaded"));
    f.tell([started(200)]);
    assert!(f.shows("This is the adapter that is loaded. The one in training can be exported once its run has ended"));
}

#[test]
fn held_out_examples_follow_the_run() {
    let mut f = Fixture::new();
    f.tell([model(), data(), adapter()]);
    f.press(CTRL, Key::Num5);
    f.click(Role::Button, "A held-out example");
    assert!(f.shows("When is the shop open on Sundays?"));
    f.tell([Event::HeldOut { prompts: vec!["Do you repair shoes?".into()], split: Default::default(), held_out: 1 }]);
    assert!(f.shows("Do you repair shoes?") && !f.shows("When is the shop open on Sundays?"));
}

#[test]
fn going_on_in_the_background_continues_a_paused_run() {
    let mut f = Fixture::new();
    f.tell([model(), data(), started(200), step(1, 200), Event::Paused { step: 1 }]);
    f.asked();
    f.asks_to_close();
    f.click(Role::Button, "Go on in the background");
    assert_eq!(f.asked(), [Request::Continue]);
    assert!(f.shows("Step 1 of 200") && !f.shows("Keyboard"), "only the small window is left");
    f.click(Role::Button, "Show everything");
    assert!(f.shows("Go to start") || f.shows("Start"));
    f.asks_to_close();
    f.click(Role::Button, "Go on in the background");
    f.events.send(ended()).expect("the window is there");
    f.window.step();
    assert!(f.has_closed());
}

#[test]
fn a_run_is_saved_freed_and_discarded_from_its_card() {
    let mut f = Fixture::new();
    f.tell([model(), data(), started(200), step(1, 200)]);
    f.press(CTRL, Key::Num4);
    f.asked();
    for (entry, request) in [("Save now", Request::SaveNow), ("Pause and free memory", Request::PauseAndFree)] {
        f.click(Role::Button, "More");
        f.click(Role::Button, entry);
        assert_eq!(f.asked(), [request]);
    }
    f.tell([Event::Freed { step: 1 }]);
    assert!(f.shows("its memory given back"));
    f.click(Role::Button, "More");
    f.click(Role::Button, "Discard the run…");
    assert!(f.shows("Discard this run?") && f.asked().is_empty(), "it asks first");
    f.click(Role::Button, "Keep it");
    assert!(!f.shows("Discard this run?"));
    f.click(Role::Button, "More");
    f.click(Role::Button, "Discard the run…");
    f.click(Role::Button, "Move to the recycle bin");
    assert_eq!(f.asked(), [Request::Discard]);
    f.tell([Event::Discarded { path: "/home/ada/Hydra Studio/runs/tickets".into() }]);
    assert!(!f.shows("its memory given back"));
}

#[test]
fn an_engine_that_died_is_said_with_its_cause_and_what_can_go_on_is_asked_for() {
    let mut f = Fixture::new();
    f.tell([model(), data(), started(200), step(1, 200)]);
    f.press(CTRL, Key::Num4);
    f.asked();
    let message = "The engine ended, killed by the system, and was started anew. Your run is saved up to step 40";
    f.tell([Event::Restarted { message: message.into() }]);
    assert!(f.shows(message));
    let path = PathBuf::from("/home/ada/Hydra Studio/runs/tickets");
    assert!(matches!(&f.asked()[..], [Request::FindLastRun { recent, .. }] if *recent == [path]));
}

#[test]
fn a_run_that_could_not_start_keeps_the_window_though_one_before_it_ended_well() {
    let mut f = Fixture::new();
    f.tell([model(), data(), started(200), step(1, 200), ended()]);
    f.tell([Event::Progress { job: JobKind::Train, share: None, note: "Preparing the run".into() }]);
    f.asks_to_close();
    f.click(Role::Button, "Go on in the background");
    let message = "the disk is full: free 40 MB in /home/ada";
    f.events.send(Event::Failed { job: JobKind::Train, message: message.into() }).expect("the window is there");
    f.window.step();
    assert!(!f.has_closed());
    f.window.run();
    assert!(f.shows(message));
}

#[test]
fn closing_without_a_run_asks_nothing() {
    let mut f = Fixture::new();
    f.asks_to_close();
    assert!(!f.shows("A run is still on"));
}

#[test]
fn an_export_says_saved_only_after_it_was_compared() {
    let mut f = Fixture::new();
    f.tell([model(), adapter()]);
    f.press(CTRL, Key::Num7);
    f.click(Role::Button, "Export adapter");
    let asked = f.asked();
    let [Request::Export { out }] = asked.as_slice() else { panic!("no export in {asked:?}") };
    assert!(out.ends_with("SmolLM2-135M-Instruct-hydralora"), "{}", out.display());
    assert!(f.shows("Writing the adapter") && !f.shows("compared bit for bit"));
    f.tell([Event::Exported(ExportSummary {
        path: out.clone(),
        format: "hydralora".into(),
        bytes: 21_000_000,
        files: vec!["adapter_model.safetensors".into(), "adapter_config.json".into()],
        tensors: 1050,
    })]);
    assert!(f.shows("Re-read and compared bit for bit: 1,050 tensors in 2 files"));
}

#[test]
fn the_folder_to_export_to_can_be_emptied_and_written_anew() {
    let mut f = Fixture::new();
    f.tell([model(), adapter()]);
    f.press(CTRL, Key::Num7);
    let field = |f: &Fixture| f.window.get_by_role_and_label(Role::TextInput, "New folder").value();
    f.window.get_by_role_and_label(Role::TextInput, "New folder").focus();
    f.window.run();
    f.press(CTRL, Key::A);
    f.press(Modifiers::NONE, Key::Backspace);
    assert_eq!(field(&f).unwrap_or_default(), "");
    f.window.get_by_role_and_label(Role::TextInput, "New folder").type_text("/tmp/mine");
    f.window.run();
    f.click(Role::Button, "Export adapter");
    assert_eq!(f.asked(), [Request::Export { out: "/tmp/mine".into() }]);
}

#[test]
fn a_worker_that_is_gone_leaves_a_banner_and_a_window_that_lives() {
    let mut f = Fixture::new();
    let (far_end, _) = crossbeam_channel::unbounded();
    f.events = far_end;
    f.window.run();
    assert!(f.shows("The engine has stopped"));
    f.press(CTRL, Key::Num2);
    assert!(f.shows("Questions and answers to learn from"));
}

#[test]
fn zoom_and_theme_go_through_commands_and_are_remembered() {
    let mut f = Fixture::new();
    f.press(CTRL, Key::Plus);
    f.press(CTRL, Key::Plus);
    assert_eq!(f.window.state().persisted().zoom, 1.2);
    f.press(Modifiers { shift: true, ..CTRL }, Key::Num0);
    assert_eq!(f.window.state().persisted().zoom, 1.0);
    f.press(CTRL, Key::P);
    f.window.get_by_role_and_label(Role::TextInput, "Search commands").type_text("light");
    f.window.run();
    f.press(Modifiers::NONE, Key::Enter);
    assert_eq!(f.window.state().persisted().theme, ThemePreference::Light);
}

fn ended() -> Event {
    Event::TrainingDone(TrainingEnd {
        path: PathBuf::from("/home/ada/Hydra Studio/runs/tickets"),
        step: 1,
        steps: 200,
        stopped: true,
        first_held_out: Some(2.4),
        last_held_out: Some(2.1),
        elapsed_s: 4.0,
    })
}

/// A few widgets in both themes, so that a change of their looks is seen.
#[test]
fn widgets_keep_their_looks() {
    let mut results = egui_kittest::SnapshotResults::new();
    for (theme, name) in [(egui::Theme::Dark, "dark"), (egui::Theme::Light, "light")] {
        let setup = |ctx: &egui::Context| {
            egui_extras::install_image_loaders(ctx);
            hydra_studio::app::theme::apply(ctx);
        };
        let mut harness = egui_kittest::Harness::builder()
            .with_size([560.0, 600.0])
            .with_theme(theme)
            .with_context_setup(setup)
            .build_ui(widgets_ui);
        harness.run();
        harness.fit_contents();
        harness.run();
        results.add(harness.try_snapshot(format!("widgets_{name}")));
    }
}

fn widgets_ui(ui: &mut egui::Ui) {
    ui.set_width(520.0);
    card::card(ui, "SmolLM2-135M-Instruct", |ui| {
        card::facts(ui, &[card::Fact::new("Parameters", "135 M"), card::Fact::new("Layers", "30")]);
        path_field::path_field(ui, "Adapter folder", "/path/to/adapter", &mut String::new(), &["Browse…"]);
        ui.horizontal(|ui| {
            buttons::primary(ui, Icon::Play, "Start", true);
            buttons::secondary(ui, Icon::Pause, "Pause", true);
            buttons::segmented(ui, &mut 1, &[(1, "Simple"), (2, "Advanced")]);
        });
        notes::job_progress(ui, &JobStatus { share: Some(0.4), note: "Reading".into(), is_cancelling: false });
        for (level, text) in [
            (Level::Ok, "Re-read and compared bit for bit."),
            (Level::Info, "This model brought no chat template."),
            (Level::Warning, "12 examples were cut."),
            (Level::Error, "no tokenizer.json in /models/broken"),
        ] {
            notes::callout(ui, level, text);
        }
    });
    drop_zone::drop_zone(ui, Icon::Data, "Drop files here", "or press to choose them", false);
}
