//! The tab that replays how routing formed: the grid of one moment of the run, a slider over all of them, and play. While
//! the run is on, new moments come by themselves.

use std::cell::Cell;
use std::time::Duration;

use egui::{Slider, Ui};

use crate::app::icons::Icon;
use crate::app::pages::PageContext;
use crate::app::state::{HeadNames, Replay};
use crate::app::theme::{Tokens, space};
use crate::app::widgets::buttons;
use crate::app::widgets::card::{card, card_with_actions};
use crate::app::widgets::chart_export::save_menu;
use crate::app::widgets::figures::{count, percent};
use crate::app::widgets::notes::{JobAction, job_progress};
use crate::app::widgets::slider::slider;
use crate::inspect::{FrameOrigin, GateFrame};
use crate::worker::protocol::{JobKind, Request};

use super::comparing::difference_words;
use super::digest::{Choice, leader};
use super::drill::LayerCard;
use super::grid::{GridView, LayerGrid};
use super::grid_data::GridData;
use super::tokens::head_legend_ui;

/// Time that a moment is shown while the run is played, in seconds.
const FRAME_S: f64 = 0.35;

/// What the grids were made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Key {
    replay: usize,
    origin: FrameOrigin,
    at: usize,
}

/// The tab of a run's moments.
pub struct FormedTab {
    origin: FrameOrigin,
    /// The moment in sight, among those of `origin`; `usize::MAX` stays with the newest, whichever that is.
    at: usize,
    /// When the moment in sight came, while the run is played.
    playing_since: Option<f64>,
    is_change: bool,
    choice: Choice,
    key: Option<Key>,
    revision: u64,
    first: GridData,
    now: GridData,
    /// The largest mean gate of all moments, and the largest change since the first.
    most: (f32, f32),
    words: String,
    /// What has changed since the first moment.
    change_words: String,
    /// The names that the words were made with.
    names: HeadNames,
    grid: LayerGrid,
    layer: LayerCard,
}

impl Default for FormedTab {
    fn default() -> Self {
        Self {
            origin: FrameOrigin::HeldOut,
            at: usize::MAX,
            playing_since: None,
            is_change: false,
            choice: Choice::default(),
            key: None,
            revision: 0,
            first: GridData::default(),
            now: GridData::default(),
            most: (0.0, 0.0),
            words: String::new(),
            change_words: String::new(),
            names: HeadNames::default(),
            grid: LayerGrid::default(),
            layer: LayerCard::default(),
        }
    }
}

impl FormedTab {
    /// Draws the tab.
    pub fn ui(&mut self, ui: &mut Ui, cx: &PageContext<'_>) {
        let replay = &cx.state.gates.replay;
        let is_of_adapter = cx.state.adapter_path() == Some(replay.run.as_path());
        if replay.frames.is_empty() || !is_of_adapter {
            nothing_ui(ui, cx);
            return;
        }
        let (held_out, training) = (frames(replay, FrameOrigin::HeldOut), frames(replay, FrameOrigin::Training));
        if frames(replay, self.origin).is_empty() {
            self.origin = if held_out.is_empty() { FrameOrigin::Training } else { FrameOrigin::HeldOut };
        }
        let is_both = !held_out.is_empty() && !training.is_empty();
        let frames = if self.origin == FrameOrigin::HeldOut { held_out } else { training };
        self.play(ui, frames.len());
        self.update(cx.state.gates.replay_count, &frames, cx.state.head_names());
        self.card_ui(ui, cx, &frames, is_both);
    }

    /// Goes on to the next moment when it is time, while the run is played.
    fn play(&mut self, ui: &Ui, count: usize) {
        let last = count.saturating_sub(1);
        let Some(since) = self.playing_since else { return };
        let now = ui.input(|input| input.time);
        if now - since >= FRAME_S {
            let at = self.place(count);
            self.playing_since = (at < last).then_some(now);
            self.at = if at + 1 >= last { usize::MAX } else { at + 1 };
        }
        ui.ctx().request_repaint_after(Duration::from_secs_f64(FRAME_S / 2.0));
    }

    /// The moment in sight among `count`.
    fn place(&self, count: usize) -> usize {
        self.at.min(count.saturating_sub(1))
    }

    fn update(&mut self, replay: usize, frames: &[&GateFrame], names: &HeadNames) {
        let key = Key { replay, origin: self.origin, at: self.place(frames.len()) };
        if self.key == Some(key) && self.names == *names {
            return;
        }
        let (Some(first), Some(now)) = (frames.first(), frames.get(key.at)) else { return };
        if self.key.is_none_or(|old| (old.replay, old.origin) != (replay, self.origin)) {
            self.first = GridData::of_frame(first);
            self.most = extremes(first, frames);
        }
        self.now = GridData::of_frame(now);
        self.words = moment_words(now, names);
        self.change_words = difference_words("Since the first moment", &self.first, &self.now, names);
        self.names = names.clone();
        self.key = Some(key);
        self.revision += 1;
    }

