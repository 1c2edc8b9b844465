//! How a run ended, what it warned of and how its answers changed, in the real window and as pictures.

#[path = "ui_charts/stage.rs"]
#[allow(dead_code, reason = "the stage is shared, and each test program uses its own part")]
mod stage;

use std::path::PathBuf;

use egui::Key;
use egui::accesskit::Role;
use egui_kittest::kittest::{NodeT, Queryable};
use hydra_studio::app::pages::PageId;
use hydra_studio::train::{
    CheckpointRecord, Energy, EnergyPart, EvalRecord, SampleRecord, TrainSettings, UsageRecord, WarningKind,
    WarningRecord,
};
use hydra_studio::worker::protocol::{Event, Request, TrainingEnd};

use stage::{Stage, adapter, data, done, model, run_events, started, step};

const RUN: &str = "/runs/2026-11-24-smollm2";

fn ready(size: [f32; 2]) -> Stage {
    let mut stage = Stage::new(PageId::Train, size, egui::ThemePreference::Dark);
    stage.tell([model(), data()]);
    stage
}

fn tall() -> Stage {
    ready([1180.0, 3000.0])
}

fn has(stage: &Stage, text: &str) -> bool {
    stage.window.query_all_by_label_contains(text).next().is_some()
}

fn click(stage: &mut Stage, label: &str) {
    stage.window.get_by_label(label).click();
    stage.settle();
}

fn eval(step: usize, loss: f64) -> Event {
    Event::Eval(EvalRecord { step, loss, examples: 100, supervised: 4000, elapsed_s: 1.0, topics: Vec::new() })
}

fn checkpoint(step: usize, best: bool) -> Event {
    Event::Checkpoint(CheckpointRecord { step, name: format!("checkpoint-{step}"), best })
}

/// A run of 200 steps that was best at step 60.
fn over_fitted() -> Vec<Event> {
    let mut events = vec![started(200), eval(0, 2.2)];
    events.extend((1..=200).map(|at| step(at, 200)));
    events.extend([eval(60, 1.1), checkpoint(60, true), eval(120, 1.4), eval(200, 1.6), checkpoint(200, false)]);
    events
}

// --- The end ---

#[test]
fn over_fitting_is_explained_and_its_best_checkpoint_can_be_taken() {
    let mut stage = tall();
    stage.tell(over_fitted());
    stage.tell([done(200)]);
    assert!(has(&stage, "It learnt, and then began to learn by heart."));
    assert!(has(&stage, "Held-out loss was lowest at step 60, with 1.10, and rose to 1.60 by step 200"));
    assert!(has(&stage, "Likely cause: ") && has(&stage, "To try next: Use the checkpoint at step 60."));
    stage.requests();
    click(&mut stage, "Use checkpoint at step 60");
    let path = PathBuf::from(RUN).join("checkpoint-60");
    assert_eq!(stage.requests(), [Request::LoadAdapter { path: path.clone() }]);
    let Event::AdapterLoaded(mut summary) = adapter() else { unreachable!() };
    summary.path = Some(path);
    stage.tell([Event::AdapterLoaded(summary)]);
    assert!(has(&stage, "The adapter of this checkpoint is loaded."));
    assert!(stage.window.query_by_label("Use checkpoint at step 60").is_none());
}

#[test]
fn a_checkpoint_cannot_be_taken_without_a_model() {
    let mut stage = Stage::new(PageId::Train, [1180.0, 3000.0], egui::ThemePreference::Dark);
    stage.tell([data()]);
    stage.tell(over_fitted());
    stage.tell([done(200)]);
    assert!(stage.window.get_by_label("Use checkpoint at step 60").accesskit_node().is_disabled());
}

#[test]
fn the_settings_at_fault_are_one_click_away() {
    let mut stage = ready([1180.0, 800.0]);
    let Event::TrainingStarted(mut summary) = started(200) else { unreachable!() };
    summary.settings = TrainSettings { lr: 0.0, ..TrainSettings::default() };
    stage.tell([Event::TrainingStarted(summary), eval(0, 2.2)]);
    stage.tell((1..=200).map(|at| match step(at, 200) {
        Event::Step(mut record) => {
            record.lr = 0.0;
            Event::Step(record)
        }
        other => other,
    }));
    stage.tell([eval(200, 2.2), done(200)]);
    assert!(has(&stage, "Nothing changed.") && has(&stage, "Likely cause: The learning rate is set to 0."));
    let settings =
        |stage: &Stage| stage.window.query_by_label("How much effort should it take?").map(|node| node.rect().top());
    assert!(settings(&stage).is_none_or(|top| top > 800.0), "the settings are further down");
    click(&mut stage, "Show settings");
    stage.window.run_steps(8);
    assert!(settings(&stage).is_some_and(|top| top < 400.0), "the page shows them: {:?}", settings(&stage));
}

