//! A drawing turned into pixels, with the window's own font: no font of the system is looked for.

use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::{Options, Tree};

use super::ChartExportError;

/// Pixels for each point of the drawing.
const DENSITY: f32 = 2.0;

/// The PNG file of a drawing in SVG.
///
/// # Errors
/// When the drawing is no SVG or has no size.
pub fn render(svg: &str) -> Result<Vec<u8>, ChartExportError> {
    let draw = |error: &dyn std::fmt::Display| ChartExportError::Draw(error.to_string());
    let mut options = Options::default();
    let fonts = options.fontdb_mut();
    fonts.load_font_data(epaint_default_fonts::UBUNTU_LIGHT.to_vec());
    let family = fonts.faces().find_map(|face| face.families.first()).map(|(name, _)| name.clone());
    if let Some(family) = family {
        fonts.set_sans_serif_family(family);
    }
    let tree = Tree::from_str(svg, &options).map_err(|error| draw(&error))?;
    let size = tree.size().to_int_size().scale_by(DENSITY).ok_or_else(|| draw(&"it has no size"))?;
    let mut pixels = Pixmap::new(size.width(), size.height()).ok_or_else(|| draw(&"it has no size"))?;
    resvg::render(&tree, Transform::from_scale(DENSITY, DENSITY), &mut pixels.as_mut());
    pixels.encode_png().map_err(|error| draw(&error))
}
