//! A text field for a path, with a button that opens the system's dialog. Typing always works, with or without dialogs.

use std::path::PathBuf;

use egui::{Key, TextEdit, Ui};

use crate::app::icons::Icon;
use crate::app::theme::{Tokens, size, space};
use crate::app::widgets::buttons;

/// What came of a path field in this frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathAction {
    None,
    /// Enter was pressed in the field.
    Entered,
    /// The button with this index was pressed.
    Browse(usize),
}

/// The path that was typed, without the blanks and quotes that pasting brings; `~` is the user's own folder. `None` where
/// nothing was typed.
pub fn typed_path(text: &str) -> Option<PathBuf> {
    let text = text.trim().trim_matches(['"', '\'']);
    let below_home = text.strip_prefix('~').filter(|rest| rest.is_empty() || rest.starts_with(std::path::is_separator));
    let home = below_home.and_then(|_| directories::UserDirs::new());
    match (home, below_home) {
        (Some(dirs), Some(rest)) => Some(dirs.home_dir().join(rest.trim_start_matches(std::path::is_separator))),
        _ => (!text.is_empty()).then(|| PathBuf::from(text)),
    }
}

/// A label, the field, and one button for each of `browse`.
pub fn path_field(ui: &mut Ui, label: &str, hint: &str, text: &mut String, browse: &[&str]) -> PathAction {
    let mut action = PathAction::None;
    let name = ui.label(egui::RichText::new(label).small().color(Tokens::of(ui).text_weak));
    ui.horizontal(|ui| {
        let buttons_width: f32 = browse.iter().map(|text| button_width(ui, text) + space::S).sum();
        let field = TextEdit::singleline(text)
            .hint_text(hint)
            .desired_width((ui.available_width() - buttons_width).max(160.0))
            .align(egui::Align2::LEFT_CENTER)
            .min_size(egui::vec2(0.0, size::CONTROL));
        let response = ui.add(field).labelled_by(name.id);
        if response.lost_focus() && ui.input(|i| i.key_pressed(Key::Enter)) {
            action = PathAction::Entered;
        }
        for (index, text) in browse.iter().enumerate() {
            if buttons::secondary(ui, Icon::Folder, text, true).clicked() {
                action = PathAction::Browse(index);
            }
        }
    });
    action
}

fn button_width(ui: &Ui, text: &str) -> f32 {
    let font = egui::TextStyle::Button.resolve(ui.style());
    let width = ui.fonts_mut(|fonts| fonts.layout_no_wrap(text.to_owned(), font, egui::Color32::PLACEHOLDER).size().x);
    width + size::ICON + ui.spacing().icon_spacing + 2.0 * ui.spacing().button_padding.x
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_typed_path_is_freed_of_quotes_and_knows_the_users_folder() {
        assert_eq!(typed_path(" '/my models/a' "), Some("/my models/a".into()));
        assert_eq!((typed_path("  "), typed_path("~else/a")), (None, Some("~else/a".into())));
        let home = directories::UserDirs::new().map(|dirs| dirs.home_dir().to_path_buf());
        assert_eq!(typed_path("~/models/a"), home.as_ref().map(|home| home.join("models/a")));
        assert_eq!(typed_path("~"), home);
    }
}