    fn card_ui(&mut self, ui: &mut Ui, cx: &PageContext<'_>, frames: &[&GateFrame], is_both: bool) {
        let format = Cell::new(None);
        let picked = card_with_actions(
            ui,
            "How routing formed",
            |ui| format.set(save_menu(ui, "the grid", true)),
            |ui| {
                self.controls_ui(ui, cx, frames, is_both);
                let names = cx.state.head_names();
                if let Some(frame) = frames.get(self.place(frames.len())) {
                    head_legend_ui(ui, names, &frame.load, "Mean gate over all tokens and modules at this step");
                }
                let before = self.is_change.then_some(&self.first);
                let words = match before {
                    Some(_) => format!("{} {}", self.words, self.change_words),
                    None => self.words.clone(),
                };
                let view = GridView {
                    title: "How routing formed",
                    words: &words,
                    data: &self.now,
                    before,
                    sides: ["at first", "now"],
                    most: Some(if self.is_change { self.most.1 } else { self.most.0 }),
                    revision: self.revision,
                    names,
                    choice: self.choice,
                };
                let picked = self.grid.ui(ui, &view, |_| {});
                if let Some(format) = format.take() {
                    cx.save_chart(self.grid.export(format, &view, Tokens::of(ui)));
                }
                ui.add_space(space::XS);
                ui.label(&words);
                self.layer.ui(ui, cx, (self.revision, &self.now), &mut self.choice);
                picked
            },
        );
        if let Some(spot) = picked {
            self.choice.toggle(spot.choice());
        }
    }

    fn controls_ui(&mut self, ui: &mut Ui, cx: &PageContext<'_>, frames: &[&GateFrame], is_both: bool) {
        ui.horizontal_wrapped(|ui| {
            if is_both {
                let choices =
                    [(FrameOrigin::HeldOut, "Held-out examples"), (FrameOrigin::Training, "What it trained on")];
                if buttons::segmented(ui, &mut self.origin, &choices) {
                    self.at = usize::MAX;
                    self.playing_since = None;
                }
            }
            ui.checkbox(&mut self.is_change, "Change since the first");
        });
        ui.horizontal(|ui| {
            let is_playing = self.playing_since.is_some();
            let (icon, name) =
                if is_playing { (Icon::Pause, "Pause the replay") } else { (Icon::Play, "Play the run") };
            let pressed = ui.add_enabled_ui(frames.len() > 1, |ui| icon.small_button(ui, name)).inner.clicked();
            if pressed {
                self.playing_since = (!is_playing).then(|| ui.input(|input| input.time));
                if !is_playing && self.place(frames.len()) + 1 >= frames.len() {
                    self.at = 0;
                }
            }
            let last = frames.len().saturating_sub(1);
            let mut at = self.place(frames.len());
            let step = frames.get(at).map_or(0, |frame| frame.step);
            let steps = cx.state.active_run().map(|run| run.summary.steps);
            let of = steps.map_or_else(String::new, |steps| format!(" of {}", count(steps)));
            let label = ui.label(format!("Step {}{of}", count(step)));
            ui.spacing_mut().slider_width = (ui.available_width() - space::XL).max(100.0);
            let steps = Slider::new(&mut at, 0..=last).show_value(false);
            let moved = ui.add_enabled_ui(last > 0, |ui| slider(ui, steps)).inner;
            if moved.labelled_by(label.id).changed() {
                self.at = if at == last { usize::MAX } else { at };
                self.playing_since = None;
            }
        });
    }
}

fn frames(replay: &Replay, origin: FrameOrigin) -> Vec<&GateFrame> {
    replay.frames.iter().filter(|frame| frame.origin == origin).collect()
}

/// The largest mean gate of all moments, and the largest change since the first.
fn extremes(first: &GateFrame, frames: &[&GateFrame]) -> (f32, f32) {
    let (mut most, mut change) = (0.0f32, 0.0f32);
    for frame in frames {
        for (now, then) in frame.modules.iter().zip(&first.modules) {
            for (now, then) in now.mean.iter().zip(&then.mean) {
                most = most.max(*now);
                change = change.max((now - then).abs());
            }
        }
    }
    (most, change)
}

fn moment_words(frame: &GateFrame, names: &HeadNames) -> String {
    let tokens = match frame.origin {
        FrameOrigin::HeldOut => "over the held-out examples",
        FrameOrigin::Training => "over the examples that it trained on just then",
    };
    let leader = leader(&frame.load).map_or_else(String::new, |(head, load)| {
        format!("{} has the largest mean gate, {load:.3} where an even share is {:.3}", names.title(head), even(frame))
    });
    format!(
        "At step {}, {tokens}: {leader}; the gates have {} of the largest possible entropy.",
        count(frame.step),
        percent(frame.entropy.into())
    )
}

fn even(frame: &GateFrame) -> f32 {
    1.0 / frame.load.len().max(1) as f32
}

fn nothing_ui(ui: &mut Ui, cx: &PageContext<'_>) {
    card(ui, "How routing formed", |ui| {
        if let Some(job) = cx.state.job(JobKind::Replay) {
            if job_progress(ui, job) == JobAction::Cancel {
                cx.request(Request::Cancel { job: JobKind::Replay });
            }
        } else if let Some(message) = cx.state.failure(JobKind::Replay) {
            ui.label(message);
        } else if cx.state.active_run().is_some() {
            ui.label("The run has not told of its gates yet. They come with its first measure.");
        } else {
            ui.label(
                "The folder of this adapter keeps no record of how its gates formed. Train an adapter, and it is seen here \
                 while it trains and afterwards.",
            );
        }
    });
}
