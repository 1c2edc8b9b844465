//! The tab of many examples.

use egui::Key;
use egui_kittest::kittest::{NodeT, Queryable};
use hydra_studio::adapter::{HealthFinding, HealthKind};
use hydra_studio::app::pages::PageId;
use hydra_studio::worker::protocol::{Event, JobKind, Request, SurveyScope};

use super::fixtures::{TOPICS, names, survey, surveyed};
use super::stage::{Stage, adapter, model};
use super::{click, has, press, routed};

/// A stage that shows a survey of three heads.
fn shown() -> Stage {
    let mut stage = routed();
    click(&mut stage, "All data");
    stage.tell([surveyed(survey(3, 30, Vec::new()))]);
    stage
}

#[test]
fn held_out_and_all_examples_can_be_surveyed() {
    let mut stage = routed();
    click(&mut stage, "All data");
    stage.requests();
    click(&mut stage, "Look");
    assert_eq!(stage.requests(), [Request::Survey { scope: SurveyScope::HeldOut, at: None }]);
    let job = JobKind::Survey;
    stage.tell([Event::Progress { job, share: Some(0.3), note: "Example 30 of 100".into() }]);
    assert!(has(&stage, "Example 30 of 100"));
    stage.tell([Event::Cancelled { job }]);
    click(&mut stage, "All examples (2,000)");
    click(&mut stage, "Look");
    assert_eq!(stage.requests(), [Request::Survey { scope: SurveyScope::All, at: None }]);
}

#[test]
fn without_data_the_tab_leads_to_it() {
    let mut stage = Stage::on(PageId::Routing);
    stage.tell([model(), adapter()]);
    click(&mut stage, "All data");
    assert!(has(&stage, "which topics each head attracts, is seen with data"));
    click(&mut stage, "Choose data");
    assert!(!has(&stage, "Examples to look at"));
}

#[test]
fn a_survey_tells_health_grid_topics_and_heads() {
    let stage = shown();
    for words in [
        "The heads are in good health",
        "Over 200 examples and 8,123 tokens, the gates go to Head 1 37 %",
        "Mean gates by topic and head.",
        "Head 2 prefers arithmetic: mean gate 0.45 ± 0.03 from example to example, 0.33 on other topics",
        "Topic and leading head share 0.18 of their information",
        "What each head attracts",
        "What is 17 plus 25",
    ] {
        assert!(has(&stage, words), "\"{words}\" is not said");
    }
}

#[test]
fn nothing_is_said_of_topics_that_chance_would_draw_too() {
    let mut stage = shown();
    let mut other = survey(3, 30, Vec::new());
    if let Some(association) = &mut other.association {
        association.preferences.clear();
        (association.nmi, association.nmi_p) = (0.012, 0.4);
    }
    stage.tell([surveyed(other.clone())]);
    assert!(has(&stage, "no head prefers a topic beyond chance"));
    assert!(has(&stage, "no topic belongs to one head") && !has(&stage, " prefers arithmetic"));
    other.association = None;
    stage.tell([surveyed(other.clone())]);
    assert!(has(&stage, "There are too few topics"));
    other.topics.iter_mut().for_each(|topic| topic.topic = None);
    stage.tell([surveyed(other)]);
    assert!(has(&stage, "The data names no topics"));
}

#[test]
fn the_matrix_is_walked_with_the_arrow_keys_and_set_against_the_heads_means() {
    let mut stage = shown();
    click(&mut stage, "Against the head's mean");
    stage.window.get_by_label_contains("Mean gates by topic and head").focus();
    stage.settle();
    press(&mut stage, Key::ArrowRight);
    press(&mut stage, Key::ArrowRight);
    assert!(has(&stage, &format!("Head 2, {}: mean gate 0.4", TOPICS[0])));
    assert!(has(&stage, "Standard deviation over 60 examples 0.030"));
    assert!(has(&stage, "the head's mean"));
}

#[test]
fn ill_health_is_said_in_words() {
    let mut stage = shown();
    let finding = |kind, heads: &[usize], figure| HealthFinding {
        kind,
        heads: heads.to_vec(),
        modules: Vec::new(),
        of_modules: 210,
        figure,
    };
    let health = vec![finding(HealthKind::Collapse, &[1], 0.97), finding(HealthKind::DeadHead, &[2], 0.004)];
    stage.tell([surveyed(survey(3, 4, health))]);
    assert!(has(&stage, "Collapse: Head 2 takes 97 % of the gates: the others hardly take part. Try fewer heads"));
    assert!(
        has(&stage, "Dead head: Head 3 leads no token and takes next to nothing") && !has(&stage, "in good health")
    );
}

#[test]
fn a_head_is_named_by_hand_or_as_suggested_and_called_so_everywhere() {
    let mut stage = shown();
    stage.requests();
    let named = |head, name: &str| Request::NameHead { path: "/adapters/demo".into(), head, name: name.into() };
    click(&mut stage, "Call it “arithmetic”");
    assert_eq!(stage.requests(), [named(1, "arithmetic")]);
    stage.tell([names(&[None, Some("arithmetic"), None])]);
    assert!(has(&stage, "Head 2 · arithmetic prefers arithmetic"));
    assert!(stage.window.query_by_label("Call it “arithmetic”").is_none());
    let field = |stage: &Stage| stage.window.get_by_label("Name of head 2").accesskit_node().value();
    assert_eq!(field(&stage).as_deref(), Some("arithmetic"));
    stage.window.get_by_label("Name of head 2").focus();
    stage.settle();
    stage.window.key_press_modifiers(egui::Modifiers::COMMAND, Key::A);
    stage.window.get_by_label("Name of head 2").type_text("sums");
    press(&mut stage, Key::Enter);
    assert_eq!(stage.requests(), [named(1, "sums")]);
    stage.window.get_by_label("Name of head 1").focus();
    stage.settle();
    stage.window.get_by_label("Name of head 1").type_text("other");
    press(&mut stage, Key::Escape);
    assert_eq!(stage.requests(), [], "Escape takes an edit back");
}

#[test]
fn a_module_of_a_survey_tells_its_own_figures() {
    let mut stage = shown();
    stage.window.get_by_label_contains("Mean gate by layer and head").focus();
    stage.settle();
    (0..4).for_each(|_| press(&mut stage, Key::ArrowRight));
    press(&mut stage, Key::Enter);
    assert!(has(&stage, "model.layers.0.self_attn.q_proj: entropy "));
    assert!(has(&stage, "cosine of the heads' B 0.310"));
    assert!(has(&stage, "Topics and heads: layer 1, q_proj"), "topics are set against its heads");
}

#[test]
fn a_survey_of_an_earlier_adapter_says_so() {
    let mut stage = shown();
    stage.tell([super::stage::started(10)]);
    assert!(has(&stage, "Look again"));
}
