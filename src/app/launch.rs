//! Opens the native window.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use egui::{IconData, Vec2, ViewportBuilder, vec2};

use crate::app::settings::Persisted;
use crate::app::{App, Deps, Waker};

/// Where the window's settings stand in eframe's storage.
pub(super) const STORAGE_KEY: &str = "hydra-studio";

/// The window's size at the first start.
pub(super) const SIZE: Vec2 = vec2(1280.0, 800.0);

/// The least size that every page fits into.
pub(super) const LEAST_SIZE: Vec2 = vec2(900.0, 600.0);

/// How long the worker's wake-ups gather before a frame is drawn. Drawing takes processor time from training.
const WAKE_DELAY: Duration = Duration::from_millis(150);

/// Opens the window and returns when it is closed. `build` is called once with the hook that wakes the window, and starts
/// the worker. Errs where the system has no display, or `build` errs.
pub fn run(build: impl FnOnce(Waker) -> anyhow::Result<Deps> + 'static) -> anyhow::Result<()> {
    let viewport = ViewportBuilder::default()
        .with_title("Hydra Studio")
        .with_app_id("hydra-studio")
        .with_inner_size(SIZE)
        .with_min_inner_size(LEAST_SIZE)
        .with_drag_and_drop(true)
        .with_icon(icon()?);
    let options = eframe::NativeOptions { viewport, renderer: eframe::Renderer::Glow, ..Default::default() };
    let create: eframe::AppCreator<'_> = Box::new(move |cc| {
        let persisted = cc.storage.and_then(|s| eframe::get_value::<Persisted>(s, STORAGE_KEY)).unwrap_or_default();
        let ctx = cc.egui_ctx.clone();
        let deps = build(Arc::new(move || ctx.request_repaint_after(WAKE_DELAY)))?;
        Ok(Box::new(App::new(&cc.egui_ctx, deps, persisted)))
    });
    eframe::run_native("Hydra Studio", options, create)
        .map_err(|error| anyhow::anyhow!("{error}"))
        .context("the window could not be opened: check that a display is there, or use `hydra-studio --help`")
}

/// The window's icon: the drawing of `assets/app-icon.svg` as pixels.
fn icon() -> anyhow::Result<Arc<IconData>> {
    let svg = include_bytes!("../../assets/app-icon.svg");
    let side = egui::SizeHint::Size { width: 128, height: 128, maintain_aspect_ratio: true };
    let image = egui_extras::image::load_svg_bytes_with_size(svg, side, &Default::default())
        .map_err(|error| anyhow::anyhow!("the drawing of the window's icon is broken: {error}"))?;
    let [width, height] = image.size.map(|side| side as u32);
    let rgba = image.pixels.iter().flat_map(|pixel| pixel.to_srgba_unmultiplied()).collect();
    Ok(Arc::new(IconData { rgba, width, height }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_icon_has_pixels() {
        let icon = icon().expect("the drawing is sound");
        assert_eq!(icon.rgba.len(), (4 * icon.width * icon.height) as usize);
        assert!(icon.rgba.chunks(4).any(|pixel| pixel[3] == 255));
    }
}
