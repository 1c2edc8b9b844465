//! The queue, the forms that fill it, and the comparison, with the test in the place of the worker.

#[path = "ui_shell/fixtures.rs"]
#[allow(dead_code, reason = "shared with the tests of the whole window")]
mod fixtures;
#[path = "ui_queue/stage.rs"]
mod stage;

use egui::{Key, Modifiers, Role, ThemePreference, vec2};
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use fixtures::{Fixture, data, model, started, step};
use hydra_studio::adapter::Method;
use hydra_studio::project::{QueueMode, QueueSummary, QueuedId, RunOrder, Shift};
use hydra_studio::train::Length;
use hydra_studio::worker::protocol::{Event, QueueView, Request};
use stage::{GROUP, list, queue};

const CTRL: Modifiers = Modifiers::COMMAND;

impl Fixture {
    fn tall(theme: ThemePreference) -> Self {
        let mut f = Fixture::with(theme, []);
        f.window.set_size(vec2(1280.0, 1900.0));
        f
    }

    /// The Train page with model and data.
    fn on_train() -> Self {
        let mut f = Fixture::tall(ThemePreference::Dark);
        f.tell([model(), data()]);
        f.press(CTRL, Key::Num4);
        f.asked();
        f
    }

    /// A view of the Runs page.
    fn on_view(theme: ThemePreference, view: &str) -> Self {
        let mut f = Fixture::tall(theme);
        f.press(CTRL, Key::Num8);
        f.click(Role::Button, view);
        f.asked();
        f
    }

    fn click(&mut self, role: Role, label: &str) {
        self.window.get_by_role_and_label(role, label).click();
        self.window.run();
    }

    fn shows(&self, text: &str) -> bool {
        self.window.query_all_by_label_contains(text).next().is_some()
    }

    fn enqueued(&self) -> Vec<RunOrder> {
        let runs = self.asked().into_iter().filter_map(|request| match request {
            Request::Enqueue { runs } => Some(runs),
            _ => None,
        });
        runs.flatten().collect()
    }
}

#[test]
fn a_run_is_added_to_the_queue_in_place_of_starting_it() {
    let mut f = Fixture::on_train();
    f.click(Role::Button, "Add to the queue");
    let [run] = &f.enqueued()[..] else { panic!("one run is added") };
    assert_eq!((run.model.to_str(), run.group.as_deref()), (Some("/home/ada/models/SmolLM2-135M-Instruct"), None));
    assert_eq!(run.data, [std::path::PathBuf::from("/home/ada/tickets.csv")]);
    assert!(run.out.starts_with(stage::FOLDER) && run.out.ends_with(&run.title), "{run:?}");
    assert_eq!(run.settings.validate(), Ok(()));

    f.tell([Event::Queue(QueueView::default()), queue(QueueMode::Held)]);
    assert!(f.shows("Added 3 runs to the queue. Start the queue on the Runs page"));
}

#[test]
fn methods_are_compared_in_one_click_with_nothing_else_changed() {
    let mut f = Fixture::on_train();
    f.click(Role::Button, "Compare methods…");
    assert!(f.shows("LoRA, rank 32") && f.shows("HydraLoRA without gate, rank 8, 3 heads") && f.shows("7 runs,"));
    f.click(Role::Button, "Compare methods");
    let asked = f.asked();
    let [Request::Enqueue { runs }, Request::StartQueue] = &asked[..] else { panic!("{asked:?}") };
    let methods: Vec<_> = runs.iter().map(|run| (run.settings.method, run.settings.rank)).collect();
    let lora = [8, 16, 32].map(|rank| (Method::Lora, rank));
    assert_eq!(methods[1..4], lora);
    assert_eq!(methods.len(), 7);
    let first = &runs[0];
    for run in runs {
        let mut settings = run.settings.clone();
        (settings.method, settings.rank, settings.heads) =
            (first.settings.method, first.settings.rank, first.settings.heads);
        assert_eq!((settings, &run.group), (first.settings.clone(), &first.group));
    }
    assert!(first.group.as_deref().unwrap().starts_with("Methods "));
    assert!(first.out.to_str().unwrap().ends_with("-methods-hydralora-r8-h3"), "{:?}", first.out);
}