#[test]
fn a_run_that_halted_names_its_good_checkpoint_and_is_not_gone_on_with() {
    let mut stage = tall();
    stage.tell(run_events(50, 200));
    let message = "the loss of step 51 is not a finite number, so training stopped before it could spoil the adapter. The \
                   last good checkpoint is checkpoint-40.";
    stage.tell([Event::Failed { job: hydra_studio::worker::protocol::JobKind::Train, message: message.into() }]);
    assert!(has(&stage, "Training halted before it could spoil the adapter."));
    assert!(has(&stage, "The loss of step 51 is not a finite number"));
    assert!(stage.window.query_by_label("Go on from the last checkpoint").is_none(), "it would halt there again");
    stage.requests();
    click(&mut stage, "Use checkpoint at step 40");
    assert_eq!(stage.requests(), [Request::LoadAdapter { path: PathBuf::from(RUN).join("checkpoint-40") }]);
}

#[test]
fn an_end_before_the_last_step_that_nobody_asked_for_is_early() {
    let mut stage = tall();
    stage.tell(run_events(100, 200));
    let Event::TrainingDone(end) = done(200) else { unreachable!() };
    stage.tell([Event::TrainingDone(TrainingEnd { step: 100, ..end })]);
    assert!(has(&stage, "Training ended early") && has(&stage, "It ended early, at step 100 of 200"));
    assert!(stage.window.query_by_label("Go on training").is_none(), "there is nothing to go on for");
}

#[test]
fn what_a_run_used_is_told_with_its_origin() {
    let mut stage = tall();
    stage.tell(run_events(200, 200));
    let part = |wh, measured| EnergyPart { wh, measured };
    let energy = Energy { cpu: part(9.5, true), gpu: None, ram: part(0.6, false) };
    stage.tell([Event::Usage(UsageRecord {
        step: 200,
        memory_bytes: 1 << 30,
        energy,
        elapsed_s: 1060.0,
        beside_s: 0.0,
    })]);
    stage.tell([done(200)]);
    assert!(has(&stage, "Energy: 10.1 Wh in all: CPU 9.50 Wh (measured), memory 0.600 Wh (estimated)."));
}

#[test]
fn warnings_stand_with_their_step_while_the_run_goes_on_and_after_it() {
    let mut stage = tall();
    stage.tell(run_events(40, 200));
    let warning = |step, message: &str| {
        Event::RunWarning(WarningRecord { step, kind: WarningKind::Memory, message: message.into() })
    };
    stage.tell((1..=5).map(|i| warning(10 * i, &format!("Memory ran short, part {i}."))));
    // Long enough for what stands in the corner to go.
    stage.window.run_steps(60);
    assert!(has(&stage, "Step 50: Memory ran short, part 5.") && has(&stage, "Step 30: Memory ran short, part 3."));
    assert!(!has(&stage, "part 2.") && has(&stage, "2 warnings before that, in the notices."));
    stage.tell([done(200)]);
    assert!(has(&stage, "Step 50: Memory ran short, part 5."));
}

// --- Answers ---

fn sample(step: usize, prompt: usize, answer: &str) -> Event {
    let (question, topic, expected) = match prompt {
        0 => ("What colour is snow?", "colours", "It is white."),
        _ => ("Какого цвета трава?", "цвета", "Она зелёная."),
    };
    Event::Sample(SampleRecord {
        step,
        prompt,
        question: question.into(),
        topic: Some(topic.into()),
        expected: Some(expected.into()),
        answer: answer.into(),
        is_cut: step == 0,
    })
}

fn sampled() -> Stage {
    let mut stage = tall();
    stage.tell(run_events(60, 200));
    let answers = [(0, "Snow is a kind of a kind of"), (20, "It is red."), (40, "It is white."), (60, "It is white.")];
    stage.tell(answers.iter().flat_map(|&(step, answer)| [sample(step, 0, answer), sample(step, 1, "Она красная.")]));
    stage
}

#[test]
fn before_the_first_measure_the_card_says_when_answers_come() {
    let mut stage = tall();
    stage.tell([started(200)]);
    assert!(has(&stage, "The first answers come with the next measure of held-out loss."));
    let Event::TrainingStarted(mut summary) = started(200) else { unreachable!() };
    summary.settings.samples = 0;
    stage.tell([Event::TrainingStarted(summary)]);
    assert!(!has(&stage, "Answers as it learns"), "a run without prompts has nothing to wait for");
}

#[test]
fn one_goes_through_the_measures_with_buttons_and_keys() {
    let mut stage = sampled();
    assert!(has(&stage, "60, measure 4 of 4") && has(&stage, "The same as at step 40"));
    assert!(has(&stage, "Before training") && has(&stage, "Snow is a kind of a kind of") && has(&stage, "… cut here"));
    assert!(stage.window.get_by_label("Next measure").accesskit_node().is_disabled());
    click(&mut stage, "Previous measure");
    assert!(
        has(&stage, "40, measure 3 of 4") && has(&stage, "After step 40") && has(&stage, "Tinted: new since step 20")
    );
    stage.window.get_by_role_and_label(Role::Slider, "Step").focus();
    stage.settle();
    stage.window.key_press(Key::ArrowLeft);
    stage.settle();
    assert!(has(&stage, "20, measure 2 of 4") && has(&stage, "It is red."));
    stage.tell([sample(80, 0, "It is white, always.")]);
    assert!(has(&stage, "20, measure 2 of 5"), "a new answer does not pull one away");
    for _ in 0..3 {
        click(&mut stage, "Next measure");
    }
    assert!(has(&stage, "80, measure 5 of 5"));
    stage.tell([sample(100, 0, "It is white, mostly.")]);
    assert!(has(&stage, "100, measure 6 of 6") && has(&stage, "It is white, mostly."), "the latest is followed");
}

