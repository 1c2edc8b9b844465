//! The table of examples on the Data page: scrolled, searched, sorted, read and changed.

#[path = "ui_charts/stage.rs"]
#[expect(dead_code, reason = "the stage serves several tests, each of which needs a part of it")]
mod stage;

use egui::Key;
use egui::accesskit::{Role, Toggled};
use egui_kittest::SnapshotResults;
use egui_kittest::kittest::{NodeT as _, Queryable};
use hydra_studio::app::pages::PageId;
use hydra_studio::data::{Edit, Message, Role as Speaker};
use hydra_studio::worker::protocol::{
    EditsSummary, Event, ExampleView, FoundChange, JobKind, Request, RowOrder, RowQuery, RowSide, RowView, SplitRule,
    TokenView,
};
use stage::{Stage, THEMES, data};

const QUESTIONS: [(&str, &str); 4] = [
    ("When does my parcel arrive?", "Within two working days."),
    ("Où est mon colis ?", "Il arrive après-demain."),
    ("Wie groß darf ein Päckchen sein?", "Höchstens 60 × 30 × 15 cm."),
    (
        "Do you deliver on Saturdays, and if so, until what time of the day may I still expect somebody at the door?",
        "Yes.",
    ),
];

fn row(place: usize) -> RowView {
    let (question, answer) = QUESTIONS[place % QUESTIONS.len()];
    RowView {
        row: place,
        index: place,
        file: "/home/ada/shop.csv".into(),
        line: place + 2,
        question: format!("{question} ({place})"),
        answer: answer.into(),
        topic: Some(if place.is_multiple_of(3) { "delivery" } else { "returns" }.into()),
        messages: 2,
        bytes: 120 + place % 400,
        held_out: place.is_multiple_of(10),
    }
}

fn imported(kept: usize) -> Event {
    let Event::DataImported(mut summary) = data() else { unreachable!() };
    (summary.kept, summary.rows) = (kept, kept);
    summary.topics =
        vec![("delivery, parcel, late".into(), 1), ("returns".into(), kept - kept / 3), ("delivery".into(), kept / 3)];
    Event::DataImported(summary)
}

fn example(place: usize) -> ExampleView {
    let (question, answer) = QUESTIONS[place % QUESTIONS.len()];
    let token = |text: &str, supervised| TokenView { text: text.into(), supervised };
    let message = |role, content: &str| Message { role, content: content.into() };
    ExampleView {
        source: format!("/home/ada/shop.csv:{}", place + 2),
        topic: Some("delivery".into()),
        messages: vec![message(Speaker::User, question), message(Speaker::Assistant, answer)],
        tokens: vec![token(question, false), token("\n", false), token(answer, true), token("<|end|>", true)],
        cut: 0,
        problem: None,
    }
}

/// Answers what the window asks for, until it asks for no more; gives back everything that it asked.
fn answer(stage: &mut Stage, total: usize) -> Vec<Request> {
    let mut all = Vec::new();
    loop {
        let asked = stage.requests();
        if asked.is_empty() {
            return all;
        }
        for request in &asked {
            match request {
                Request::ListRows { query, start, count } => {
                    let rows = (*start..(start + count).min(total)).map(row).collect();
                    stage.tell([Event::Rows { query: query.clone(), start: *start, total, rows }]);
                }
                Request::PreviewData { start, .. } => {
                    stage.tell([Event::DataPreview { start: *start, examples: vec![example(*start)] }]);
                }
                _ => {}
            }
        }
        all.extend(asked);
    }
}

fn table(kept: usize) -> Stage {
    let mut stage = Stage::on(PageId::Data);
    stage.tell([imported(kept)]);
    answer(&mut stage, kept);
    stage
}

fn queries(asked: &[Request]) -> Vec<RowQuery> {
    let query = |request: &Request| match request {
        Request::ListRows { query, .. } => Some(query.clone()),
        _ => None,
    };
    asked.iter().filter_map(query).collect()
}

