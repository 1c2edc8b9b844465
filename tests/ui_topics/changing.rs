//! Changing topics.

use egui::accesskit::Role;
use egui::{Key, Modifiers};
use egui_kittest::kittest::{NodeT, Queryable};
use hydra_studio::worker::protocol::{Event, JobKind, Request, TopicEdit};

use super::fixtures::{NAMES, board};
use super::{click, has, topical};

#[test]
fn a_name_is_edited_in_place() {
    let mut stage = topical();
    let field = format!("Name of {}", NAMES[1]);
    stage.window.get_by_role_and_label(Role::TextInput, &field).focus();
    stage.settle();
    stage.window.key_press_modifiers(Modifiers::COMMAND, Key::A);
    stage.window.get_by_role_and_label(Role::TextInput, &field).type_text("Law");
    stage.settle();
    stage.window.key_press(Key::Enter);
    assert_eq!(stage.requests(), [Request::EditTopics(TopicEdit::Rename { topic: 1, name: "Law".into() })]);
    let mut renamed = board(90);
    (renamed.topics[1].name, renamed.undo) = ("Law".into(), Some("Rename \"clause, court, law\" to \"Law\"".into()));
    stage.tell([Event::TopicsEdited(Box::new(renamed))]);
    assert!(has(&stage, "Name of Law") && has(&stage, "Undo: Rename \"clause, court, law\" to \"Law\""));
}

#[test]
fn ticked_topics_merge_into_the_largest() {
    let mut stage = topical();
    assert!(stage.window.get_by_label("Merge the ticked").accesskit_node().is_disabled());
    let mut larger = board(90);
    larger.topics[2].size = 50;
    stage.tell([Event::TopicsEdited(Box::new(larger))]);
    click(&mut stage, &format!("Tick {}", NAMES[0]));
    click(&mut stage, &format!("Tick {}", NAMES[2]));
    click(&mut stage, "Merge the ticked");
    assert_eq!(stage.requests(), [Request::EditTopics(TopicEdit::Merge(vec![2, 0]))]);
}

#[test]
fn a_topic_is_split_and_left_out_and_taken_back_in() {
    let mut stage = topical();
    click(&mut stage, &format!("Split in two: {}", NAMES[0]));
    assert_eq!(stage.requests(), [Request::EditTopics(TopicEdit::Split(0))]);
    stage.tell([Event::TopicsEdited(Box::new(board(90)))]);
    click(&mut stage, &format!("Leave out of training: {}", NAMES[1]));
    let exclude = |is_excluded| Request::EditTopics(TopicEdit::Exclude { topic: 1, is_excluded });
    assert_eq!(stage.requests(), [exclude(true)]);
    let mut excluded = board(90);
    excluded.topics[1].is_excluded = true;
    stage.tell([Event::TopicsEdited(Box::new(excluded))]);
    assert!(has(&stage, "left out of training") && has(&stage, "Use 2 heads"));
    click(&mut stage, &format!("Take back in: {}", NAMES[1]));
    assert_eq!(stage.requests(), [exclude(false)]);
}

#[test]
fn changes_are_undone_and_redone_by_their_keys() {
    let mut stage = topical();
    stage.window.key_press_modifiers(Modifiers::COMMAND, Key::Z);
    assert_eq!(stage.requests(), [], "there is nothing to take back");
    let mut changed = board(90);
    (changed.undo, changed.redo) = (Some("Split \"a\"".into()), Some("Merge \"a\" and \"b\"".into()));
    stage.tell([Event::TopicsEdited(Box::new(changed.clone()))]);
    stage.window.key_press_modifiers(Modifiers::COMMAND, Key::Z);
    assert_eq!(stage.requests(), [Request::EditTopics(TopicEdit::Undo)]);
    stage.tell([Event::TopicsEdited(Box::new(changed))]);
    click(&mut stage, "Redo: Merge \"a\" and \"b\"");
    assert_eq!(stage.requests(), [Request::EditTopics(TopicEdit::Redo)]);
}

#[test]
fn a_change_that_cannot_be_made_says_why() {
    let mut stage = topical();
    click(&mut stage, &format!("Split in two: {}", NAMES[0]));
    let message = "the examples of \"sum, number, digit\" do not differ, so that it cannot be split".to_owned();
    stage.tell([Event::Failed { job: JobKind::EditTopics, message }]);
    assert!(has(&stage, "do not differ, so that it cannot be split"));
}

#[test]
fn examples_of_a_topic_are_folded() {
    let mut stage = topical();
    assert!(!has(&stage, "On the border to another topic"));
    click(&mut stage, &format!("Examples of {}", NAMES[1]));
    assert!(has(&stage, "Typical") && has(&stage, "On the border to another topic") && has(&stage, "mix.jsonl:32"));
}
