//! Looking for topics, and taking up the advice.

use egui::accesskit::Role;
use egui_kittest::kittest::{NodeT, Queryable};
use hydra_studio::app::pages::PageId;
use hydra_studio::cluster::{TopicFeatures, TopicMethod};
use hydra_studio::worker::protocol::{Event, JobKind, Request, TopicSearch};

use super::fixtures::{board, opinion, report};
use super::stage::{Stage, data, model, started};
use super::{click, has, ready, topical};

#[test]
fn without_data_the_page_leads_to_the_page_that_brings_it() {
    let mut stage = Stage::on(PageId::Topics);
    stage.settle();
    assert!(has(&stage, "Topics need data"));
    click(&mut stage, "Choose data");
    assert!(has(&stage, "Choose files with examples"));
}

#[test]
fn a_search_shows_how_far_it_is_and_can_be_cancelled() {
    let mut stage = ready();
    click(&mut stage, "Find topics");
    assert_eq!(stage.requests(), [Request::FindTopics { search: TopicSearch::default() }]);
    let note = "Trying every number of topics".to_owned();
    stage.tell([Event::Progress { job: JobKind::FindTopics, share: Some(0.4), note }]);
    assert!(has(&stage, "Trying every number of topics") && has(&stage, "40 %"));
    let cancel = |node: &egui_kittest::Node<'_>| node.rect().top();
    stage.window.get_all_by_label("Cancel").min_by(|a, b| cancel(a).total_cmp(&cancel(b))).unwrap().click();
    assert_eq!(stage.requests(), [Request::Cancel { job: JobKind::FindTopics }]);
    stage.tell([Event::Cancelled { job: JobKind::FindTopics }]);
    assert!(has(&stage, "No topics yet"));
}

#[test]
fn what_went_wrong_is_told_with_its_mend() {
    let mut stage = ready();
    click(&mut stage, "Find topics");
    let message = "no example is left to group: the Data page says why each row was dropped".to_owned();
    stage.tell([Event::Failed { job: JobKind::FindTopics, message }]);
    assert!(has(&stage, "no example is left to group") && has(&stage, "No topics yet"));
}

#[test]
fn settings_of_the_search_are_folded_and_taken_up() {
    let mut stage = ready();
    click(&mut stage, "Settings of the search");
    stage.window.get_by_role_and_label(Role::Button, "Density").click();
    stage.settle();
    stage.window.get_by_role_and_label(Role::Button, "The loaded model").click();
    stage.settle();
    click(&mut stage, "Find with these settings");
    let search = TopicSearch { method: TopicMethod::Density, features: TopicFeatures::Model, ..TopicSearch::default() };
    assert_eq!(stage.requests(), [Request::FindTopics { search }]);
}

#[test]
fn the_sentence_has_its_reasons_and_a_button_that_sets_heads_and_gives_topics() {
    let mut stage = topical();
    assert!(has(&stage, "Use 3 heads: the examples fall into 3 topics."));
    assert!(has(&stage, "bends clearly, at 3 groups"));
    click(&mut stage, "Use 3 heads");
    assert_eq!(stage.requests(), [Request::ApplyTopics]);
    let mut applied = board(90);
    applied.is_applied = true;
    stage.tell([data(), Event::TopicsEdited(Box::new(applied))]);
    assert!(has(&stage, "The examples carry these topics"));
    click(&mut stage, "Go on to Train");
    assert!(has(&stage, "Start training"));
}

#[test]
fn heads_that_were_set_from_topics_can_be_undone_on_the_train_page() {
    let mut stage = ready();
    let mut four = board(90);
    let mut fourth = four.topics[0].clone();
    (fourth.id, fourth.name) = (9, "another".into());
    four.topics.push(fourth);
    stage.tell([Event::TopicsFound { report: Box::new(report(90)), board: Box::new(four) }]);
    assert!(has(&stage, "As the topics stand now there are 4, a head for each."));
    click(&mut stage, "Use 4 heads");
    stage.window.key_press_modifiers(egui::Modifiers::COMMAND, egui::Key::Num4);
    stage.settle();
    assert!(has(&stage, "Undo: 4 heads from the topics"));
}

#[test]
fn one_topic_makes_plain_lora() {
    let mut stage = ready();
    let (mut report, mut one) = (report(30), board(30));
    one.topics.truncate(1);
    one.shown.fill(Some(0));
    (report.advice.heads, report.advice.sentence) =
        (1, "Plain LoRA is enough for this: the examples are of one topic.".into());
    stage.tell([Event::TopicsFound { report: Box::new(report), board: Box::new(one) }]);
    click(&mut stage, "Use plain LoRA");
    assert_eq!(stage.requests(), [Request::ApplyTopics]);
}

#[test]
fn nothing_dense_is_told_and_the_curves_stay() {
    let mut stage = ready();
    let mut none = board(30);
    none.topics.clear();
    none.noise = 30;
    none.shown.fill(None);
    stage.tell([Event::TopicsFound { report: Box::new(report(30)), board: Box::new(none) }]);
    assert!(has(&stage, "No place is dense enough to be a group") && has(&stage, "Errors (SSE)"));
}

#[test]
fn a_run_that_is_on_leaves_topics_to_look_at_and_keeps_its_examples() {
    let mut stage = topical();
    stage.tell([started(100)]);
    assert!(has(&stage, "A run is on: topics can be looked at and changed"));
    assert!(stage.window.get_by_label("Use 3 heads").accesskit_node().is_disabled());
    assert!(!stage.window.get_by_label("Split in two: clause, court, law").accesskit_node().is_disabled());
}

#[test]
fn curves_density_and_trials_are_told_in_words() {
    let mut stage = topical();
    assert!(has(&stage, "Silhouette. Silhouette by topic: 0 at 1, 0.110 at 2"));
    assert!(has(&stage, "come after the map"));
    stage.tell([opinion(90)]);
    assert!(has(&stage, "By density (DBSCAN) there are 2 groups, and 30 of 90 examples (33 %) belong to none."));
    assert!(has(&stage, "Number of topics over repeated trials. k-means by trial: 4.00 at 1, 3.00 at 2"));
    assert!(has(&stage, "Agreement with the labels in the data (NMI): 0.53"));
}

#[test]
fn topics_of_examples_that_are_gone_go() {
    let mut stage = topical();
    stage.tell([model(), Event::TopicsGone]);
    assert!(has(&stage, "No topics yet"));
}
