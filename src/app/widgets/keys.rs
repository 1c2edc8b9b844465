//! Keys of a picture that has focus.

use egui::{EventFilter, Id, Key, Modifiers, Ui};

/// Keeps the arrows from moving the focus away from the picture `id`, which has it, and takes the first of `keys` that is
/// pressed: arrows up and down, and Escape, are kept where they are among them.
pub fn taken(ui: &Ui, id: Id, keys: &[Key]) -> Option<Key> {
    let vertical_arrows = keys.contains(&Key::ArrowUp);
    let escape = keys.contains(&Key::Escape);
    let kept = EventFilter { horizontal_arrows: true, vertical_arrows, escape, ..EventFilter::default() };
    ui.memory_mut(|memory| memory.set_focus_lock_filter(id, kept));
    keys.iter().copied().find(|key| ui.input_mut(|input| input.consume_key(Modifiers::NONE, *key)))
}
