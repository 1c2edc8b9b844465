//! Each rule against records made by hand.

use super::*;
use crate::train::{
    CheckpointRecord, EndCause, EvalRecord, StepRecord, TopicLoss, TrainError, TrainSettings, checkpoint_name,
};

/// A run of a hundred examples whose records a test sets.
struct Story {
    settings: TrainSettings,
    held_out: usize,
    steps: Vec<StepRecord>,
    evals: Vec<EvalRecord>,
    loads: Vec<(usize, Vec<f32>)>,
    collapsed: f32,
    checkpoints: Vec<CheckpointRecord>,
    cause: EndCause,
    message: Option<String>,
}

impl Story {
    /// 100 steps whose training loss falls from 2.0 to 1.0, measured at the given steps.
    fn measured(evals: &[(usize, f64)]) -> Self {
        let mut story = Self {
            settings: TrainSettings::default(),
            held_out: 16,
            steps: Vec::new(),
            evals: evals.iter().map(|&(step, loss)| eval(step, loss)).collect(),
            loads: Vec::new(),
            collapsed: 0.0,
            checkpoints: Vec::new(),
            cause: EndCause::Finished,
            message: None,
        };
        story.train(100, |step| 2.0 - step as f64 / 100.0);
        story
    }

    fn train(&mut self, steps: usize, loss: impl Fn(usize) -> f64) {
        let record = |step| StepRecord {
            step,
            steps,
            loss: loss(step),
            lr: self.settings.lr,
            grad_norm: 0.5,
            tokens: 90,
            supervised: 40,
            tokens_per_s: 100.0,
            elapsed_s: step as f64,
        };
        self.steps = (1..=steps).map(record).collect();
    }

    fn keep(&mut self, steps: &[usize]) {
        let record = |&step: &usize| CheckpointRecord { step, name: checkpoint_name(step), best: false };
        self.checkpoints = steps.iter().map(record).collect();
    }

    fn verdict(&self) -> Verdict {
        let step = self.steps.last().map_or(0, |step| step.step);
        judge(&RunFacts {
            settings: &self.settings,
            examples: 100,
            held_out: self.held_out,
            steps: &self.steps,
            evals: &self.evals,
            routing: self
                .loads
                .iter()
                .map(|(step, load)| LoadSample { step: *step, load, collapsed: self.collapsed })
                .collect(),
            checkpoints: &self.checkpoints,
            end: RunEnd { step, steps: 100, cause: self.cause, message: self.message.as_deref() },
        })
    }

    fn lead(&self) -> Finding {
        self.verdict().findings[0].clone()
    }
}

fn eval(step: usize, loss: f64) -> EvalRecord {
    EvalRecord { step, loss, examples: 16, supervised: 90, elapsed_s: step as f64, topics: Vec::new() }
}

fn topics(losses: &[(&str, f64)]) -> Vec<TopicLoss> {
    let topic = |&(topic, loss): &(&str, f64)| TopicLoss { topic: topic.into(), loss, examples: 4, supervised: 20 };
    losses.iter().map(topic).collect()
}

fn kinds(verdict: &Verdict) -> Vec<FindingKind> {
    verdict.findings.iter().map(|finding| finding.kind).collect()
}

#[test]
fn a_fall_is_told_with_its_size() {
    let verdict = Story::measured(&[(0, 2.0), (100, 1.2)]).verdict();
    assert_eq!((verdict.level, kinds(&verdict)), (Level::Good, vec![FindingKind::Better]));
    assert_eq!(verdict.headline, "It learnt: it answers much better than before.");
    let text = &verdict.findings[0].text;
    assert!(text.starts_with("Held-out loss fell from 2.00 to 1.20, by 40 %: it predicts answers"), "{text}");
    assert_eq!(verdict.best, Some(BestMeasure { step: 100, loss: 1.2, checkpoint: None }));
    let little = Story::measured(&[(0, 2.0), (100, 1.8)]).verdict();
    assert!(little.headline.contains("a little better") && little.findings[0].text.contains("a little better"));
}

#[test]
fn what_hardly_moved_names_the_setting_that_may_be_why() {
    let story = Story::measured(&[(0, 2.0), (100, 1.99)]);
    assert_eq!((story.lead().kind, story.lead().action), (FindingKind::Flat, Some(Action::ShowData)));
    let mut slow = Story::measured(&[(0, 2.0), (100, 1.99)]);
    slow.settings.lr = 1e-6;
    assert!(slow.lead().cause.unwrap().contains("1e-6 is low"));
    let mut short = Story::measured(&[(0, 2.0), (5, 1.99)]);
    short.train(5, |_| 2.0);
    assert_eq!(short.lead().cause.as_deref(), Some("It trained for 5 steps only."));
}

