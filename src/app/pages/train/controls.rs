//! How every setting is edited. Every part of a control has an accessible name.

use egui::{ComboBox, DragValue, Response, TextEdit, Ui};

use super::field_text::short_name;
use super::fields::Field;
use crate::adapter::{Method, Target};
use crate::app::pages::PageContext;
use crate::app::theme::{size, space};
use crate::app::widgets::buttons::chevron;
use crate::model::BaseType;
use crate::train::{Length, RouterInit, Schedule, TrainSettings};

impl Field {
    /// The control that edits the field. Every part of it gets an accessible name.
    pub fn control_ui(self, ui: &mut Ui, settings: &mut TrainSettings, cx: &PageContext<'_>) {
        let name = self.text().name;
        match self {
            Self::Method => choice_ui(ui, name, &mut settings.method, &Method::ALL.map(|m| (m, m.title()))),
            Self::Rank => whole_ui(ui, name, &mut settings.rank, 1..=1024),
            Self::Heads => heads_ui(ui, name, settings),
            Self::Alpha => alpha_ui(ui, name, settings),
            Self::Dropout => share_ui(ui, name, &mut settings.dropout, 0.99),
            Self::Rslora => named(ui.checkbox(&mut settings.rslora, "Divide by the root of the rank"), name),
            Self::Targets => targets_ui(ui, &mut settings.targets),
            Self::Length => length_ui(ui, name, &mut settings.length),
            Self::Batch => whole_ui(ui, name, &mut settings.batch, 1..=1024),
            Self::Accumulate => whole_ui(ui, name, &mut settings.accumulate, 1..=4096),
            Self::Packing => named(ui.checkbox(&mut settings.packing, "Lay examples end to end"), name),
            Self::Context => whole_ui(ui, name, &mut settings.context, 8..=1_048_576),
            Self::Lr => number_ui(ui, name, &mut settings.lr, 1e-5, 10.0),
            Self::Schedule => choice_ui(ui, name, &mut settings.schedule, &SCHEDULES),
            Self::Warmup => share_ui(ui, name, &mut settings.warmup, 1.0),
            Self::MaxGradNorm => number_ui(ui, name, &mut settings.max_grad_norm, 0.05, 1e6),
            Self::WeightDecay => number_ui(ui, name, &mut settings.weight_decay, 0.001, 10.0),
            Self::HeldOut => share_ui(ui, name, &mut settings.held_out, 0.89),
            Self::Seed => named(ui.add(DragValue::new(&mut settings.seed)), name),
            Self::CheckpointEvery => every_ui(ui, name, &mut settings.checkpoint_every),
            Self::CheckpointMinutes => number_ui(ui, name, &mut settings.checkpoint_minutes, 0.1, 1e6),
            Self::EvalEvery => every_ui(ui, name, &mut settings.eval_every),
            Self::Patience => patience_ui(ui, name, &mut settings.patience),
            Self::MinDelta => number_ui(ui, name, &mut settings.min_delta, 0.001, 1e3),
            Self::Samples => whole_ui(ui, name, &mut settings.samples, 0..=64),
            Self::SampleTokens => whole_ui(ui, name, &mut settings.sample_tokens, 1..=4096),
            Self::SamplePrompts => prompts_ui(ui, name, &mut settings.sample_prompts),
            Self::InitAdapter => init_adapter_ui(ui, name, settings, cx),
            Self::Base => choice_ui(ui, name, &mut settings.base, &BASES),
            Self::Recompute => named(ui.checkbox(&mut settings.recompute, "Trade time for memory"), name),
            Self::Threads => threads_ui(ui, name, &mut settings.threads),
            Self::RouterInit => choice_ui(ui, name, &mut settings.router_init, &ROUTER_STARTS),
            Self::RouterStrength => number_ui(ui, name, &mut settings.router_strength, 0.05, 100.0),
            Self::BalanceLoss => number_ui(ui, name, &mut settings.balance_loss, 0.001, 100.0),
            Self::GateTemperature => temperature_ui(ui, name, &mut settings.gate_temperature),
            Self::TopKHeads => top_k_ui(ui, name, settings),
            Self::BInit => number_ui(ui, name, &mut settings.b_init, 0.001, 1.0),
            Self::OnlyTopic => only_topic_ui(ui, name, settings, cx),
        }
    }
}

pub(super) const SCHEDULES: [(Schedule, &str); 3] =
    [(Schedule::Cosine, "Cosine"), (Schedule::Linear, "Linear"), (Schedule::Constant, "Constant")];

