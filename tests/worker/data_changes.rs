//! Examples listed, changed, changed back, kept, and trained on as they were changed.

use hydra_studio::data::{ColumnMap, Edit, Message, Role};
use hydra_studio::train::{DataRef, DeviceChoice, RunFile};
use hydra_studio::worker::protocol::{
    DataSummary, Event, FoundChange, JobKind, Request, RowOrder, RowQuery, RowSide, RowView, SplitRule,
};

use crate::desk::{Desk, settings, wait_end};
use crate::support;

fn import(desk: &mut Desk) -> DataSummary {
    let data = support::corpus(desk.path(), 200);
    desk.send(Request::ImportData { paths: vec![data], map: ColumnMap::default() });
    match desk.wait("the data", |e| matches!(e, Event::DataImported(_))) {
        Event::DataImported(data) => data,
        _ => unreachable!(),
    }
}

/// The rows that a query finds, and how many it finds.
fn list(desk: &mut Desk, query: RowQuery, start: usize, count: usize) -> (usize, Vec<RowView>) {
    desk.send(Request::ListRows { query, start, count });
    match desk.wait("rows", |e| matches!(e, Event::Rows { .. })) {
        Event::Rows { total, rows, .. } => (total, rows),
        _ => unreachable!(),
    }
}

fn edit(desk: &mut Desk, request: Request) -> DataSummary {
    desk.send(request);
    match desk.wait("the change", |e| matches!(e, Event::DataEdited(_))) {
        Event::DataEdited(data) => data,
        _ => unreachable!(),
    }
}

fn drop(rows: &[usize]) -> Request {
    Request::EditData(Edit::Drop { rows: rows.to_vec(), reason: "left out by hand".into() })
}

#[test]
fn rows_are_searched_sorted_and_listed_by_page() {
    let mut desk = Desk::new();
    desk.send(Request::ListRows { query: RowQuery::default(), start: 0, count: 9 });
    assert!(desk.wait_failure(JobKind::ListRows).contains("no data is loaded"));
    let data = import(&mut desk);
    let (total, rows) = list(&mut desk, RowQuery::default(), 190, 128);
    assert_eq!((total, rows.len(), rows[0].row, rows[0].line), (200, 10, 190, 191));
    assert_eq!((rows[0].question.as_str(), rows[0].messages), ("What colour is rose number 190?", 2));

    let red = RowQuery { text: " RED".into(), ..RowQuery::default() };
    let (total, rows) = list(&mut desk, red.clone(), 0, 200);
    assert!(total == rows.len() && total > 40 && rows.iter().all(|row| row.answer == "It is red."));
    let even = RowQuery { topic: Some("even".into()), ..red };
    let (fewer, rows) = list(&mut desk, even, 0, 200);
    assert!(fewer < total && rows.iter().all(|row| row.topic.as_deref() == Some("even")));

    let side = |side| RowQuery { side, ..RowQuery::default() };
    let (held_out, rows) = list(&mut desk, side(RowSide::HeldOut), 0, 200);
    assert!(held_out == data.held_out && rows.iter().all(|row| row.held_out));
    assert_eq!(list(&mut desk, side(RowSide::Training), 0, 1).0, 200 - held_out);

    let ordered = RowQuery { order: RowOrder::Question, descending: true, ..RowQuery::default() };
    let (_, rows) = list(&mut desk, ordered, 0, 200);
    assert!(rows.windows(2).all(|pair| pair[0].question.to_lowercase() >= pair[1].question.to_lowercase()));
    let some = RowQuery { rows: Some(vec![3, 150]), order: RowOrder::Length, ..RowQuery::default() };
    let found: Vec<usize> = list(&mut desk, some, 0, 9).1.iter().map(|row| row.row).collect();
    assert_eq!(found, [3, 150]);
}

#[test]
fn another_share_and_seed_hold_out_other_examples_in_the_table_too() {
    let mut desk = Desk::new();
    let data = import(&mut desk);
    assert_eq!((data.split, data.held_out), (SplitRule::default(), 16));
    let held_out = |desk: &mut Desk, rule| {
        desk.send(Request::HoldOut(rule));
        let told = desk.wait("the split", |e| matches!(e, Event::HeldOut { .. }));
        let query = RowQuery { side: RowSide::HeldOut, ..RowQuery::default() };
        let (total, rows) = list(desk, query, 0, 200);
        assert!(matches!(told, Event::HeldOut { split, held_out, .. } if split == rule && held_out == total));
        rows.iter().map(|row| row.row).collect::<Vec<_>>()
    };
    let quarter = held_out(&mut desk, SplitRule { share: 0.25, seed: 7 });
    let other = held_out(&mut desk, SplitRule { share: 0.25, seed: 8 });
    assert!(quarter.len() == 50 && other.len() == 50 && quarter != other);
    let again = import(&mut desk);
    assert_eq!((again.split.seed, again.held_out), (8, 50), "the next import follows it");
}