#[test]
fn a_rise_without_a_fall_before_is_worse() {
    let story = Story::measured(&[(0, 2.0), (50, 1.99), (100, 2.2)]);
    let lead = story.lead();
    assert_eq!((lead.kind, lead.level, lead.action), (FindingKind::Worse, Level::Doubtful, Some(Action::ShowSettings)));
    assert!(lead.text.starts_with("Held-out loss rose from 2.00 to 2.20, by 10 %"), "{}", lead.text);
}

#[test]
fn over_fitting_names_since_when_and_offers_the_best_checkpoint() {
    let mut story = Story::measured(&[(0, 2.0), (30, 1.0), (60, 1.3), (100, 1.5)]);
    story.keep(&[30, 80, 100]);
    let verdict = story.verdict();
    let lead = &verdict.findings[0];
    assert_eq!(lead.kind, FindingKind::OverFitting);
    assert!(lead.text.contains("lowest at step 30, with 1.00, and rose to 1.50 by step 100"), "{}", lead.text);
    assert!(lead.text.ends_with("since step 30 it learns the training examples by heart."), "{}", lead.text);
    assert_eq!(lead.cause.as_deref(), Some("It saw each of 100 examples about 8 times."));
    assert!(
        lead.next.as_ref().unwrap().starts_with("Use the checkpoint at step 30. Next time train for about 30 steps")
    );
    let name = "checkpoint-30".to_owned();
    assert_eq!(lead.action, Some(Action::UseCheckpoint { step: 30, name: name.clone() }));
    assert_eq!(verdict.best, Some(BestMeasure { step: 30, loss: 1.0, checkpoint: Some(name) }));
    assert_eq!(verdict.headline, "It learnt, and then began to learn by heart.");
    story.evals[3].loss = 2.3;
    assert_eq!(story.verdict().headline, "It learnt the examples by heart instead of the task.");
    story.checkpoints.clear();
    assert_eq!(story.lead().action, None);
    assert!(story.lead().next.unwrap().starts_with("Next time train"));
}

#[test]
fn a_small_rise_after_the_lowest_is_no_over_fitting() {
    assert_eq!(Story::measured(&[(0, 2.0), (50, 1.0), (100, 1.01)]).lead().kind, FindingKind::Better);
}

#[test]
fn training_loss_that_rises_too_is_coming_apart() {
    let mut story = Story::measured(&[(0, 2.0), (30, 1.0), (100, 1.5)]);
    story.train(100, |step| if step <= 30 { 1.0 } else { 1.4 });
    let lead = story.lead();
    assert_eq!(lead.kind, FindingKind::CameApart);
    assert!(lead.text.contains("training loss rose with it, from 1.00 to 1.40"), "{}", lead.text);
    assert!(lead.next.unwrap().contains("lower the learning rate"));
}

#[test]
fn nothing_changed_says_whether_rate_data_or_mask_is_why() {
    let mut rate = Story::measured(&[(0, 2.0), (100, 2.0)]);
    rate.settings.lr = 0.0;
    rate.train(100, |_| 2.0);
    let verdict = rate.verdict();
    assert_eq!((kinds(&verdict), verdict.headline.as_str()), (vec![FindingKind::NothingChanged], "Nothing changed."));
    assert_eq!(verdict.findings[0].cause.as_deref(), Some("The learning rate is set to 0."));
    rate.settings.lr = 1e-3;
    assert_eq!(rate.lead().cause.as_deref(), Some("The warm-up is as long as the run."));

    let mut mask = Story::measured(&[(0, 0.0), (100, 0.0)]);
    mask.steps.iter_mut().for_each(|step| (step.supervised, step.loss) = (0, 0.0));
    assert_eq!((mask.lead().kind, mask.lead().action), (FindingKind::NothingChanged, Some(Action::ShowData)));
    assert!(mask.lead().cause.unwrap().contains("masked"));

    let mut still = Story::measured(&[(0, 2.0), (100, 2.0)]);
    still.steps.iter_mut().for_each(|step| step.grad_norm = 0.0);
    assert!(still.lead().text.contains("The gradient was 0 in 100 steps"));

    let mut tiny = Story::measured(&[(0, 2.0), (100, 2.00001)]);
    tiny.settings.lr = 1e-9;
    tiny.train(100, |_| 2.0);
    assert_eq!(tiny.lead().kind, FindingKind::NothingChanged);
    assert!(tiny.lead().cause.unwrap().contains("1e-9"));
}