pub(super) const BASES: [(BaseType, &str); 5] = [
    (BaseType::Stored, "As stored"),
    (BaseType::F32, "32 bits"),
    (BaseType::BF16, "16 bits (bf16)"),
    (BaseType::F16, "16 bits (f16)"),
    (BaseType::Q8_0, "8 bits"),
];

pub(super) const ROUTER_STARTS: [(RouterInit, &str); 2] =
    [(RouterInit::Random, "Random"), (RouterInit::Topics, "Topics")];

/// Heads that share a token when "all" is switched off.
const USUAL_TOP_K: usize = 2;

/// Measures that early stopping waits for when it is switched on.
const USUAL_PATIENCE: usize = 3;

/// What an interval starts with when automatic is switched off.
const USUAL_INTERVAL: usize = 50;

fn named(response: Response, name: &str) {
    response.accessible_name(name);
}

fn choice_ui<T: Copy + PartialEq>(ui: &mut Ui, name: &str, value: &mut T, choices: &[(T, &str)]) {
    let shown = choices.iter().find(|(choice, _)| choice == value).map_or("", |(_, text)| text);
    let combo = ComboBox::from_id_salt(name).selected_text(shown).width(180.0).icon(chevron).show_ui(ui, |ui| {
        for (choice, text) in choices {
            ui.selectable_value(value, *choice, *text);
        }
    });
    named(combo.response, name);
}

fn whole_ui(ui: &mut Ui, name: &str, value: &mut usize, range: std::ops::RangeInclusive<usize>) {
    named(ui.add(DragValue::new(value).range(range).speed(0.2)), name);
}

fn share_ui(ui: &mut Ui, name: &str, value: &mut f64, most: f64) {
    named(ui.add(DragValue::new(value).range(0.0..=most).speed(0.005).max_decimals(3)), name);
}

/// A number that may be tiny: shown, and read, with a power of ten where that is shorter.
fn number_ui(ui: &mut Ui, name: &str, value: &mut f64, speed: f64, most: f64) {
    let field = DragValue::new(value).range(0.0..=most).speed(speed).custom_formatter(|value, _| short_number(value));
    named(ui.add(field), name);
}

/// A number with four digits that matter, and a power of ten where it is tiny.
pub(super) fn short_number(value: f64) -> String {
    // Dragging leaves digits that nobody set.
    let rounded: f64 = format!("{value:.3e}").parse().unwrap_or(value);
    if rounded != 0.0 && rounded.abs() < 0.01 { format!("{rounded:e}") } else { format!("{rounded}") }
}

fn heads_ui(ui: &mut Ui, name: &str, settings: &mut TrainSettings) {
    let is_single = settings.method.is_single_head();
    ui.add_enabled_ui(!is_single, |ui| whole_ui(ui, name, &mut settings.heads, 1..=64));
    if is_single {
        ui.weak("always one");
    }
}

fn alpha_ui(ui: &mut Ui, name: &str, settings: &mut TrainSettings) {
    let usual = 2.0 * settings.rank as f64;
    let mut is_auto = settings.alpha.is_none();
    if ui.checkbox(&mut is_auto, format!("Twice the rank: {usual}")).changed() {
        settings.alpha = if is_auto { None } else { Some(usual) };
    }
    if let Some(alpha) = &mut settings.alpha {
        number_ui(ui, name, alpha, 0.2, 1e6);
    }
}

fn every_ui(ui: &mut Ui, name: &str, value: &mut Option<usize>) {
    automatic_ui(ui, name, value, USUAL_INTERVAL, 1_000_000, " steps");
}

fn patience_ui(ui: &mut Ui, name: &str, value: &mut Option<usize>) {
    let mut is_on = value.is_some();
    let switch = ui.checkbox(&mut is_on, "Stop early");
    if switch.changed() {
        *value = if is_on { Some(USUAL_PATIENCE) } else { None };
    }
    switch.accessible_name(format!("{name}: on"));
    if let Some(measures) = value {
        named(ui.add(DragValue::new(measures).range(1..=1000).suffix(" measures")), name);
    }
}

fn prompts_ui(ui: &mut Ui, name: &str, prompts: &mut Vec<String>) {
    let mut text = prompts.join("\n");
    let field = TextEdit::multiline(&mut text).hint_text("One prompt a line").desired_width(320.0).desired_rows(2);
    let response = ui.add(field);
    if response.changed() {
        *prompts = if text.is_empty() { Vec::new() } else { text.split('\n').map(str::to_owned).collect() };
    }
    named(response, name);
}

fn threads_ui(ui: &mut Ui, name: &str, value: &mut Option<usize>) {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    automatic_ui(ui, name, value, cores, cores, "");
}