#[test]
fn another_prompt_and_the_expected_answer_are_shown_on_demand() {
    let mut stage = sampled();
    assert!(has(&stage, "Question, topic colours") && !has(&stage, "Она красная."));
    click(&mut stage, "Какого цвета трава?");
    assert!(has(&stage, "Question, topic цвета") && has(&stage, "Она красная."));
    assert!(!has(&stage, "Она зелёная."));
    click(&mut stage, "Show the expected answer");
    assert!(has(&stage, "Она зелёная."));
}

#[test]
fn all_steps_can_be_read_as_a_list() {
    let mut stage = sampled();
    click(&mut stage, "All steps");
    let steps = ["Step 0", "Step 20", "Step 40", "Step 60"];
    assert!(steps.iter().all(|step| stage.window.query_all_by_label(step).next().is_some()));
    assert_eq!(stage.window.query_all_by_label("It is white.").count(), 2);
    stage.tell([started(200)]);
    assert!(!has(&stage, "It is white."), "the answers of another run are gone");
}

// --- Pictures ---

mod pictures {
    use egui::{Theme, Ui};
    use egui_kittest::{Harness, SnapshotResults};
    use hydra_studio::app::pages::train::ending::{Checkpoints, verdict_ui};
    use hydra_studio::app::pages::train::samples::SamplesView;
    use hydra_studio::app::theme;
    use hydra_studio::app::widgets::card::card;
    use hydra_studio::evaluate::verdict::{LoadSample, RunEnd, RunFacts, judge};
    use hydra_studio::train::{EndCause, TopicLoss, TrainSettings};
    use hydra_studio::worker::protocol::Event;

    fn snapshot(name: &str, mut draw: impl FnMut(&mut Ui)) {
        let mut results = SnapshotResults::new();
        for (theme, suffix) in [(Theme::Dark, "dark"), (Theme::Light, "light")] {
            let setup = |ctx: &egui::Context| {
                egui_extras::install_image_loaders(ctx);
                theme::apply(ctx);
            };
            let builder = Harness::builder().with_size([720.0, 500.0]).with_theme(theme).with_context_setup(setup);
            let mut harness = builder.build_ui(&mut draw);
            harness.run_ok();
            harness.fit_contents();
            harness.run_ok();
            harness.snapshot(format!("{name}_{suffix}"));
            results.extend_harness(&mut harness);
        }
    }

    #[test]
    fn a_verdict_of_several_findings() {
        let (mut steps, mut evals, mut checkpoints) = (Vec::new(), Vec::new(), Vec::new());
        for event in super::over_fitted() {
            match event {
                Event::Step(step) => steps.push(step),
                Event::Eval(eval) => evals.push(eval),
                Event::Checkpoint(checkpoint) => checkpoints.push(checkpoint),
                _ => {}
            }
        }
        let topics = |losses: [f64; 3]| {
            let topic =
                |(topic, loss): (&str, f64)| TopicLoss { topic: topic.into(), loss, examples: 12, supervised: 90 };
            ["arithmetic", "dates and units", "reading"].into_iter().zip(losses).map(topic).collect()
        };
        evals[0].topics = topics([2.4, 2.0, 1.8]);
        evals[3].topics = topics([1.1, 1.2, 2.3]);
        let settings = TrainSettings::default();
        let verdict = judge(&RunFacts {
            settings: &settings,
            examples: 60,
            held_out: 100,
            steps: &steps,
            evals: &evals,
            routing: vec![LoadSample { step: 120, load: &[0.94, 0.04, 0.02], collapsed: 1.0 }],
            checkpoints: &checkpoints,
            end: RunEnd { step: 200, steps: 200, cause: EndCause::Finished, message: None },
        });
        let loadable = Checkpoints::default();
        snapshot("verdict", |ui| {
            card(ui, "Training is done", |ui| verdict_ui(ui, &verdict, &loadable).cloned());
        });
    }

    #[test]
    fn answers_that_changed() {
        let long = "Snow is white because its many small faces throw back light of every colour. So what you see is all of \
                    them together, and all of them together are white.";
        let answers =
            [(0, 0, "Snow is snow is snow is"), (50, 0, "Snow is blue because it throws back light."), (100, 0, long)];
        let others = [(0, 1, "Трава это"), (50, 1, "Она зелёная."), (100, 1, "Она зелёная.")];
        let samples: Vec<_> = answers
            .into_iter()
            .chain(others)
            .filter_map(|(step, prompt, answer)| match super::sample(step, prompt, answer) {
                Event::Sample(sample) => Some(sample),
                _ => None,
            })
            .collect();
        let mut view = SamplesView::default();
        snapshot("samples", |ui| view.ui(ui, 1, &samples, ""));
    }
}
