//! Design tokens: every colour, distance and text size of the window, one named field per use. No other file names a
//! colour; `clippy.toml` keeps that rule.

#![allow(clippy::disallowed_methods, reason = "the one place where colours are made")]

use std::sync::Arc;

use egui::{
    Color32, Context, CornerRadius, FontFamily, FontId, Margin, Shadow, Stroke, Style, TextStyle, Theme, Ui, Visuals,
    vec2,
};

pub mod size;
pub mod space;

/// Text styles beyond egui's own five.
pub mod text {
    use egui::TextStyle;

    /// The title of a page.
    pub fn title() -> TextStyle {
        TextStyle::Name("title".into())
    }

    /// The heading of a card.
    pub fn card() -> TextStyle {
        TextStyle::Name("card".into())
    }
}

/// The colours of one theme.
#[derive(Clone, Debug, PartialEq)]
pub struct Tokens {
    /// Behind the pages.
    pub window: Color32,
    /// Behind the left rail and the status bar.
    pub rail: Color32,
    /// Cards on a page, menus, dialogs.
    pub card: Color32,
    /// Text fields, and wells that hold read-only text.
    pub well: Color32,
    /// Buttons at rest.
    pub control: Color32,
    /// Buttons and rows under the pointer.
    pub control_hover: Color32,
    /// Buttons held down.
    pub control_active: Color32,
    /// Lines around cards, and between parts.
    pub border: Color32,
    /// Lines around buttons and fields.
    pub border_strong: Color32,

    /// Headings and values.
    pub text_strong: Color32,
    /// Running text.
    pub text: Color32,
    /// Labels and explanations.
    pub text_weak: Color32,

    /// Fill of the one button that goes on, of progress and of what is selected.
    pub accent: Color32,
    /// The same under the pointer.
    pub accent_hover: Color32,
    /// Text and icons on `accent`.
    pub on_accent: Color32,
    /// Links, and accented text or icons on a surface.
    pub accent_text: Color32,
    /// Fill behind the chosen entry of the rail, selected text, a drop target.
    pub accent_soft: Color32,

    /// What went well.
    pub ok: Color32,
    /// What needs attention.
    pub warn: Color32,
    /// What failed.
    pub error: Color32,
    /// Fill behind a text about what went well.
    pub ok_soft: Color32,
    /// Fill behind a text that needs attention.
    pub warn_soft: Color32,
    /// Fill behind a text about what failed.
    pub error_soft: Color32,

    /// The curve that a chart is about.
    pub chart_main: Color32,
    /// The same curve before smoothing.
    pub chart_raw: Color32,
    /// Held-out loss.
    pub chart_held_out: Color32,
    /// Lines of a chart's grid.
    pub chart_grid: Color32,

    /// Behind a token whose prediction counts in the loss.
    pub supervised: Color32,
    /// Behind the words of an answer that were not in the one before.
    pub new_words: Color32,

    /// Behind a token that changed heads make more likely, and one that they make less likely.
    pub likelier: Color32,
    pub unlikelier: Color32,

    /// The parts of a whole, in the order of a bar: neighbours differ in lightness as well.
    pub parts: [Color32; 6],

    /// From nothing to all: the scale of heat maps.
    pub heat: [Color32; 5],
    /// From less to more, with nothing in the middle: the scale of differences.
    pub diverging: [Color32; 5],
    /// The heads in their order. Any two stay apart for people with protanopia, deuteranopia and tritanopia.
    pub heads: [Color32; 8],
}

const fn hex(rgb: u32) -> Color32 {
    Color32::from_rgb((rgb >> 16) as u8, (rgb >> 8) as u8, rgb as u8)
}

