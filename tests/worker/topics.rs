//! Topics beside whatever the worker does: found, changed, saved and given to the examples.

use hydra_studio::cluster::{TopicFeatures, TopicMethod};
use hydra_studio::data::ColumnMap;
use hydra_studio::worker::protocol::{
    DataSummary, Event, JobKind, Request, TopicBoard, TopicEdit, TopicSearch, TopicsReport,
};

use crate::desk::Desk;

/// What the examples of each topic are made of.
const WORDS: [&str; 3] =
    ["clause court contract party judge", "sum digit plus minus number", "fever dose tablet doctor cough"];

/// A worker with thirty examples of each of three topics, one after the other, labelled by halves.
fn with_data() -> Desk {
    let mut desk = Desk::new();
    let file = desk.path().join("mix.jsonl");
    let row = |i: usize| {
        let words: Vec<&str> = WORDS[i % 3].split(' ').collect();
        let (a, b, c) = (words[i / 3 % 5], words[i / 7 % 5], words[i / 11 % 5]);
        let label = if i.is_multiple_of(2) { "even" } else { "odd" };
        format!(
            "{{\"question\": \"Tell {a} from {b}, number {i}?\", \"answer\": \"A {c} and a {a}.\", \"topic\": \"{label}\"}}\n"
        )
    };
    std::fs::write(&file, (0..90).map(row).collect::<String>()).unwrap();
    desk.send(Request::ImportData { paths: vec![file], map: ColumnMap::default() });
    desk.wait("the data", |e| matches!(e, Event::DataImported(_)));
    desk
}

fn find(desk: &mut Desk, search: TopicSearch) -> (TopicsReport, TopicBoard) {
    desk.send(Request::FindTopics { search });
    match desk.wait("topics", |e| matches!(e, Event::TopicsFound { .. })) {
        Event::TopicsFound { report, board } => (*report, *board),
        _ => unreachable!(),
    }
}

fn three() -> TopicSearch {
    TopicSearch { topics: Some(3), ..TopicSearch::default() }
}

fn edited(desk: &mut Desk) -> TopicBoard {
    match desk.wait("the change", |e| matches!(e, Event::TopicsEdited(_))) {
        Event::TopicsEdited(board) => *board,
        _ => unreachable!(),
    }
}

/// Gives the topics to the examples: the topics and the data afterwards, which come in either order.
fn applied(desk: &mut Desk) -> (TopicBoard, DataSummary) {
    desk.send(Request::ApplyTopics);
    let (mut topics, mut changed) = (None, None);
    while topics.is_none() || changed.is_none() {
        match desk.wait("topics and data", |e| matches!(e, Event::TopicsEdited(_) | Event::DataEdited(_))) {
            Event::TopicsEdited(board) => topics = Some(*board),
            Event::DataEdited(data) => changed = Some(data),
            _ => unreachable!(),
        }
    }
    (topics.unwrap(), changed.unwrap())
}

#[test]
fn topics_are_found_laid_out_and_looked_at_twice() {
    let mut desk = with_data();
    let (report, board) = find(&mut desk, three());
    assert_eq!(board.topics.iter().map(|topic| topic.size).collect::<Vec<_>>(), [30, 30, 30]);
    assert!((0..90).all(|row| board.shown[row] == board.shown[row % 3]), "{:?}", board.shown);
    assert_eq!((report.shown.len(), report.principal.len(), report.sse.len()), (90, 90, 10));
    assert!(board.agreement.unwrap() < 0.1, "even and odd say nothing of the topics: {:?}", board.agreement);
    let topic = &board.topics[0];
    assert_eq!(topic.typical.len(), 3);
    assert!(topic.name.contains(", ") && topic.typical[0].source.contains("mix.jsonl:"));
    desk.wait(
        "the whole map",
        |e| matches!(e, Event::TopicMap { share, places } if *share == 1.0 && places.len() == 90),
    );
    let opinion = desk.wait("a second opinion", |e| matches!(e, Event::TopicOpinion(_)));
    assert!(matches!(opinion, Event::TopicOpinion(opinion) if opinion.trials.len() == 15 && opinion.shown.len() == 90));
}

