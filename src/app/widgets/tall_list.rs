//! Things of unequal height below each other, the turns of a conversation say: only what is in view is laid out, and of the
//! rest the room is kept that it took when it was drawn last. So a conversation of any length costs a frame no more than
//! what can be seen of it.

use egui::{Id, Rect, Role, Sense, Ui, WidgetInfo, vec2};

/// Things out of sight that are measured anew in one frame, because their width or what they show has changed.
const MEASURED_PER_FRAME: usize = 2;

/// The room that a thing took, and what it showed then.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Known {
    revision: u64,
    width: f32,
    height: f32,
}

/// What a list needs to know of its things.
pub struct TallListItems<'a> {
    pub count: usize,
    /// Changes whenever what a thing shows does.
    pub revision: &'a dyn Fn(usize) -> u64,
    /// What a thing is, in words, for who cannot see that it is out of sight.
    pub words: &'a dyn Fn(usize) -> String,
}

/// The heights that are known, and where the focus is.
#[derive(Default)]
pub struct TallList {
    known: Vec<Option<Known>>,
    /// The thing that holds the focused widget, and that widget.
    focus: Option<(usize, Id)>,
}

impl TallList {
    /// Draws those in view with `item`, inside a scroll area. The one with the focus and those beside it are drawn too, so
    /// that the Tab key finds what comes next; it is scrolled to.
    pub fn ui(&mut self, ui: &mut Ui, items: &TallListItems<'_>, mut item: impl FnMut(&mut Ui, usize)) {
        self.known.resize(items.count, None);
        let focused = ui.memory(|memory| memory.focused());
        let was = self.focus.take().filter(|_| focused.is_some());
        let beside = was.map_or(0..0, |(at, _)| at.saturating_sub(1)..at + 2);
        let mut measured = 0;
        for index in 0..items.count {
            let width = ui.available_width();
            let revision = (items.revision)(index);
            let known = self.known.get(index).copied().flatten();
            let is_fresh = known.is_some_and(|known| (known.revision, known.width) == (revision, width));
            if let Some(known) = known {
                let rect = Rect::from_min_size(ui.cursor().min, vec2(width, known.height));
                let is_hidden = !ui.is_rect_visible(rect) && !beside.contains(&index);
                if is_hidden && (is_fresh || measured == MEASURED_PER_FRAME) {
                    room_ui(ui, rect, items, index);
                    if !is_fresh {
                        ui.ctx().request_repaint();
                    }
                    continue;
                }
                measured += usize::from(is_hidden);
            }
            let is_before = focused.is_some_and(|id| place_of(ui, id).is_some());
            let rect = ui.scope(|ui| item(ui, index)).response.rect;
            if let Some(known) = self.known.get_mut(index) {
                *known = Some(Known { revision, width, height: rect.height() });
            }
            if let Some(id) = focused.filter(|_| !is_before) {
                self.follow_focus(ui, (index, id), was);
            }
        }
    }

    /// Notes that the focused widget is in thing `index`, where it is, and brings it into sight once.
    fn follow_focus(&mut self, ui: &Ui, (index, id): (usize, Id), was: Option<(usize, Id)>) {
        let Some(place) = place_of(ui, id) else { return };
        self.focus = Some((index, id));
        if was.is_none_or(|(_, before)| before != id) && !ui.clip_rect().contains_rect(place) {
            ui.scroll_to_rect(place, None);
        }
    }
}

/// Where a widget was put in this frame, if it was already.
fn place_of(ui: &Ui, id: Id) -> Option<Rect> {
    ui.ctx().viewport(|viewport| viewport.this_pass.widgets.get(id).map(|widget| widget.rect))
}

/// Keeps the room of a thing that is out of sight.
fn room_ui(ui: &mut Ui, rect: Rect, items: &TallListItems<'_>, index: usize) {
    let response = ui.allocate_rect(rect, Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(Role::Label, true, (items.words)(index)));
}