const DARK: Tokens = Tokens {
    window: hex(0x15161a),
    rail: hex(0x101114),
    card: hex(0x1c1e23),
    well: hex(0x121317),
    control: hex(0x282b32),
    control_hover: hex(0x31353e),
    control_active: hex(0x3a3f4a),
    border: hex(0x2a2d34),
    border_strong: hex(0x3a3e48),
    text_strong: hex(0xf3f4f7),
    text: hex(0xd6d9e0),
    text_weak: hex(0x9ca2b0),
    accent: hex(0x5266eb),
    accent_hover: hex(0x4557da),
    on_accent: hex(0xffffff),
    accent_text: hex(0x96a5ff),
    accent_soft: hex(0x272c4a),
    ok: hex(0x4cc38a),
    warn: hex(0xf0b447),
    error: hex(0xff8080),
    ok_soft: hex(0x182c25),
    warn_soft: hex(0x322818),
    error_soft: hex(0x371f23),
    chart_main: hex(0x8f9fff),
    chart_raw: hex(0x4a5185),
    chart_held_out: hex(0xf8a047),
    chart_grid: hex(0x2a2d34),
    supervised: hex(0x2c3668),
    new_words: hex(0x1d4a3b),
    likelier: hex(0x4a86ff),
    unlikelier: hex(0xf08a24),
    parts: [hex(0x4f5fd0), hex(0xc9d1ff), hex(0x8b63b8), hex(0x5fd0c0), hex(0x9a6a2f), hex(0xa4a9b6)],
    heat: [hex(0x1c1e23), hex(0x2c3368), hex(0x4a5fc9), hex(0x7fa6f5), hex(0xe3f1ff)],
    diverging: [hex(0xffb066), hex(0x8a5522), hex(0x24272d), hex(0x3a56ad), hex(0x96b8ff)],
    heads: [
        hex(0x8688fd),
        hex(0xf8a047),
        hex(0x45ceb5),
        hex(0xb76ea8),
        hex(0xf8eb77),
        hex(0xd02444),
        hex(0x34faff),
        hex(0x564fbc),
    ],
};

const LIGHT: Tokens = Tokens {
    window: hex(0xf6f7f9),
    rail: hex(0xeeeff3),
    card: hex(0xffffff),
    well: hex(0xfafafc),
    control: hex(0xffffff),
    control_hover: hex(0xf0f1f5),
    control_active: hex(0xe5e7ee),
    border: hex(0xe3e5eb),
    border_strong: hex(0xcfd2dc),
    text_strong: hex(0x14161b),
    text: hex(0x30343d),
    text_weak: hex(0x5c6270),
    accent: hex(0x4355d6),
    accent_hover: hex(0x3949c2),
    on_accent: hex(0xffffff),
    accent_text: hex(0x3848c0),
    accent_soft: hex(0xe0e4fd),
    ok: hex(0x17724a),
    warn: hex(0x875400),
    error: hex(0xbe262c),
    ok_soft: hex(0xe4f5ec),
    warn_soft: hex(0xfdf2dc),
    error_soft: hex(0xfdebec),
    chart_main: hex(0x4355d6),
    chart_raw: hex(0xb4bcf0),
    chart_held_out: hex(0xc46a00),
    chart_grid: hex(0xe3e5eb),
    supervised: hex(0xd5dbfc),
    new_words: hex(0xc9ecdb),
    likelier: hex(0x2f6fe0),
    unlikelier: hex(0xd97a00),
    parts: [hex(0x4355d6), hex(0x9fb0fa), hex(0x6b3f99), hex(0x3fa79a), hex(0x8a5410), hex(0x8a909e)],
    heat: [hex(0xf3f4f8), hex(0xc5cffa), hex(0x8398ee), hex(0x4558cf), hex(0x1b2370)],
    diverging: [hex(0x9c4a00), hex(0xeab070), hex(0xf3f4f8), hex(0x93aef0), hex(0x2240a8)],
    heads: [
        hex(0x1081fc),
        hex(0xc38a01),
        hex(0x35796a),
        hex(0xe835b0),
        hex(0xe9b402),
        hex(0x931104),
        hex(0x9cbec1),
        hex(0x5d2fa2),
    ],
};

static TOKENS: [Tokens; 2] = [DARK, LIGHT];

