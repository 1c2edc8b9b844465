//! The window's icons: own drawings on a 24 by 24 grid, white strokes that take the colour of the text beside them.

use egui::{Button, Image, Response, Ui, Vec2};

use crate::app::theme::size;

macro_rules! icons {
    ($($(#[$doc:meta])* $name:ident = $file:literal,)*) => {
        /// A drawing of `assets/icons`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Icon { $($(#[$doc])* $name,)* }

        impl Icon {
            /// Every icon.
            pub const ALL: &[Icon] = &[$(Icon::$name,)*];

            fn source(self) -> (&'static str, &'static [u8]) {
                match self {
                    $(Icon::$name => (
                        concat!("bytes://icons/", $file),
                        include_bytes!(concat!("../../assets/icons/", $file)),
                    ),)*
                }
            }
        }
    };
}

icons! {
    Model = "model.svg",
    Data = "data.svg",
    Topics = "topics.svg",
    Train = "train.svg",
    Routing = "routing.svg",
    Chat = "chat.svg",
    Send = "send.svg",
    Edit = "edit.svg",
    Export = "export.svg",
    Runs = "runs.svg",
    Trash = "trash.svg",
    Copy = "copy.svg",
    Download = "download.svg",
    Settings = "settings.svg",
    Play = "play.svg",
    Pause = "pause.svg",
    Stop = "stop.svg",
    Check = "check.svg",
    Done = "done.svg",
    Pending = "pending.svg",
    Next = "next.svg",
    Warning = "warning.svg",
    Error = "error.svg",
    Info = "info.svg",
    Folder = "folder.svg",
    File = "file.svg",
    Search = "search.svg",
    Close = "close.svg",
    Sun = "sun.svg",
    Moon = "moon.svg",
    System = "system.svg",
    ArrowRight = "arrow_right.svg",
    ArrowUp = "arrow_up.svg",
    ArrowDown = "arrow_down.svg",
    ChevronLeft = "chevron_left.svg",
    ChevronRight = "chevron_right.svg",
    Bell = "bell.svg",
    Help = "help.svg",
    Home = "home.svg",
    Command = "command.svg",
    ZoomIn = "zoom_in.svg",
    ZoomOut = "zoom_out.svg",
    Plus = "plus.svg",
    Restore = "restore.svg",
    Undo = "undo.svg",
    Redo = "redo.svg",
    Spark = "spark.svg",
    Hydra = "hydra.svg",
    Quit = "quit.svg",
    Save = "save.svg",
    Merge = "merge.svg",
    Split = "split.svg",
}

impl Icon {
    /// The drawing, `side` points wide and high. Tint it, or put it in a button, which tints it.
    pub fn image(self, side: f32) -> Image<'static> {
        let (uri, bytes) = self.source();
        Image::from_bytes(uri, bytes).fit_to_exact_size(Vec2::splat(side))
    }

    /// A button with this icon and a text.
    pub fn button(self, text: &str) -> Button<'_> {
        Button::image_and_text(self.image(size::ICON), text).image_tint_follows_text_color(true)
    }

    /// A small frameless button with this icon alone; `name` is its tooltip and its name for screen readers.
    pub fn small_button(self, ui: &mut Ui, name: &str) -> Response {
        let image = self.image(size::ICON).alt_text(name);
        let button = Button::image(image).image_tint_follows_text_color(true).frame_when_inactive(false);
        ui.add(button).on_hover_text(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_icon_is_a_drawing_on_the_same_grid() {
        for icon in Icon::ALL {
            let (uri, bytes) = icon.source();
            let svg = std::str::from_utf8(bytes).expect("an SVG is text");
            assert!(svg.contains(r#"viewBox="0 0 24 24""#) && svg.contains("#fff"), "{uri}");
        }
    }
}