#[test]
fn a_sweep_says_how_many_runs_and_steps_it_comes_to_and_adds_them() {
    let mut f = Fixture::on_train();
    f.click(Role::Button, "Compare methods…");
    f.click(Role::CheckBox, "Rank: 16");
    f.click(Role::CheckBox, "Method: LoRA");
    f.click(Role::CheckBox, "Heads: 4");
    // HydraLoRA with two ranks and two numbers of heads, LoRA with two ranks.
    f.click(Role::Button, "Add 6 runs to the queue");
    let runs = f.enqueued();
    let steps = runs.iter().map(|run| run.settings.total_steps(1140)).sum::<usize>();
    assert!(f.shows(&format!("6 runs, {steps} steps in all.")) || f.shows(&format!("6 runs, {}", with_commas(steps))));
    assert!(matches!(runs[0].settings.length, Length::Epochs(_) | Length::Steps(_)));
    let shapes: Vec<_> = runs.iter().map(|run| (run.settings.method, run.settings.rank, run.settings.heads)).collect();
    let hydra = |rank, heads| (Method::HydraLora, rank, heads);
    let lora = |rank| (Method::Lora, rank, 1);
    assert_eq!(shapes, [hydra(8, 3), hydra(8, 4), hydra(16, 3), hydra(16, 4), lora(8), lora(16)]);

    f.click(Role::CheckBox, "Method: LoRA");
    f.click(Role::CheckBox, "Method: HydraLoRA");
    assert!(f.shows("Choose at least one method."));
}

fn with_commas(value: usize) -> String {
    hydra_studio::app::widgets::figures::count(value)
}

#[test]
fn the_queue_tells_of_every_run_and_takes_every_order() {
    let mut f = Fixture::on_view(ThemePreference::Dark, "Queue");
    assert!(f.shows("No run waits") && f.shows("Line up runs for the night"));
    f.tell([queue(QueueMode::Held), started(900)]);
    f.tell((1..=30).map(|i| step(i, 900)));
    for text in
        ["Done", "Failed", "Stopped", "Running", "Interrupted", "Waiting", "no such file", "Saved after 120 steps"]
    {
        assert!(f.shows(text), "{text}");
    }
    assert!(!f.shows("Step 30 of 900, 58 min 00 s left, paused") && f.shows("Step 30 of 900"));
    assert!(f.shows("3 runs wait. The queue is held: the run under way is the last."));
    assert!(f.shows("HydraLoRA, 3 heads, rank 8, 1 epoch, learning rate 2e-4, seed 42"));
    f.asked();
    let orders = [
        ("Start the queue", Request::StartQueue),
        ("Remove LoRA, rank 16", Request::RemoveQueued { id: QueuedId(2) }),
        ("Try LoRA, rank 16 again", Request::RetryQueued { id: QueuedId(2) }),
        ("Move LoRA-MoE, rank 8, 3 heads up", Request::MoveQueued { id: QueuedId(6), way: Shift::Up }),
        ("Move LoRA-Split, rank 8, 3 heads down", Request::MoveQueued { id: QueuedId(5), way: Shift::Down }),
        ("Remove finished", Request::RemoveQueued { id: QueuedId(1) }),
        ("Stop and save tickets, and hold the queue", Request::StopAndSave),
    ];
    for (button, request) in orders {
        f.click(Role::Button, button);
        assert_eq!(f.asked(), [request], "{button}");
    }
    for (button, is_off) in [
        ("Move LoRA-Split, rank 8, 3 heads up", true),
        ("Move LoRA-Split, rank 8, 3 heads down", false),
        ("Move LoRA-MoE, rank 8, 3 heads down", false),
        ("Move HydraLoRA without gate, rank 8, 3 heads up", false),
        ("Move HydraLoRA without gate, rank 8, 3 heads down", true),
    ] {
        let node = f.window.get_by_role_and_label(Role::Button, button);
        assert_eq!(node.accesskit_node().is_disabled(), is_off, "{button}");
    }
    f.tell([queue(QueueMode::Going)]);
    f.click(Role::Button, "Hold the queue");
    assert_eq!(f.asked(), [Request::HoldQueue]);
}

#[test]
fn what_an_earlier_start_left_and_how_the_queue_ended_is_said() {
    let mut f = Fixture::new();
    f.tell([queue(QueueMode::Held)]);
    assert!(f.shows("The program ended while the queued run LoRA-Split, rank 8, 3 heads was on"));
    let failed = vec![("LoRA, rank 16".to_owned(), "no such file".to_owned())];
    f.tell([Event::QueueEnded(QueueSummary { done: 2, failed, stopped: 0, pending: 0 })]);
    assert!(f.shows("2 runs finished, 1 failed. LoRA, rank 16: no such file"));
    f.press(CTRL, Key::Num8);
    f.click(Role::Button, "Queue (3)");
    let problem = Some("another window of Hydra Studio works on the queue".to_owned());
    f.tell([Event::Queue(QueueView { problem, ..QueueView::default() })]);
    assert!(f.shows("another window"));
}