#[test]
fn all_that_a_search_finds_is_changed_by_one_change() {
    let mut desk = Desk::new();
    import(&mut desk);
    let red = RowQuery { text: "red".into(), descending: true, ..RowQuery::default() };
    let (found, _) = list(&mut desk, red.clone(), 0, 1);
    let change = |found, change| Request::EditFound { query: red.clone(), found, change };
    let data = edit(&mut desk, change(found, FoundChange::Label(Some("warm".into()))));
    assert!(data.topics.contains(&("warm".into(), found)) && data.edits.made == 1);
    let data = edit(&mut desk, change(found, FoundChange::LeaveOut));
    assert_eq!((data.kept, data.edits.left_out), (200 - found, found));
    assert_eq!(data.edits.undo, Some(format!("leave out {found} examples (found by \"red\")")));
    assert_eq!(list(&mut desk, red.clone(), 0, 1).0, 0);
    desk.send(change(found, FoundChange::LeaveOut));
    assert!(desk.wait_failure(JobKind::EditFound).contains("finds 0 of them now"));
    let data = edit(&mut desk, Request::UndoEdit);
    assert_eq!(data.kept, 200);
    let all = RowQuery { text: "it is".into(), ..RowQuery::default() };
    desk.send(Request::EditFound { query: all, found: 200, change: FoundChange::LeaveOut });
    assert!(desk.wait_failure(JobKind::EditFound).contains("Nothing would be left"));
}

#[test]
fn rows_are_listed_as_soon_as_the_import_is_told_however_busy_the_engine_is() {
    let mut desk = Desk::new();
    let model = support::tiny_model(desk.path());
    desk.send(Request::LoadModel { path: model, device: DeviceChoice::Cpu });
    import(&mut desk);
    assert_eq!(list(&mut desk, RowQuery::default(), 0, 9).0, 200);
    assert!(!desk.seen.iter().any(|event| matches!(event, Event::Failed { .. })), "{:?}", desk.seen);
}

#[test]
fn changes_show_everywhere_and_come_back_with_the_files() {
    let mut desk = Desk::new();
    import(&mut desk);
    let data = edit(&mut desk, drop(&[0, 7]));
    assert_eq!((data.kept, data.rows, data.edits.left_out, data.edits.made), (198, 200, 2, 1));
    let messages = vec![
        Message { role: Role::User, content: "Why?".into() },
        Message { role: Role::Assistant, content: "So.".into() },
    ];
    let data = edit(&mut desk, Request::EditData(Edit::Replace { rows: vec![(1, messages.clone())] }));
    assert_eq!((data.edits.rewritten, data.edits.undo.as_deref()), (1, Some("rewrite 1 example")));
    let (_, rows) = list(&mut desk, RowQuery::default(), 0, 2);
    assert_eq!((rows[0].row, rows[0].index, rows[0].question.as_str(), rows[1].row), (1, 0, "Why?", 2));
    let data = edit(&mut desk, Request::EditData(Edit::Label { rows: vec![2], topic: Some("new".into()) }));
    assert!(data.topics.contains(&("new".into(), 1)));
    let data = edit(&mut desk, Request::UndoEdit);
    assert!(data.edits.redo.is_some() && !data.topics.iter().any(|(topic, _)| topic == "new"));

    desk.send(drop(&[4000]));
    let refused = desk.wait("a warning", |e| matches!(e, Event::Warning { .. }));
    assert!(matches!(refused, Event::Warning { message } if message.contains("Row 4,001")));

    let folder = desk.path().join("saved");
    desk.send(Request::SaveData { folder: folder.clone() });
    desk.wait("the dataset", |e| matches!(e, Event::DatasetSaved { .. }));
    let lines = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap().lines().count();
    assert_eq!((lines("examples.jsonl"), lines("quarantine.jsonl")), (198, 2));

    let again = import(&mut desk);
    assert_eq!((again.kept, again.edits.made, again.edits.redo), (198, 2, None));
    let (_, rows) = list(&mut desk, RowQuery::default(), 0, 1);
    assert_eq!(rows[0].question, "Why?");
}

#[test]
fn a_run_on_changed_examples_is_on_a_file_of_them_and_can_be_resumed() {
    let mut desk = Desk::ready();
    edit(&mut desk, drop(&(0..100).collect::<Vec<_>>()));
    let out = desk.path().join("run");
    let settings = hydra_studio::train::TrainSettings { checkpoint_every: Some(2), ..settings(8) };
    desk.send(Request::StartTraining { settings, out: out.clone() });
    desk.wait("step 2", |e| matches!(e, Event::Checkpoint(_)));
    desk.send(Request::StopAndSave);
    let (stopped_at, _) = wait_end(&mut desk);
    let file = RunFile::read(&out).unwrap();
    assert_eq!(file.examples + file.held_out, 100);
    let DataRef::Rows { files, columns } = &file.data else { panic!("{:?}", file.data) };
    assert!(files[0].path.ends_with("corpus-edited.jsonl") && columns.is_empty(), "{files:?}");

    // Changed again, so that what is loaded is no longer what the run is on.
    edit(&mut desk, Request::UndoEdit);
    desk.send(Request::ResumeRun { run: out });
    let data = desk.wait("the run's data", |e| matches!(e, Event::DataImported(_)));
    assert!(matches!(data, Event::DataImported(data) if data.kept == 100));
    let (step, stopped) = wait_end(&mut desk);
    assert!(step == 8 && !stopped && stopped_at < 8, "{stopped_at}");
}
