//! The command palette: type a part of a name, choose with the arrow keys, run with Enter.

use egui::{Align2, Button, Context, Id, Key, Modal, Modifiers, RichText, ScrollArea, TextEdit, Ui, vec2};

use crate::app::App;
use crate::app::commands::{SystemCommand, UICommand};
use crate::app::icons::Icon;
use crate::app::theme::{self, Tokens, size, space};
use crate::app::widgets::figures::in_one_line;

/// The longest name of a step that has room beside a command.
const STEP_LETTERS: usize = 40;

/// The palette's state while it is open.
#[derive(Default)]
pub(super) struct Palette {
    open: Option<Search>,
}

#[derive(Default)]
struct Search {
    text: String,
    /// Index among the matches.
    chosen: usize,
}

/// What is said of a command at its right end, beside its keys.
enum Note<'a> {
    Nothing,
    /// Why it cannot run now.
    Obstacle(&'static str),
    /// What it would take back or do again.
    Step(&'a str),
}

/// What the user did with the palette in a frame.
enum Outcome {
    Nothing,
    Close,
    Run(UICommand),
}

impl Palette {
    /// Opens the palette with an empty search, or closes it.
    pub fn toggle(&mut self) {
        self.open = if self.open.is_some() { None } else { Some(Search::default()) };
    }
}

impl App {
    /// Draws the palette while it is open.
    pub(super) fn palette_ui(&mut self, ctx: &Context) {
        let Some(mut search) = self.palette.open.take() else { return };
        let id = Id::unique("palette");
        let area = Modal::default_area(id).anchor(Align2::CENTER_TOP, vec2(0.0, 88.0));
        let response = Modal::new(id)
            .area(area)
            .frame(theme::dialog_frame(Tokens::of_theme(ctx.theme())).inner_margin(space::M))
            .show(ctx, |ui| {
                ui.set_width(560.0);
                search_ui(ui, &mut search, &|command| self.note_on(command))
            });
        let outcome = if response.should_close() { Outcome::Close } else { response.inner };
        match outcome {
            Outcome::Nothing => self.palette.open = Some(search),
            Outcome::Close => {}
            Outcome::Run(command) => self.commands.send(SystemCommand::Ui(command)),
        }
    }

    fn note_on(&self, command: UICommand) -> Note<'_> {
        match self.obstacle(command) {
            Some(obstacle) => Note::Obstacle(obstacle),
            None => self.step(command).map_or(Note::Nothing, Note::Step),
        }
    }
}

fn search_ui<'a>(ui: &mut Ui, search: &mut Search, note_on: &dyn Fn(UICommand) -> Note<'a>) -> Outcome {
    // The arrows must not reach the text field, which would move its cursor.
    let (up, down) = ui.input_mut(|input| {
        (input.consume_key(Modifiers::NONE, Key::ArrowUp), input.consume_key(Modifiers::NONE, Key::ArrowDown))
    });
    let enter = ui.input(|input| input.key_pressed(Key::Enter));
    let before = search.text.clone();
    ui.horizontal(|ui| {
        ui.add(Icon::Search.image(size::ICON).tint(Tokens::of(ui).text_weak));
        let field = TextEdit::singleline(&mut search.text)
            .hint_text("Search commands")
            .font(theme::text::card())
            .align(Align2::LEFT_CENTER)
            .min_size(vec2(0.0, size::CONTROL))
            .frame(egui::Frame::NONE)
            .desired_width(f32::INFINITY);
        let response = ui.add(field);
        response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::TextInput, true, "Search commands"));
        response.request_focus();
    });
    crate::app::ui::rule_ui(ui);
    let found = matches(&search.text);
    if search.text != before {
        search.chosen = 0;
    }
    let last = found.len().saturating_sub(1);
    search.chosen = match (up, down) {
        (true, _) => search.chosen.saturating_sub(1),
        (_, true) => search.chosen + 1,
        _ => search.chosen,
    }
    .min(last);
    if found.is_empty() {
        ui.label(RichText::new("No command has that name.").color(Tokens::of(ui).text_weak));
    }
    let mut outcome = Outcome::Nothing;
    ScrollArea::vertical().max_height(380.0).show(ui, |ui| {
        ui.spacing_mut().item_spacing.y = space::XXS;
        for (index, &command) in found.iter().enumerate() {
            let is_chosen = index == search.chosen;
            let note = note_on(command);
            let clicked = entry_ui(ui, command, is_chosen, up || down, &note);
            if !matches!(note, Note::Obstacle(_)) && (clicked || (is_chosen && enter)) {
                outcome = Outcome::Run(command);
            }
        }
    });
    outcome
}

/// One command of the list; gives back whether it was clicked.
fn entry_ui(ui: &mut Ui, command: UICommand, is_chosen: bool, moved: bool, note: &Note<'_>) -> bool {
    let tokens = Tokens::of(ui);
    let info = command.info();
    let keys = command.shortcut_text(ui.ctx()).unwrap_or_default();
    let right = match note {
        Note::Nothing => keys,
        Note::Obstacle(obstacle) => (*obstacle).to_owned(),
        Note::Step(step) => format!("{}  {keys}", in_one_line(step, STEP_LETTERS)),
    };
    let button = Button::selectable(is_chosen, (info.icon.image(size::ICON), info.name))
        .image_tint_follows_text_color(true)
        .frame_when_inactive(is_chosen)
        .right_text(RichText::new(right).small().color(tokens.text_weak))
        .min_size(vec2(ui.available_width(), size::CONTROL));
    let response = ui.add_enabled(!matches!(note, Note::Obstacle(_)), button).on_hover_text(info.tooltip);
    if is_chosen && moved {
        response.scroll_to_me(None);
    }
    ui.add_space(space::XS / 4.0);
    response.clicked()
}

/// The commands whose name holds the letters of `text` in their order, best first.
fn matches(text: &str) -> Vec<UICommand> {
    let mut scored: Vec<(usize, UICommand)> =
        UICommand::ALL.into_iter().filter_map(|command| Some((score(command.info().name, text)?, command))).collect();
    scored.sort_by_key(|&(score, _)| score);
    scored.into_iter().map(|(_, command)| command).collect()
}

/// How badly `name` fits `search`: the letters skipped between the first and the last one found, cheaper where a word
/// begins; `None` where a letter is missing.
fn score(name: &str, search: &str) -> Option<usize> {
    let mut cost = 0;
    let name: Vec<char> = name.to_lowercase().chars().collect();
    let mut place = 0;
    for letter in search.to_lowercase().chars().filter(|c| !c.is_whitespace()) {
        let found = name.iter().skip(place).position(|&c| c == letter)?;
        let at = place + found;
        let begins_word = at == 0 || name.get(at - 1).is_some_and(|c| c.is_whitespace());
        cost += if begins_word { found.min(1) } else { 2 * found + 1 };
        place = at + 1;
    }
    Some(cost)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_of_a_name_find_it_in_any_case() {
        for (search, found) in
            [("model", UICommand::ShowModel), ("DARK", UICommand::DarkTheme), ("gex", UICommand::ShowExport)]
        {
            assert_eq!(matches(search).first(), Some(&found), "{search}");
        }
    }

    #[test]
    fn an_empty_search_lists_everything_in_order() {
        assert_eq!(matches("  "), UICommand::ALL);
    }

    #[test]
    fn letters_that_no_name_has_find_nothing() {
        assert!(matches("zzz").is_empty());
    }
}
