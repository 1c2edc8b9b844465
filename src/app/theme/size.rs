//! Sizes in points that more than one place shares.

/// Width of the left rail.
pub const RAIL: f32 = 184.0;
/// Height of the status bar.
pub const STATUS_BAR: f32 = 40.0;
/// Widest that the contents of a page grow.
pub const PAGE: f32 = 960.0;
/// Height of buttons and fields.
pub const CONTROL: f32 = 32.0;
/// Side of an icon beside text.
pub const ICON: f32 = 16.0;
/// Side of an icon that stands for a whole empty page.
pub const ICON_LARGE: f32 = 40.0;
/// Height of a table's row.
pub const ROW: f32 = 28.0;
/// Corner radius of what is smaller than a control: tints, bars, marks.
pub const RADIUS_SMALL: u8 = 3;
/// Corner radius of buttons and fields.
pub const RADIUS: u8 = 6;
/// Corner radius of what holds several controls, and of marks the size of one.
pub const RADIUS_LARGE: u8 = 8;
/// Corner radius of cards and windows.
pub const RADIUS_CARD: u8 = 10;