#[test]
fn the_first_rows_are_asked_for_at_once_and_the_first_is_read() {
    let mut stage = Stage::on(PageId::Data);
    stage.tell([imported(1_000_000)]);
    let asked = answer(&mut stage, 1_000_000);
    assert_eq!(queries(&asked), [RowQuery::default()]);
    assert!(asked.iter().any(|request| matches!(request, Request::PreviewData { start: 0, count: 1, .. })));
    assert!(stage.window.query_by_label_contains("Row 1: When does my parcel arrive?").is_some());
    assert!(stage.window.query_by_label_contains("<|end|>").is_some());
}

#[test]
fn a_million_rows_are_walked_by_keyboard_to_their_end() {
    let mut stage = table(1_000_000);
    stage.window.get_by_label_contains("Row 3:").click();
    answer(&mut stage, 1_000_000);
    for (key, row) in [(Key::ArrowDown, 4), (Key::ArrowUp, 3), (Key::End, 1_000_000), (Key::Home, 1)] {
        stage.window.key_press(key);
        answer(&mut stage, 1_000_000);
        let label = format!("Row {row}:");
        let chosen = stage.window.get_by_label_contains(&label);
        assert_eq!(chosen.accesskit_node().toggled(), Some(Toggled::True), "row {row}");
    }
}

#[test]
fn search_topic_split_and_order_ask_anew() {
    let mut stage = table(500);
    stage.window.get_by_role_and_label(Role::TextInput, "Search the examples").focus();
    stage.settle();
    stage.window.get_by_role_and_label(Role::TextInput, "Search the examples").type_text("parcel");
    let asked = answer(&mut stage, 40);
    assert_eq!(queries(&asked).last().map(|query| query.text.clone()), Some("parcel".to_owned()));
    assert!(stage.window.query_by_label("40 of 500 examples").is_some());
    let choice = stage.window.get_all_by_label("Held out").last().expect("the choice");
    choice.click();
    let asked = answer(&mut stage, 0);
    assert_eq!(queries(&asked).last().map(|query| query.side), Some(RowSide::HeldOut));
    assert!(stage.window.query_by_label_contains("No example is like that").is_some());
    stage.window.get_by_label("All").click();
    answer(&mut stage, 40);
    for is_descending in [false, true] {
        stage.window.get_by_label("Order by bytes").click();
        let asked = answer(&mut stage, 40);
        let query = queries(&asked).pop().expect("a new query");
        assert_eq!((query.order, query.descending), (RowOrder::Length, is_descending));
    }
}

#[test]
fn a_listing_that_failed_is_said_once_and_something_else_can_be_listed() {
    let mut stage = table(500);
    stage.window.get_all_by_label("Held out").last().expect("the choice").click();
    assert_eq!(queries(&stage.requests()).len(), 1);
    stage.tell([Event::Failed { job: JobKind::ListRows, message: "the data was not looked through".into() }]);
    assert!(stage.window.query_all_by_label_contains("the data was not looked through").next().is_some());
    assert!(queries(&stage.requests()).is_empty(), "not again and again");
    stage.window.get_by_label("All").click();
    assert_eq!(queries(&answer(&mut stage, 500)), [RowQuery::default()]);
}

