//! Distances in points, on a grid of four; only the smallest is half a step.

/// Between lines that are one thing, and between the parts of one control.
pub const XXS: f32 = 2.0;
/// Between an icon and its text.
pub const XS: f32 = 4.0;
/// Between controls that belong together.
pub const S: f32 = 8.0;
/// Between the rows of a form.
pub const M: f32 = 12.0;
/// Inside a card, and between cards.
pub const L: f32 = 16.0;
/// Around the contents of a page.
pub const XL: f32 = 24.0;
/// Between a page's title and what is far from it.
pub const XXL: f32 = 32.0;
