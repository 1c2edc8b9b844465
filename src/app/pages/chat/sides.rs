//! Who answers: the base model, the adapter, both side by side, or two adapters of the user's choice.

use std::path::PathBuf;

use egui::{ComboBox, RichText, Ui};

use crate::app::commands::SystemCommand;
use crate::app::pages::PageContext;
use crate::app::picker::PickPurpose;
use crate::app::theme::{Tokens, space};
use crate::app::widgets::buttons;
use crate::app::widgets::figures::file_name;
use crate::app::widgets::path_field::{PathAction, path_field, typed_path};
use crate::worker::protocol::Side;

use super::mixer::Mixer;
use super::side_heads::Mixers;

/// Which answers stand side by side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SideChoice {
    Base,
    Adapter,
    Both,
    TwoAdapters,
}

impl SideChoice {
    /// Every choice with its name, in the order of the control.
    const CHOICES: [(Self, &str); 4] = [
        (Self::Base, "Base model"),
        (Self::Adapter, "Adapter"),
        (Self::Both, "Base and adapter"),
        (Self::TwoAdapters, "Two adapters"),
    ];

    fn needs_adapter(self) -> bool {
        matches!(self, Self::Adapter | Self::Both)
    }
}

/// One of two adapters.
#[derive(Clone, Debug, PartialEq, Eq)]
enum AdapterChoice {
    /// The one in training, or the one that is loaded.
    Active,
    Checkpoint(PathBuf),
    /// That of the folder that is typed.
    Folder,
}

/// An answer to ask for: who gives it, as it is shown, and what it is held against.
#[derive(Clone, Debug, PartialEq)]
pub struct AskedSide {
    pub name: String,
    pub side: Side,
    pub against: Option<Side>,
}

/// The choice of sides.
#[derive(Debug)]
pub struct SidesForm {
    /// `None` until the user chooses.
    chosen: Option<SideChoice>,
    two: [AdapterChoice; 2],
    /// The folders that are typed for the two.
    typed: [String; 2],
}

impl Default for SidesForm {
    fn default() -> Self {
        let two = [AdapterChoice::Active, AdapterChoice::Folder];
        Self { chosen: None, two, typed: Default::default() }
    }
}

impl SidesForm {
    /// What is compared: what the user chose where that can be, else base and adapter, or the base model alone.
    pub fn choice(&self, has_adapter: bool) -> SideChoice {
        let usual = if has_adapter { SideChoice::Both } else { SideChoice::Base };
        self.chosen.filter(|chosen| has_adapter || !chosen.needs_adapter()).unwrap_or(usual)
    }

    /// The answers to ask for; `Err` says what is missing. While heads are changed the adapter as trained stands beside
    /// them, so that the change is seen.
    pub fn asked(&self, has_adapter: bool, mixers: &Mixers) -> Result<Vec<AskedSide>, String> {
        let side = |name: &str, side| AskedSide { name: name.to_owned(), side, against: None };
        let base = || side("Base model", Side::Base);
        let choice = self.choice(has_adapter);
        if choice.needs_adapter() && mixers.are_changed(choice) {
            return Ok(with_heads(&mixers.active));
        }
        Ok(match choice {
            SideChoice::Base => vec![base()],
            SideChoice::Adapter => vec![side("Adapter", Side::adapter())],
            SideChoice::Both => vec![base(), side("Adapter", Side::adapter())],
            SideChoice::TwoAdapters => {
                let two = mixers.two.iter().enumerate();
                two.map(|(column, mixer)| self.one_of_two(column, has_adapter, mixer)).collect::<Result<_, _>>()?
            }
        })
    }

    /// An adapter of the two, with what is done to its heads; then it is held against itself as trained.
    fn one_of_two(&self, column: usize, has_adapter: bool, mixer: &Mixer) -> Result<AskedSide, String> {
        let place = if column == 0 { "left" } else { "right" };
        let (name, trained) = if self.is_active(column) {
            if !has_adapter {
                return Err(format!("No adapter is loaded: choose another for the {place}."));
            }
            ("Adapter".to_owned(), Side::adapter())
        } else {
            let path =
                self.folder(column).ok_or_else(|| format!("Choose the folder of the adapter on the {place}."))?;
            (name_of(&path), Side::Folder { path, mix: Default::default() })
        };
        let mix = mixer.mix();
        if mixer.heads.is_empty() || mix.is_at_rest() {
            return Ok(AskedSide { name, side: trained, against: None });
        }
        let side = match &trained {
            Side::Folder { path, .. } => Side::Folder { path: path.clone(), mix },
            _ => Side::Adapter { mix },
        };
        Ok(AskedSide { name: format!("{name}, {}", mixer.words()), side, against: Some(trained) })
    }

