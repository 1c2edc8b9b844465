use super::*;

/// Six texts in three topics, called by their words, and one of noise.
fn book() -> TopicBook {
    let labels = vec![Some(0), Some(0), Some(1), Some(1), Some(2), Some(2), None];
    let mut book = TopicBook::new(TopicOrigin::default(), labels, 3);
    book.name_by_words(&words(&["law court judge", "sum number", "sky star moon sun"]));
    book
}

fn words(of_topics: &[&str]) -> Vec<Vec<String>> {
    of_topics.iter().map(|words| words.split(' ').map(str::to_owned).collect()).collect()
}

fn names(book: &TopicBook) -> Vec<&str> {
    book.topics().iter().map(|topic| topic.name.as_str()).collect()
}

#[test]
fn topics_are_called_by_their_three_top_words() {
    assert_eq!(names(&book()), ["law, court, judge", "sum, number", "sky, star, moon"]);
}

#[test]
fn two_topics_of_the_same_words_are_told_apart_and_a_given_name_stays() {
    let mut book = book();
    book.rename(0, "  Law ").unwrap();
    book.name_by_words(&words(&["a b c", "sky star moon", "sky star moon"]));
    assert_eq!(names(&book), ["Law", "sky, star, moon", "sky, star, moon (2)"]);
    book.name_by_words(&[]);
    assert_eq!(names(&book), ["Law", "Topic 2", "Topic 3"]);
}

#[test]
fn a_merge_goes_into_the_first_and_can_be_undone_and_redone() {
    let mut book = book();
    let before = book.clone();
    book.merge(&[2, 0]).unwrap();
    assert_eq!(book.labels(), [Some(2), Some(2), Some(1), Some(1), Some(2), Some(2), None]);
    assert_eq!(book.topics().iter().map(|topic| (topic.id, topic.color)).collect::<Vec<_>>(), [(1, 1), (2, 2)]);
    assert_eq!(book.undo_name(), Some("Merge \"sky, star, moon\" and \"law, court, judge\""));
    let merged = book.clone();
    assert!(book.undo() && !book.undo());
    assert_eq!((book.topics(), book.labels()), (before.topics(), before.labels()));
    assert!(book.redo() && !book.redo());
    assert_eq!(book, merged);
}

#[test]
fn what_a_split_makes_takes_a_free_colour_and_an_id_of_its_own() {
    let mut book = book();
    book.merge(&[0, 1]).unwrap();
    book.split(0, &[false, false, true, true]).unwrap();
    let seen: Vec<_> = book.topics().iter().map(|topic| (topic.id, topic.color)).collect();
    assert_eq!(seen, [(0, 0), (3, 1), (2, 2)], "the new one stands beside the one that it comes from");
    assert_eq!(book.numbers(), [Some(0), Some(0), Some(1), Some(1), Some(2), Some(2), None]);
    let alike = book.split(2, &[true, true]);
    assert!(matches!(&alike, Err(BookError::Alike { name }) if name == "sky, star, moon"), "{alike:?}");
}

#[test]
fn texts_of_any_topic_and_of_none_make_a_new_one() {
    let mut book = book();
    book.gather(&[1, 2, 3, 6, 99]).unwrap();
    assert_eq!(book.texts_of(3), [1, 2, 3, 6]);
    assert_eq!(book.topics().iter().map(|topic| topic.id).collect::<Vec<_>>(), [0, 2, 3], "the empty one is gone");
    book.undo();
    assert_eq!(book.texts_of(1), [2, 3]);
    assert_eq!(book.gather(&[99]), Err(BookError::NothingChosen));
}

#[test]
fn texts_of_a_topic_that_is_left_out_are_told() {
    let mut book = book();
    book.exclude(1, true).unwrap();
    assert_eq!((book.excluded_texts(), book.trained()), (vec![2, 3], 2));
    book.exclude(1, true).unwrap();
    book.undo();
    assert_eq!((book.excluded_texts(), book.trained(), book.undo_name()), (vec![], 3, None), "once is enough");
    assert_eq!(book.redo_name(), Some("Leave out \"sum, number\""));
}

#[test]
fn a_new_change_forgets_what_was_undone() {
    let mut book = book();
    book.exclude(1, true).unwrap();
    book.undo();
    book.rename(0, "Law").unwrap();
    assert_eq!((book.redo(), book.redo_name()), (false, None));
}

#[test]
fn what_cannot_be_done_says_why_and_changes_nothing() {
    let mut book = book();
    let before = book.clone();
    assert_eq!(book.merge(&[1]), Err(BookError::TooFew));
    assert_eq!(book.merge(&[1, 1]), Err(BookError::TooFew));
    assert_eq!(book.merge(&[1, 9]), Err(BookError::NoSuch { id: 9 }));
    assert_eq!(book.rename(0, " "), Err(BookError::NoName));
    assert_eq!(book.rename(0, "sum, number"), Err(BookError::NameTaken { name: "sum, number".into() }));
    assert_eq!(book.exclude(7, true), Err(BookError::NoSuch { id: 7 }));
    assert_eq!(book, before);
}