#[test]
fn a_loss_of_zero_is_told_apart_by_when_it_came() {
    let mut at_once = Story::measured(&[(0, 1e-5), (100, 1e-5)]);
    at_once.train(100, |_| 1e-5);
    assert_eq!(at_once.lead().kind, FindingKind::NothingToLearn);
    let mut by_heart = Story::measured(&[(0, 2.0), (100, 1.0)]);
    by_heart.train(100, |step| if step < 50 { 1.0 } else { 1e-4 });
    assert_eq!(kinds(&by_heart.verdict()), [FindingKind::Better, FindingKind::LossZero]);
    let zero = by_heart.verdict().findings[1].clone();
    assert!(zero.text.contains("from 1.00 to 1.0e-4"), "{}", zero.text);
}

#[test]
fn topics_are_named_with_their_figures() {
    let mut story = Story::measured(&[(0, 2.0), (100, 1.5)]);
    story.evals[0].topics = topics(&[("sums", 2.0), ("rooms", 1.0), ("names", 3.0), ("gone", 1.0)]);
    story.evals[1].topics = topics(&[("sums", 1.0), ("rooms", 1.2), ("names", 3.0)]);
    let verdict = story.verdict();
    assert_eq!(kinds(&verdict), [FindingKind::Better, FindingKind::Topics]);
    let finding = &verdict.findings[1];
    let told = "Better on 1 of 3 topics: sums (from 2.00 to 1.00). Worse on 1: rooms (from 1.00 to 1.20). The fewest \
                held-out examples of a topic are 4: small changes may be chance.";
    assert_eq!((finding.text.as_str(), finding.level), (told, Level::Doubtful));
    story.evals[1].topics = topics(&[("sums", 1.0), ("rooms", 0.8)]);
    let better = story.verdict().findings[1].clone();
    assert!(better.text.starts_with("Better on 2 of 2 topics: sums (from 2.00 to 1.00) and rooms"), "{}", better.text);
    assert_eq!((better.level, better.cause), (Level::Neutral, None));
    story.evals[1].topics.truncate(1);
    assert_eq!(story.verdict().findings.len(), 1, "one topic says no more than the whole");
}

#[test]
fn a_collapsed_router_is_told_with_its_step() {
    let mut story = Story::measured(&[(0, 2.0), (100, 1.0)]);
    let load = |step, leader: f32| (step, vec![leader, 1.0 - leader]);
    story.loads = vec![load(0, 0.5), load(25, 0.95), load(50, 0.6), load(75, 0.92), load(100, 0.96)];
    let verdict = story.verdict();
    let finding = verdict.finding(FindingKind::Collapsed).unwrap();
    assert!(finding.text.starts_with("Since step 75 one head of 2 holds 96 % of all gates"), "{}", finding.text);
    story.loads.push(load(100, 0.9));
    assert_eq!(story.verdict().finding(FindingKind::Collapsed), None);
    story.collapsed = 0.25;
    let told = story.verdict().finding(FindingKind::Collapsed).unwrap().text.clone();
    assert!(told.starts_with("Since step 0 one head takes nearly all in 25 % of the modules, not the same"), "{told}");
    story.collapsed = 0.05;
    assert_eq!(story.verdict().finding(FindingKind::Collapsed), None, "few modules");
    story.loads = vec![(100, vec![1.0])];
    assert_eq!(story.verdict().finding(FindingKind::Collapsed), None, "a single head takes all there is");
}

#[test]
fn a_number_out_of_range_halts_and_names_the_last_good_checkpoint() {
    let mut story = Story::measured(&[(0, 2.0), (50, 1.5)]);
    story.train(60, |_| 1.0);
    story.keep(&[40, 50, 60]);
    story.cause = EndCause::Failed;
    let error = |checkpoint: Option<&str>| TrainError::NotFinite {
        what: "loss",
        step: 61,
        sources: "faq.jsonl:7".into(),
        checkpoint: checkpoint.map(str::to_owned),
    };
    story.message = Some(error(Some("checkpoint-50")).to_string());
    let verdict = story.verdict();
    assert_eq!(kinds(&verdict), [FindingKind::Halted, FindingKind::Better]);
    let lead = &verdict.findings[0];
    assert_eq!(lead.level, Level::Bad);
    assert!(lead.text.starts_with("The loss of step 61 is not a finite number"), "{}", lead.text);
    assert!(lead.text.contains("faq.jsonl:7") && lead.text.matches("checkpoint-50").count() == 1, "{}", lead.text);
    assert_eq!(lead.action, Some(Action::UseCheckpoint { step: 50, name: "checkpoint-50".into() }));
    assert_eq!(lead.next.as_deref(), Some("Lower the learning rate to a tenth, 2e-5."));
    story.settings.max_grad_norm = 0.0;
    assert!(story.lead().cause.unwrap().contains("not clipped") && story.lead().next.unwrap().contains("clip"));
    story.steps[59].grad_norm = 40.0;
    assert!(story.lead().cause.unwrap().contains("grew from about 0.500 to 40.00"));
    story.settings.lr = 0.5;
    assert!(story.lead().cause.unwrap().contains("5e-1 is high"));
    // The weights after the last step are sound only where they were measured.
    story.keep(&[60]);
    assert_eq!(story.lead().action, Some(Action::ShowSettings));
    story.evals.push(eval(60, 1.4));
    assert_eq!(story.lead().action, Some(Action::UseCheckpoint { step: 60, name: "checkpoint-60".into() }));
}