    /// Whether one of the two is the adapter at hand.
    pub fn is_active(&self, column: usize) -> bool {
        self.two.get(column) == Some(&AdapterChoice::Active)
    }

    /// The folder of one of the two, where it is of a folder and that is chosen.
    pub fn folder(&self, column: usize) -> Option<PathBuf> {
        match self.two.get(column)? {
            AdapterChoice::Active => None,
            AdapterChoice::Checkpoint(path) => Some(path.clone()),
            AdapterChoice::Folder => typed_path(self.typed.get(column)?),
        }
    }

    /// Takes the folder that a dialog gave.
    pub fn take_folder(&mut self, column: usize, path: &std::path::Path) {
        if let (Some(choice), Some(typed)) = (self.two.get_mut(column), self.typed.get_mut(column)) {
            *choice = AdapterChoice::Folder;
            *typed = path.display().to_string();
        }
    }

    /// The control, in a row.
    pub fn ui(&mut self, ui: &mut Ui, has_adapter: bool) {
        let mut choice = self.choice(has_adapter);
        let can = |choice: SideChoice| has_adapter || !choice.needs_adapter();
        let choices: Vec<_> = SideChoice::CHOICES.into_iter().filter(|(choice, _)| can(*choice)).collect();
        if buttons::segmented(ui, &mut choice, &choices) {
            self.chosen = Some(choice);
        }
    }

    /// The choice of the two adapters, where there are two to choose.
    pub fn adapters_ui(&mut self, ui: &mut Ui, cx: &PageContext<'_>, has_adapter: bool) {
        if self.choice(has_adapter) != SideChoice::TwoAdapters {
            return;
        }
        ui.columns_const(|columns: &mut [Ui; 2]| {
            for (column, ui) in columns.iter_mut().enumerate() {
                self.adapter_ui(ui, cx, column, has_adapter);
            }
        });
        ui.add_space(space::XS);
    }

    fn adapter_ui(&mut self, ui: &mut Ui, cx: &PageContext<'_>, column: usize, has_adapter: bool) {
        let (Some(choice), Some(typed)) = (self.two.get_mut(column), self.typed.get_mut(column)) else { return };
        let name = if column == 0 { "Left adapter" } else { "Right adapter" };
        let label = ui.label(RichText::new(name).small().color(Tokens::of(ui).text_weak));
        let shown = match choice {
            AdapterChoice::Active => "The adapter at hand".to_owned(),
            AdapterChoice::Checkpoint(path) => file_name(path),
            AdapterChoice::Folder => "A folder".to_owned(),
        };
        let combo = ComboBox::from_id_salt(("chat adapter", column))
            .selected_text(shown)
            .icon(buttons::chevron)
            .width(ui.available_width() - space::S)
            .show_ui(ui, |ui| {
                if has_adapter {
                    ui.selectable_value(choice, AdapterChoice::Active, "The adapter at hand");
                }
                for path in checkpoints(cx) {
                    let name = file_name(&path);
                    ui.selectable_value(choice, AdapterChoice::Checkpoint(path), name);
                }
                ui.selectable_value(choice, AdapterChoice::Folder, "A folder");
            });
        combo.response.labelled_by(label.id);
        if *choice == AdapterChoice::Folder {
            let field = format!("Folder of the {}", name.to_lowercase());
            let action = path_field(ui, &field, "/path/to/adapter, run or checkpoint", typed, &["Browse…"]);
            if matches!(action, PathAction::Browse(_)) {
                cx.send(SystemCommand::Pick(PickPurpose::ChatAdapter(column)));
            }
        }
    }
}

/// The adapter as trained, and with its heads changed.
pub fn with_heads(mixer: &Mixer) -> Vec<AskedSide> {
    let trained = AskedSide { name: "Adapter as trained".to_owned(), side: Side::adapter(), against: None };
    let name = format!("Adapter, {}", mixer.words());
    vec![trained, AskedSide { name, side: Side::Adapter { mix: mixer.mix() }, against: Some(Side::adapter()) }]
}