#[test]
fn an_example_is_rewritten_left_out_and_brought_back() {
    let mut stage = table(500);
    stage.window.get_by_label("Rewrite").click();
    stage.settle();
    assert!(stage.window.get_by_label("Keep the change").accesskit_node().is_disabled());
    stage.window.get_by_role_and_label(Role::MultilineTextInput, "Answer").focus();
    stage.settle();
    stage.window.get_by_role_and_label(Role::MultilineTextInput, "Answer").type_text(" Soon.");
    stage.settle();
    stage.window.get_by_label("Keep the change").click();
    let asked = stage.requests();
    let [Request::EditData(Edit::Replace { rows })] = asked.as_slice() else { panic!("{asked:?}") };
    assert_eq!((rows[0].0, rows[0].1[1].content.as_str()), (0, "Within two working days. Soon."));

    stage.window.get_by_label("Leave out").click();
    let asked = stage.requests();
    assert!(matches!(asked.as_slice(), [Request::EditData(Edit::Drop { rows, .. })] if rows == &[0]), "{asked:?}");
    let Event::DataImported(mut summary) = imported(499) else { unreachable!() };
    summary.edits =
        EditsSummary { made: 2, undo: Some("leave out 1 example".into()), left_out: 1, ..Default::default() };
    stage.tell([Event::DataEdited(summary)]);
    let asked = answer(&mut stage, 499);
    assert_eq!(queries(&asked).len(), 1, "the rows are other ones now");
    stage.window.get_by_label_contains("Row 2:").click();
    answer(&mut stage, 499);
    stage.window.key_press(Key::End);
    answer(&mut stage, 499);
    let Event::DataImported(summary) = imported(498) else { unreachable!() };
    stage.tell([Event::DataEdited(summary)]);
    answer(&mut stage, 498);
    let last = stage.window.get_by_label_contains("Row 498:");
    assert_eq!(last.accesskit_node().toggled(), Some(Toggled::True), "the table keeps its place");
    let Event::DataImported(mut summary) = imported(499) else { unreachable!() };
    summary.edits = EditsSummary { undo: Some("leave out 1 example".into()), ..Default::default() };
    stage.tell([Event::DataEdited(summary)]);
    answer(&mut stage, 499);
    stage.window.get_by_label("Undo the change to the examples").click();
    assert_eq!(stage.requests(), [Request::UndoEdit]);
    stage.window.key_press_modifiers(egui::Modifiers::COMMAND, Key::Z);
    assert_eq!(stage.requests(), [Request::UndoEdit]);
}

#[test]
fn what_is_held_out_is_set_beside_the_data_shown_at_once_and_undone_where_it_is_a_setting() {
    let mut stage = table(500);
    let default = SplitRule::default();
    let other = SplitRule { seed: default.seed + 1, ..default };
    stage.window.get_by_role_and_label(Role::SpinButton, "drawn with the seed").focus();
    stage.settle();
    stage.window.key_press(Key::ArrowUp);
    stage.settle();
    assert_eq!(stage.requests(), [], "what is typed is one change, at its end");
    stage.window.key_press(Key::Tab);
    stage.settle();
    assert_eq!(stage.requests(), [Request::HoldOut(other)]);
    stage.tell([Event::HeldOut { prompts: Vec::new(), split: other, held_out: 31 }]);
    assert_eq!(queries(&answer(&mut stage, 500)).len(), 1, "other rows are held out now");
    stage.window.key_press_modifiers(egui::Modifiers::COMMAND, Key::Num4);
    stage.settle();
    stage.window.key_press_modifiers(egui::Modifiers::COMMAND, Key::Z);
    stage.settle();
    assert_eq!(stage.requests(), [Request::HoldOut(default)]);

    // What an adapter was not trained on stays held out until it is asked for otherwise.
    stage.tell([stage::adapter(), Event::HeldOut { prompts: Vec::new(), split: other, held_out: 31 }]);
    stage.window.key_press_modifiers(egui::Modifiers::COMMAND, Key::Num2);
    stage.settle();
    let shown = stage.window.query_by_label_contains("Shown are the 31 examples that the run of the loaded adapter");
    assert!(shown.is_some());
    answer(&mut stage, 500);
    stage.window.get_by_label("Show the next run's split").click();
    assert_eq!(stage.requests(), [Request::HoldOut(default)]);
}

fn found_changes(asked: Vec<Request>) -> Vec<(String, usize, FoundChange)> {
    let change = |request| match request {
        Request::EditFound { query, found, change } => Some((query.text, found, change)),
        _ => None,
    };
    asked.into_iter().filter_map(change).collect()
}