#[test]
fn the_window_stays_until_the_queue_is_done() {
    let mut f = Fixture::new();
    f.tell([queue(QueueMode::Going)]);
    let viewport = f.window.input_mut().viewports.entry(egui::ViewportId::ROOT).or_default();
    viewport.events.push(egui::ViewportEvent::Close);
    f.window.run();
    assert!(f.shows("A run is still on"));
}

#[test]
fn the_latest_group_is_set_side_by_side_and_its_best_are_marked() {
    let mut f = Fixture::on_view(ThemePreference::Dark, "Comparison");
    f.tell([Event::Runs(list())]);
    for best in ["1.247, best", "2.44 M, best", "49 min 40 s, best"] {
        assert!(f.window.query_all_by_label(best).next().is_some(), "{best}");
    }
    assert!(f.shows("LoRA-MoE (stopped)") && f.shows("4.20 %") && f.shows("~43.0 Wh"));
    assert!(!f.shows("differ in more than the method"));
    let bars = f.window.query_all_by_label_contains(": held-out loss ").count();
    assert_eq!(bars, 7);
    assert!(f.shows("HydraLoRA, rank 8, 3 heads: held-out loss 1.247, best"));
    assert!(f.shows("HydraLoRA, rank 8, 3 heads: 5.65 M, 1.25"), "the scatter is told in words");
    let text = list().runs.iter().filter(|run| run.notes.tags == [GROUP]).count();
    assert_eq!(text, 7);
}

/// The best losses of four runs in the table, from the top.
fn order(f: &Fixture) -> Vec<&'static str> {
    let mut rows: Vec<(f32, &'static str)> = Vec::new();
    for loss in ["1.247, best", "1.276", "1.281", "1.334"] {
        rows.push((f.window.get_by_label(loss).rect().top(), loss));
    }
    rows.sort_by(|a, b| a.0.total_cmp(&b.0));
    rows.into_iter().map(|(_, loss)| loss).collect()
}

#[test]
fn the_table_is_sorted_by_any_column_either_way() {
    let mut f = Fixture::on_view(ThemePreference::Dark, "Comparison");
    f.tell([Event::Runs(list())]);
    let (hydra, split, wide, narrow) = ("1.247, best", "1.276", "1.281", "1.334");
    assert_eq!(order(&f), [hydra, split, wide, narrow]);
    f.click(Role::Button, "Sort by With router");
    assert_eq!(order(&f), [narrow, hydra, split, wide]);
    f.click(Role::Button, "Sort by With router");
    assert_eq!(order(&f), [wide, split, hydra, narrow]);
}

#[test]
fn runs_that_differ_in_more_than_the_method_are_warned_of() {
    let mut f = Fixture::on_view(ThemePreference::Dark, "Comparison");
    f.tell([Event::Runs(list())]);
    f.window.get_by_label("Choose run by run").click();
    f.window.run();
    f.click(Role::CheckBox, "long-ago");
    assert!(f.shows("These runs differ in more than the method: seed."));
    f.click(Role::CheckBox, "long-ago");
    assert!(!f.shows("differ in more than the method"));
}

#[test]
fn the_table_is_taken_away_as_csv() {
    let mut f = Fixture::on_view(ThemePreference::Dark, "Comparison");
    f.tell([Event::Runs(list())]);
    f.click(Role::Button, "Save as CSV");
    let asked = f.asked();
    let [Request::SaveTable { path, text }] = &asked[..] else { panic!("{asked:?}") };
    assert!(path.ends_with("methods-2026-11-25-16-40.csv"), "{path:?}");
    assert_eq!(text.lines().count(), 8);
    assert!(text.lines().nth(1).unwrap().contains(",hydralora,8,3,1,0.0002,5260800,393120,5653920,"), "{text}");
    f.tell([Event::TableSaved { path: path.clone() }]);
    assert!(f.shows("Saved the table to"));
}

#[test]
fn the_views_look_as_drawn_in_both_themes() {
    let mut results = egui_kittest::SnapshotResults::new();
    for (theme, name) in [(ThemePreference::Dark, "dark"), (ThemePreference::Light, "light")] {
        let mut f = Fixture::on_view(theme, "Comparison");
        f.tell([Event::Runs(list())]);
        f.window.set_size(vec2(1280.0, 1290.0));
        f.window.run();
        results.add(f.window.try_snapshot(format!("comparison_{name}")));
        let mut f = Fixture::tall(theme);
        f.tell([model(), data(), Event::Queue(QueueView::default())]);
        f.press(CTRL, Key::Num4);
        f.click(Role::Button, "Compare methods…");
        f.tell([queue(QueueMode::Going), started(900)]);
        f.tell((1..=30).map(|i| step(i, 900)));
        f.window.set_size(vec2(1280.0, 1480.0));
        f.window.run();
        results.add(f.window.try_snapshot(format!("queue_{name}")));
    }
}