#[test]
fn changes_are_undone_and_given_to_the_examples() {
    let mut desk = with_data();
    let (_, board) = find(&mut desk, three());
    let ids: Vec<u32> = board.topics.iter().map(|topic| topic.id).collect();
    desk.send(Request::EditTopics(TopicEdit::Merge(vec![ids[0], ids[1]])));
    assert_eq!(edited(&mut desk).topics.iter().map(|topic| topic.size).collect::<Vec<_>>(), [60, 30]);
    desk.send(Request::EditTopics(TopicEdit::Split(ids[0])));
    let split = edited(&mut desk);
    assert_eq!(split.topics.iter().map(|topic| topic.size).collect::<Vec<_>>(), [30, 30, 30]);
    desk.send(Request::EditTopics(TopicEdit::Undo));
    desk.send(Request::EditTopics(TopicEdit::Undo));
    edited(&mut desk);
    assert_eq!(edited(&mut desk).topics, board.topics);
    desk.send(Request::EditTopics(TopicEdit::Rename { topic: ids[2], name: "Third".into() }));
    edited(&mut desk);
    desk.send(Request::EditTopics(TopicEdit::Exclude { topic: ids[0], is_excluded: true }));
    edited(&mut desk);
    let (given, data) = applied(&mut desk);
    assert!(given.is_applied);
    assert_eq!((data.kept, data.edits.left_out, data.rows), (60, 30, 90));
    assert_eq!(data.topics.iter().map(|(_, size)| *size).collect::<Vec<_>>(), [30, 30]);
    assert!(data.topics.iter().any(|(name, _)| name == "Third"));
    // Topics are of the examples as they were imported: taken back in, they are all there again.
    desk.send(Request::EditTopics(TopicEdit::Undo));
    assert!(!edited(&mut desk).is_applied);
    assert_eq!(applied(&mut desk).1.kept, 90);
}

#[test]
fn topics_that_were_given_are_taken_back_with_the_change_of_the_data() {
    let mut desk = with_data();
    find(&mut desk, three());
    assert!(applied(&mut desk).0.is_applied);
    let (_, again) = find(&mut desk, three());
    assert!(again.is_applied, "the same topics were found");
    assert!(again.agreement.unwrap() < 0.1, "the files labelled even and odd: {:?}", again.agreement);
    desk.send(Request::UndoEdit);
    assert!(!edited(&mut desk).is_applied);
}

#[test]
fn what_cannot_be_changed_says_why() {
    let mut desk = with_data();
    desk.send(Request::EditTopics(TopicEdit::Split(0)));
    assert!(desk.wait_failure(JobKind::EditTopics).contains("find them first"));
    let (_, board) = find(&mut desk, three());
    desk.send(Request::EditTopics(TopicEdit::Merge(vec![board.topics[0].id, 99])));
    assert!(desk.wait_failure(JobKind::EditTopics).contains("no topic 99"));
    for topic in &board.topics {
        desk.send(Request::EditTopics(TopicEdit::Exclude { topic: topic.id, is_excluded: true }));
        edited(&mut desk);
    }
    desk.send(Request::ApplyTopics);
    assert!(desk.wait_failure(JobKind::EditTopics).contains("nothing would be left"));
}

#[test]
fn saved_topics_are_opened_again_with_the_data_that_they_are_of() {
    let mut desk = with_data();
    let (_, board) = find(&mut desk, three());
    let path = desk.path().join("clusters.json");
    desk.send(Request::SaveTopics { path: path.clone() });
    desk.wait("the file", |e| matches!(e, Event::TopicsSaved { .. }));
    desk.send(Request::OpenTopics { path: path.clone() });
    let Event::TopicsFound { report, board: again } = desk.wait("topics", |e| matches!(e, Event::TopicsFound { .. }))
    else {
        unreachable!()
    };
    assert_eq!((report.file.as_ref(), &again.topics, &again.shown), (Some(&path), &board.topics, &board.shown));
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replace("\"format\":1", "\"format\":9")).unwrap();
    desk.send(Request::OpenTopics { path });
    assert!(desk.wait_failure(JobKind::FindTopics).contains("newer version of Hydra Studio (format 9"));
}

#[test]
fn topics_go_with_their_examples() {
    let mut desk = with_data();
    find(&mut desk, TopicSearch { method: TopicMethod::Density, ..three() });
    let file = desk.path().join("other.jsonl");
    std::fs::write(&file, "{\"question\": \"a?\", \"answer\": \"b\"}\n").unwrap();
    desk.send(Request::ImportData { paths: vec![file], map: ColumnMap::default() });
    desk.wait("the end of the topics", |e| matches!(e, Event::TopicsGone));
}

#[test]
fn without_data_or_the_model_that_is_to_read_it_nothing_is_found() {
    let mut desk = Desk::new();
    desk.send(Request::FindTopics { search: three() });
    assert!(desk.wait_failure(JobKind::FindTopics).contains("choose files on the Data page"));
    let mut desk = with_data();
    desk.send(Request::FindTopics { search: TopicSearch { features: TopicFeatures::Model, ..three() } });
    assert!(desk.wait_failure(JobKind::FindTopics).contains("no model is loaded"));
}

#[test]
fn a_model_tells_the_prompts_apart_too() {
    let mut desk = Desk::ready();
    let search = TopicSearch { features: TopicFeatures::Model, topics: Some(2), ..TopicSearch::default() };
    let (report, board) = find(&mut desk, search.clone());
    assert_eq!((report.search, board.topics.len()), (search, 2));
    assert!(desk.seen.iter().any(
        |e| matches!(e, Event::Progress { job: JobKind::FindTopics, note, .. } if note.contains("with the model"))
    ));
}