#[test]
fn another_failure_is_told_with_its_message_and_the_way_on() {
    let mut story = Story::measured(&[]);
    (story.cause, story.message) = (EndCause::Failed, Some("memory ran out".into()));
    story.keep(&[40]);
    let verdict = story.verdict();
    assert_eq!(kinds(&verdict), [FindingKind::Failed]);
    assert_eq!(verdict.findings[0].text, "Memory ran out.");
    assert!(verdict.findings[0].next.as_ref().unwrap().contains("the last checkpoint is from step 40."));
}

#[test]
fn nothing_held_out_is_not_the_same_as_nothing_measured() {
    let mut story = Story::measured(&[]);
    assert_eq!(story.lead().kind, FindingKind::NotMeasured);
    story.evals = vec![eval(0, 2.0)];
    assert!(story.lead().text.ends_with("Before the first step it was 2.00."), "{}", story.lead().text);
    story.held_out = 0;
    let lead = story.lead();
    assert_eq!(lead.kind, FindingKind::NoHeldOut);
    assert!(lead.text.contains("Training loss went from 1.94 to 1.04"), "{}", lead.text);
}

#[test]
fn a_measure_older_than_the_end_is_owned_up_to() {
    let mut story = Story::measured(&[(0, 2.0), (90, 1.0)]);
    story.cause = EndCause::Stopped;
    let text = story.lead().text;
    assert!(
        text.ends_with("Step 90 was the last that was measured: nobody knows what the 10 steps since did."),
        "{text}"
    );
}

#[test]
fn an_early_stop_points_to_the_best() {
    let mut story = Story::measured(&[(0, 2.0), (30, 1.0), (40, 1.01), (50, 1.005)]);
    story.train(50, |step| 2.0 - step as f64 / 50.0);
    story.keep(&[30, 50]);
    (story.cause, story.settings.patience, story.settings.min_delta) = (EndCause::EarlyStop, Some(2), 0.01);
    let verdict = story.verdict();
    assert_eq!(kinds(&verdict), [FindingKind::Better, FindingKind::EarlyStop]);
    let stop = &verdict.findings[1];
    assert_eq!(
        stop.text,
        "It ended early, at step 50 of 100: held-out loss had not fallen by 0.010 or more in 2 measures."
    );
    assert_eq!(stop.action, Some(Action::UseCheckpoint { step: 30, name: "checkpoint-30".into() }));
}

#[test]
fn a_verdict_is_plain_data() {
    let mut story = Story::measured(&[(0, 2.0), (30, 1.0), (100, 1.5)]);
    story.keep(&[30]);
    let verdict = story.verdict();
    let text = serde_json::to_string(&verdict).unwrap();
    assert!(text.contains(r#""kind":"over_fitting""#) && text.contains(r#""do":"use_checkpoint""#), "{text}");
    assert_eq!(serde_json::from_str::<Verdict>(&text).unwrap(), verdict);
}

#[test]
fn figures_and_lists_read_as_people_write_them() {
    use super::words::{count, counted, list, nats};
    assert_eq!((count(7), count(1000), count(1_234_567)), ("7".into(), "1,000".into(), "1,234,567".into()));
    assert_eq!((counted(1, "step"), counted(20, "step")), ("1 step".into(), "20 steps".into()));
    assert_eq!((nats(12.345), nats(0.5), nats(0.00025)), ("12.35".into(), "0.500".into(), "2.5e-4".into()));
    let names = ["a", "b", "c"].map(String::from);
    let told = [list(&names[..1], 2), list(&names[..2], 2), list(&names, 2)];
    assert_eq!(told, ["a", "a and b", "a, b and 1 more"]);
}
