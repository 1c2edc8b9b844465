//! What is done to the heads of each side: of the adapter at hand, or of two adapters of the user's choice. Of those in
//! folders the worker is asked how many heads they have.

use std::path::PathBuf;

use egui::Ui;

use crate::adapter::AdapterSpec;
use crate::app::pages::PageContext;
use crate::app::state::HeadNames;
use crate::app::toasts::Level;
use crate::app::widgets::buttons;
use crate::app::widgets::notes::callout;
use crate::worker::protocol::Request;

use super::mixer::Mixer;
use super::mixer_ui::mixer_ui;
use super::sides::{SideChoice, SidesForm};

/// A folder that is being typed is asked about once it has stood for so long, in seconds.
const PAUSE_S: f64 = 0.4;

/// The sliders of every side.
#[derive(Debug, Default)]
pub struct Mixers {
    /// Those of the adapter at hand, where it answers alone or beside the base model.
    pub active: Mixer,
    /// Those of two adapters side by side, left and right.
    pub two: [Mixer; 2],
}

impl Mixers {
    /// Whether any head is changed of what `choice` has answer.
    pub fn are_changed(&self, choice: SideChoice) -> bool {
        let is_changed = |mixer: &Mixer| !mixer.heads.is_empty() && !mixer.mix().is_at_rest();
        match choice {
            SideChoice::TwoAdapters => self.two.iter().any(is_changed),
            _ => is_changed(&self.active),
        }
    }
}

/// What is known of one of two adapters.
enum Known<'a> {
    /// No folder is chosen.
    Nothing,
    Reading,
    Failed(&'a str),
    Spec(&'a AdapterSpec),
}

/// The heads of two adapters: whose are shown, and which folders were asked about.
#[derive(Debug, Default)]
pub struct SideHeads {
    shown: usize,
    asked: [Option<PathBuf>; 2],
    /// The folder of each side as it is chosen, and since when.
    chosen: [Option<(PathBuf, f64)>; 2],
}

impl SideHeads {
    /// Brings the sliders of both sides into line with their adapters, and asks what is not known of them.
    pub fn update(
        &mut self,
        ui: &Ui,
        cx: &PageContext<'_>,
        (sides, two): (&SidesForm, &mut [Mixer; 2]),
        (active, layers): (Option<&AdapterSpec>, usize),
    ) {
        for (column, mixer) in two.iter_mut().enumerate() {
            self.ask(ui, cx, column, sides.folder(column));
            match known(cx, sides, column, active) {
                Known::Spec(spec) => mixer.fit(spec, layers),
                _ => *mixer = Mixer::default(),
            }
        }
    }

    fn ask(&mut self, ui: &Ui, cx: &PageContext<'_>, column: usize, folder: Option<PathBuf>) {
        let (Some(asked), Some(chosen)) = (self.asked.get_mut(column), self.chosen.get_mut(column)) else { return };
        let now = ui.input(|input| input.time);
        let Some(folder) = folder else {
            (*asked, *chosen) = (None, None);
            return;
        };
        let since = match chosen {
            Some((path, since)) if *path == folder => *since,
            _ => now,
        };
        *chosen = Some((folder.clone(), since));
        if asked.as_ref() == Some(&folder) {
            return;
        }
        if now - since < PAUSE_S {
            ui.ctx().request_repaint_after(std::time::Duration::from_secs_f64(PAUSE_S));
            return;
        }
        *asked = Some(folder.clone());
        cx.request(Request::DescribeAdapter { path: folder });
    }

    /// What the adapter whose heads are shown is made of, where that is known.
    pub fn shown_spec<'a>(
        &self,
        cx: &PageContext<'a>,
        sides: &SidesForm,
        active: Option<&'a AdapterSpec>,
    ) -> Option<&'a AdapterSpec> {
        match known(cx, sides, self.shown, active) {
            Known::Spec(spec) => Some(spec),
            _ => None,
        }
    }

    /// Draws the sliders of one side, and the choice between the two.
    pub fn ui(
        &mut self,
        ui: &mut Ui,
        cx: &PageContext<'_>,
        (sides, two): (&SidesForm, &mut [Mixer; 2]),
        (active, layers): (Option<&AdapterSpec>, usize),
    ) {
        buttons::segmented(ui, &mut self.shown, &[(0, "Left"), (1, "Right")]);
        let Some(mixer) = two.get_mut(self.shown) else { return };
        match known(cx, sides, self.shown, active) {
            Known::Nothing => drop(ui.weak("Choose the folder of this adapter, and its heads stand here.")),
            Known::Reading => drop(ui.weak("Looking how many heads it has…")),
            Known::Failed(message) => callout(ui, Level::Warning, message),
            Known::Spec(spec) if spec.heads < 2 => drop(ui.weak("This adapter has one head: there is none to mix.")),
            Known::Spec(spec) => {
                let names = names(cx, sides, self.shown);
                ui.push_id(("heads of side", self.shown), |ui| mixer_ui(ui, mixer, (spec, names), layers));
            }
        }
    }
}

fn known<'a>(cx: &PageContext<'a>, sides: &SidesForm, column: usize, active: Option<&'a AdapterSpec>) -> Known<'a> {
    if sides.is_active(column) {
        return active.map_or(Known::Nothing, Known::Spec);
    }
    let Some(folder) = sides.folder(column) else { return Known::Nothing };
    match cx.state.gates.described(&folder) {
        None => Known::Reading,
        Some(Ok(spec)) => Known::Spec(spec),
        Some(Err(message)) => Known::Failed(message),
    }
}

fn names<'a>(cx: &PageContext<'a>, sides: &SidesForm, column: usize) -> &'a HeadNames {
    match sides.folder(column) {
        Some(folder) => cx.state.gates.names(Some(&folder)),
        None => cx.state.head_names(),
    }
}