#[test]
fn all_that_a_search_finds_is_left_out_or_labelled_at_once() {
    let mut stage = table(500);
    assert!(stage.window.query_by_label_contains("Leave out the").is_none(), "nothing is looked for");
    stage.window.get_by_role_and_label(Role::TextInput, "Search the examples").focus();
    stage.settle();
    stage.window.get_by_role_and_label(Role::TextInput, "Search the examples").type_text("parcel");
    answer(&mut stage, 40);
    stage.window.get_by_label("Leave out the 40 found").click();
    assert_eq!(found_changes(stage.requests()), [("parcel".into(), 40, FoundChange::LeaveOut)]);
    assert!(stage.window.get_by_label("Leave out the 40 found").accesskit_node().is_disabled(), "once at a time");
    let Event::DataImported(mut summary) = imported(460) else { unreachable!() };
    summary.edits.undo = Some("leave out 40 examples (found by \"parcel\")".into());
    stage.tell([Event::DataEdited(summary)]);
    answer(&mut stage, 7);
    stage.window.get_by_label("Label the 7 found as…").click();
    stage.settle();
    assert!(stage.window.get_by_label("Label them").accesskit_node().is_disabled(), "a label has a name");
    stage.window.get_by_role_and_label(Role::TextInput, "Topic for the examples found").focus();
    stage.settle();
    stage.window.get_by_role_and_label(Role::TextInput, "Topic for the examples found").type_text("post");
    stage.settle();
    stage.window.key_press(Key::Enter);
    let label = FoundChange::Label(Some("post".into()));
    assert_eq!(found_changes(stage.requests()), [("parcel".into(), 7, label)]);
    stage.tell([Event::Failed { job: JobKind::EditFound, message: "the search finds 6 of them now".into() }]);
    assert!(stage.window.query_all_by_label_contains("the search finds 6 of them now").next().is_some());
}

#[test]
fn the_examples_are_saved_to_a_folder_that_is_offered() {
    let mut stage = table(500);
    stage.window.get_by_label("Save as…").click();
    stage.settle();
    stage.window.get_by_label("Save the examples").click();
    let asked = stage.requests();
    assert!(
        matches!(asked.as_slice(), [Request::SaveData { folder }] if folder.ends_with("examples-dataset")),
        "{asked:?}"
    );
}

#[test]
fn a_frame_of_a_million_rows_takes_its_budget() {
    let mut stage = Stage::new(PageId::Data, [1280.0, 800.0], egui::ThemePreference::Dark);
    stage.tell([imported(1_000_000)]);
    answer(&mut stage, 1_000_000);
    let row = stage.window.get_by_label_contains("Row 2:").rect().center();
    stage.window.hover_at(row);
    stage.hold_to_budget("a million rows", |stage, frame| {
        let delta = egui::vec2(0.0, -400.0);
        stage.window.event(egui::Event::MouseWheel {
            unit: egui::MouseWheelUnit::Point,
            delta,
            modifiers: egui::Modifiers::NONE,
            phase: egui::TouchPhase::Move,
            source: egui::MouseWheelSource::Unknown,
        });
        if frame.is_multiple_of(8) {
            answer(stage, 1_000_000);
        }
    });
}

#[test]
fn it_looks_right_in_both_themes() {
    let mut results = SnapshotResults::new();
    for (theme, name) in THEMES {
        for (size, width) in [([1280.0, 1000.0], "narrow"), ([1800.0, 1000.0], "wide")] {
            let mut stage = Stage::new(PageId::Data, size, theme.into());
            stage.tell([stage::model(), imported(12_000)]);
            answer(&mut stage, 12_000);
            stage.window.get_by_label_contains("Row 3:").click();
            answer(&mut stage, 12_000);
            stage.window.snapshot(format!("examples_{width}_{name}"));
            results.extend_harness(&mut stage.window);
        }
    }
}