impl Tokens {
    /// The tokens of a theme.
    pub fn of_theme(theme: Theme) -> &'static Self {
        let [dark, light] = &TOKENS;
        if theme == Theme::Dark { dark } else { light }
    }

    /// The tokens of the theme that `ui` is drawn in.
    pub fn of(ui: &Ui) -> &'static Self {
        Self::of_theme(if ui.visuals().dark_mode { Theme::Dark } else { Theme::Light })
    }

    /// The colour of a head, counted from 0; after the eighth the colours begin anew.
    pub fn head(&self, head: usize) -> Color32 {
        let [first, ..] = self.heads;
        self.heads.get(head % self.heads.len()).copied().unwrap_or(first)
    }

    /// The colour of `share`, from 0 to 1, on the scale of heat maps. What lies outside takes the nearest end.
    pub fn heat(&self, share: f32) -> Color32 {
        between(&self.heat, share)
    }

    /// The colour of `share`, from 0 to 1, on the scale of differences: a half is none.
    pub fn diverging(&self, share: f32) -> Color32 {
        between(&self.diverging, share)
    }

    /// Black or white, whichever reads better on `fill`.
    pub fn text_on(fill: Color32) -> Color32 {
        if luminance(fill) > 0.18 { Color32::BLACK } else { Color32::WHITE }
    }
}

/// The colour at `share` of the way through `stops`; the first for what is no number.
fn between(stops: &[Color32; 5], share: f32) -> Color32 {
    let [first, ..] = *stops;
    let share = if share.is_nan() { 0.0 } else { share.clamp(0.0, 1.0) };
    let place = share * (stops.len() - 1) as f32;
    let below = place.floor() as usize;
    let low = stops.get(below).copied().unwrap_or(first);
    let high = stops.get(below + 1).copied().unwrap_or(low);
    low.lerp_to_gamma(high, place.fract())
}

/// Relative luminance as WCAG defines it, 0 to 1.
fn luminance(color: Color32) -> f32 {
    let [r, g, b, _] = egui::Rgba::from(color).to_array();
    0.2126 * r + 0.7152 * g + 0.0722 * b
}

/// Gives `ctx` the styles of both themes.
pub fn apply(ctx: &Context) {
    for theme in [Theme::Dark, Theme::Light] {
        ctx.set_style_of(theme, Arc::new(style(theme)));
    }
}

/// egui's style for one theme, made from the tokens.
pub fn style(theme: Theme) -> Style {
    let tokens = Tokens::of_theme(theme);
    let mut style = Style { visuals: visuals(theme, tokens), animation_time: 0.12, ..Style::default() };
    style.text_styles = text_styles();
    style.interaction.selectable_labels = false;
    style.interaction.tooltip_delay = 0.4;
    let spacing = &mut style.spacing;
    spacing.item_spacing = vec2(space::S, space::S);
    spacing.button_padding = vec2(space::M, 6.0);
    spacing.interact_size = vec2(space::XXL, size::CONTROL);
    spacing.icon_spacing = space::S;
    spacing.icon_width = 18.0;
    spacing.icon_width_inner = 10.0;
    spacing.window_margin = Margin::same(20);
    spacing.menu_margin = Margin::same(6);
    spacing.menu_spacing = space::XS;
    spacing.tooltip_width = 360.0;
    spacing.combo_width = 120.0;
    spacing.text_edit_width = 320.0;
    spacing.indent = space::L;
    spacing.scroll =
        egui::style::ScrollStyle { floating: true, bar_width: 8.0, ..egui::style::ScrollStyle::floating() };
    style
}

/// The one type scale.
fn text_styles() -> std::collections::BTreeMap<TextStyle, FontId> {
    let sans = |points| FontId::new(points, FontFamily::Proportional);
    [
        (TextStyle::Small, sans(12.0)),
        (TextStyle::Body, sans(14.0)),
        (TextStyle::Button, sans(14.0)),
        (TextStyle::Monospace, FontId::new(13.0, FontFamily::Monospace)),
        (text::card(), sans(16.0)),
        (TextStyle::Heading, sans(20.0)),
        (text::title(), sans(24.0)),
    ]
    .into()
}