/// A number that may be left to the program.
fn automatic_ui(ui: &mut Ui, name: &str, value: &mut Option<usize>, usual: usize, most: usize, suffix: &str) {
    let mut is_auto = value.is_none();
    let auto = ui.checkbox(&mut is_auto, "Automatic");
    if auto.changed() {
        *value = if is_auto { None } else { Some(usual) };
    }
    auto.accessible_name(format!("{name}: automatic"));
    if let Some(number) = value {
        named(ui.add(DragValue::new(number).range(1..=most).suffix(suffix)), name);
    }
}

fn temperature_ui(ui: &mut Ui, name: &str, value: &mut f64) {
    named(ui.add(DragValue::new(value).range(0.01..=100.0).speed(0.01).max_decimals(3)), name);
}

fn top_k_ui(ui: &mut Ui, name: &str, settings: &mut TrainSettings) {
    let mut is_all = settings.top_k_heads.is_none();
    let all = ui.checkbox(&mut is_all, "All");
    if all.changed() {
        settings.top_k_heads = if is_all { None } else { Some(USUAL_TOP_K.min(settings.heads)) };
    }
    all.accessible_name(format!("{name}: all"));
    let most = settings.heads.max(1);
    if let Some(k) = &mut settings.top_k_heads {
        named(ui.add(DragValue::new(k).range(1..=most)), name);
    }
}

/// The topics that the loaded data labels, or none of them.
fn only_topic_ui(ui: &mut Ui, name: &str, settings: &mut TrainSettings, cx: &PageContext<'_>) {
    const ALL: &str = "All topics";
    let shown = settings.only_topic.as_deref().unwrap_or(ALL).to_owned();
    let combo = ComboBox::from_id_salt(name).selected_text(shown).width(180.0).icon(chevron).show_ui(ui, |ui| {
        ui.selectable_value(&mut settings.only_topic, None, ALL);
        for (topic, _) in cx.state.data.iter().flat_map(|data| &data.topics) {
            ui.selectable_value(&mut settings.only_topic, Some(topic.clone()), topic);
        }
    });
    named(combo.response, name);
}

fn targets_ui(ui: &mut Ui, targets: &mut Vec<Target>) {
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing.x = space::M;
        for target in Target::ALL {
            let mut is_on = targets.contains(&target);
            let response = ui.checkbox(&mut is_on, short_name(target));
            if response.changed() {
                targets.retain(|other| *other != target);
                if is_on {
                    targets.push(target);
                    targets.sort();
                }
            }
        }
    });
}

fn length_ui(ui: &mut Ui, name: &str, length: &mut Length) {
    let mut is_epochs = matches!(length, Length::Epochs(_));
    let before = is_epochs;
    choice_ui(ui, "Unit of length", &mut is_epochs, &[(true, "Epochs"), (false, "Steps")]);
    if is_epochs != before {
        *length = if is_epochs { Length::Epochs(1.0) } else { Length::Steps(200) };
    }
    match length {
        Length::Epochs(epochs) => {
            named(ui.add(DragValue::new(epochs).range(0.01..=1000.0).speed(0.05).max_decimals(2)), name);
        }
        Length::Steps(steps) => whole_ui(ui, name, steps, 1..=10_000_000),
    }
}

fn init_adapter_ui(ui: &mut Ui, name: &str, settings: &mut TrainSettings, cx: &PageContext<'_>) {
    let mut text = settings.init_adapter.as_ref().map(|path| path.to_string_lossy().into_owned()).unwrap_or_default();
    let field = TextEdit::singleline(&mut text)
        .hint_text("Start anew")
        .desired_width(180.0)
        .align(egui::Align2::LEFT_CENTER)
        .min_size(egui::vec2(0.0, size::CONTROL));
    let response = ui.add(field);
    if response.changed() {
        // Kept as it is typed, blanks included; it is read when the run starts.
        settings.init_adapter = Some(text).filter(|text| !text.is_empty()).map(Into::into);
    }
    named(response, name);
    let loaded = cx.state.adapter.as_ref().and_then(|adapter| adapter.path.clone());
    if let Some(path) = loaded
        && ui.button("Use the loaded one").on_hover_text(path.to_string_lossy()).clicked()
    {
        settings.init_adapter = Some(path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_numbers_are_short() {
        let cases = [(2e-4, "2e-4"), (0.00025000001, "2.5e-4"), (1.0, "1"), (0.0, "0"), (0.05, "0.05")];
        for (value, text) in cases {
            assert_eq!(short_number(value), text);
        }
    }
}