/// The checkpoints of the run at hand, the latest first.
fn checkpoints(cx: &PageContext<'_>) -> Vec<PathBuf> {
    let run = cx.state.run.as_ref();
    let paths = run.into_iter().flat_map(|run| run.checkpoints.iter().map(|saved| run.summary.path.join(&saved.name)));
    paths.rev().collect()
}

/// A folder as it is shown: with the run before a checkpoint.
fn name_of(path: &std::path::Path) -> String {
    let name = file_name(path);
    let run = path.parent().map(file_name).filter(|_| name.starts_with("checkpoint-"));
    run.map_or(name.clone(), |run| format!("{run}, {name}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at_rest() -> Mixers {
        Mixers { active: Mixer::at_rest(3), two: [Mixer::at_rest(3), Mixer::at_rest(2)] }
    }

    fn names(form: &SidesForm, has_adapter: bool, mixers: &Mixers) -> Vec<String> {
        form.asked(has_adapter, mixers).unwrap().into_iter().map(|asked| asked.name).collect()
    }

    #[test]
    fn base_and_adapter_answer_unless_there_is_no_adapter() {
        let (form, rest) = (SidesForm::default(), at_rest());
        assert_eq!(names(&form, true, &rest), ["Base model", "Adapter"]);
        assert_eq!(names(&form, false, &rest), ["Base model"]);
        let adapter = SidesForm { chosen: Some(SideChoice::Adapter), ..SidesForm::default() };
        assert_eq!(names(&adapter, true, &rest), ["Adapter"]);
        assert_eq!(names(&adapter, false, &rest), ["Base model"]);
    }

    #[test]
    fn changed_heads_stand_beside_the_adapter_as_trained() {
        let mixer = Mixer { solo: Some(1), ..Mixer::at_rest(3) };
        let mixers = Mixers { active: mixer.clone(), ..at_rest() };
        let asked = SidesForm::default().asked(true, &mixers).unwrap();
        assert_eq!(asked[0].side, Side::adapter());
        assert_eq!(asked[1].side, Side::Adapter { mix: mixer.mix() });
        assert_eq!((asked[0].against.clone(), asked[1].against.clone()), (None, Some(Side::adapter())));
        let base = SidesForm { chosen: Some(SideChoice::Base), ..SidesForm::default() };
        assert_eq!(names(&base, true, &mixers), ["Base model"]);
    }

    #[test]
    fn two_adapters_are_named_by_their_folders_and_what_is_missing_is_said() {
        let mut form = SidesForm { chosen: Some(SideChoice::TwoAdapters), ..SidesForm::default() };
        let rest = at_rest();
        assert!(form.asked(true, &rest).unwrap_err().contains("right"));
        form.take_folder(1, std::path::Path::new("/runs/faq/checkpoint-20"));
        assert_eq!(names(&form, true, &rest), ["Adapter", "faq, checkpoint-20"]);
        assert!(form.asked(false, &rest).unwrap_err().contains("left"));
    }

    #[test]
    fn each_of_two_adapters_has_its_own_heads_changed_and_is_held_against_itself() {
        let mut form = SidesForm { chosen: Some(SideChoice::TwoAdapters), ..SidesForm::default() };
        let path = PathBuf::from("/runs/faq/checkpoint-20");
        form.take_folder(1, &path);
        let changed = Mixer { solo: Some(1), ..Mixer::at_rest(2) };
        let mixers = Mixers { two: [Mixer::at_rest(3), changed.clone()], ..at_rest() };
        let asked = form.asked(true, &mixers).unwrap();
        assert_eq!((asked[0].name.as_str(), &asked[0].side, &asked[0].against), ("Adapter", &Side::adapter(), &None));
        assert_eq!(asked[1].name, "faq, checkpoint-20, Head 2 alone");
        assert_eq!(asked[1].side, Side::Folder { path: path.clone(), mix: changed.mix() });
        assert_eq!(asked[1].against, Some(Side::Folder { path, mix: Default::default() }));
        assert!(mixers.are_changed(SideChoice::TwoAdapters) && !mixers.are_changed(SideChoice::Both));
    }
}