fn visuals(theme: Theme, tokens: &Tokens) -> Visuals {
    let mut visuals = if theme == Theme::Dark { Visuals::dark() } else { Visuals::light() };
    if theme == Theme::Light {
        // egui's font is a light cut: dark on white it needs more weight than its bare coverage gives.
        visuals.text_options.color_transfer_function = egui::epaint::FontColorTransferFunction::Gamma(0.6);
    }
    let card_radius = CornerRadius::same(size::RADIUS_CARD);
    visuals.panel_fill = tokens.window;
    visuals.window_fill = tokens.card;
    visuals.window_stroke = Stroke::new(1.0, tokens.border_strong);
    visuals.window_corner_radius = card_radius;
    visuals.menu_corner_radius = CornerRadius::same(size::RADIUS_LARGE);
    visuals.window_shadow = shadow(theme, 24);
    visuals.popup_shadow = shadow(theme, 12);
    visuals.extreme_bg_color = tokens.well;
    visuals.text_edit_bg_color = Some(tokens.well);
    visuals.faint_bg_color = tokens.well;
    visuals.code_bg_color = tokens.well;
    visuals.hyperlink_color = tokens.accent_text;
    visuals.warn_fg_color = tokens.warn;
    visuals.error_fg_color = tokens.error;
    visuals.weak_text_color = Some(tokens.text_weak);
    visuals.selection.bg_fill = tokens.accent_soft;
    visuals.selection.stroke = Stroke::new(1.0, tokens.accent_text);
    visuals.slider_trailing_fill = true;
    visuals.image_loading_spinners = false;
    visuals.disabled_alpha = 0.5;
    widget_visuals(&mut visuals.widgets, tokens);
    visuals
}

fn widget_visuals(widgets: &mut egui::style::Widgets, tokens: &Tokens) {
    let states = [
        (&mut widgets.noninteractive, tokens.card, tokens.border, tokens.text),
        (&mut widgets.inactive, tokens.control, tokens.border_strong, tokens.text_strong),
        (&mut widgets.hovered, tokens.control_hover, tokens.border_strong, tokens.text_strong),
        (&mut widgets.active, tokens.control_active, tokens.accent, tokens.text_strong),
        (&mut widgets.open, tokens.control_hover, tokens.accent, tokens.text_strong),
    ];
    for (widget, fill, border, text) in states {
        widget.bg_fill = fill;
        widget.weak_bg_fill = fill;
        widget.bg_stroke = Stroke::new(1.0, border);
        widget.fg_stroke = Stroke::new(1.0, text);
        widget.corner_radius = CornerRadius::same(size::RADIUS);
        widget.expansion = 0.0;
    }
}

fn shadow(theme: Theme, blur: u8) -> Shadow {
    let alpha = if theme == Theme::Dark { 110 } else { 36 };
    Shadow { offset: [0, (blur / 3) as i8], blur, spread: 0, color: Color32::from_black_alpha(alpha) }
}

/// The frame of a card.
pub fn card_frame(tokens: &Tokens) -> egui::Frame {
    egui::Frame::new()
        .fill(tokens.card)
        .stroke(Stroke::new(1.0, tokens.border))
        .corner_radius(CornerRadius::same(size::RADIUS_CARD))
        .inner_margin(Margin::same(space::L as i8))
}

/// The frame of a text that stands apart: a notice in place, a result.
pub fn callout_frame(fill: Color32) -> egui::Frame {
    egui::Frame::new()
        .fill(fill)
        .corner_radius(CornerRadius::same(size::RADIUS))
        .inner_margin(Margin::symmetric(space::M as i8, space::S as i8))
}

/// The frame of a text that is not the window's own: an answer, an example.
pub fn well_frame(tokens: &Tokens) -> egui::Frame {
    egui::Frame::new()
        .fill(tokens.well)
        .corner_radius(CornerRadius::same(size::RADIUS))
        .inner_margin(Margin::same(space::M as i8))
}

/// The frame of a dialog.
pub fn dialog_frame(tokens: &Tokens) -> egui::Frame {
    card_frame(tokens).stroke(Stroke::new(1.0, tokens.border_strong)).inner_margin(Margin::same(20)).shadow(Shadow {
        offset: [0, 8],
        blur: 32,
        spread: 0,
        color: Color32::from_black_alpha(96),
    })
}

#[cfg(test)]
#[path = "theme_tests.rs"]
mod tests;
