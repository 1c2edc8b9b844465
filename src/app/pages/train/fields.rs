//! Every training setting as a field: its name, what it does in plain words, its usual range, and how it is edited. The
//! device has none: it is chosen with the model. "Changed" and "reset" are one mechanism: copying a single field from the
//! defaults.

use egui::{ComboBox, DragValue, Response, TextEdit, Ui};

use crate::adapter::{Method, Target};
use crate::app::pages::PageContext;
use crate::app::theme::space;
use crate::model::BaseType;
use crate::train::{Length, Schedule, TrainSettings};

/// One setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    Method,
    Rank,
    Heads,
    Alpha,
    Dropout,
    Rslora,
    Targets,
    Length,
    Batch,
    Accumulate,
    Packing,
    Context,
    Lr,
    Schedule,
    Warmup,
    MaxGradNorm,
    WeightDecay,
    HeldOut,
    Seed,
    CheckpointEvery,
    CheckpointMinutes,
    EvalEvery,
    Patience,
    MinDelta,
    Samples,
    SampleTokens,
    SamplePrompts,
    InitAdapter,
    Base,
    Recompute,
    Threads,
}

/// Fields that belong together.
pub const GROUPS: [(&str, &[Field]); 6] = [
    (
        "Adapter",
        &[
            Field::Method,
            Field::Heads,
            Field::Rank,
            Field::Alpha,
            Field::Rslora,
            Field::Dropout,
            Field::Targets,
            Field::InitAdapter,
        ],
    ),
    ("Length and batch", &[Field::Length, Field::Batch, Field::Accumulate, Field::Context, Field::Packing]),
    ("Learning", &[Field::Lr, Field::Schedule, Field::Warmup, Field::MaxGradNorm, Field::WeightDecay]),
    ("Memory and speed", &[Field::Base, Field::Recompute, Field::Threads]),
    (
        "Measuring",
        &[
            Field::HeldOut,
            Field::EvalEvery,
            Field::Patience,
            Field::MinDelta,
            Field::Samples,
            Field::SampleTokens,
            Field::SamplePrompts,
        ],
    ),
    ("Saving and repeating", &[Field::CheckpointEvery, Field::CheckpointMinutes, Field::Seed]),
];

/// What is said about a field.
pub struct FieldText {
    pub name: &'static str,
    pub explanation: &'static str,
    pub usual: &'static str,
}

const fn text(name: &'static str, usual: &'static str, explanation: &'static str) -> FieldText {
    FieldText { name, explanation, usual }
}

impl Field {
    /// The field in words.
    #[rustfmt::skip]
    pub fn text(self) -> FieldText {
        match self {
            Self::Method => text("Method", "HydraLoRA", "HydraLoRA shares one matrix A among several heads and lets a router mix them for every token. The others are for comparison."),
            Self::Rank => text("Rank", "4 to 32", "How much each head can express. More learns finer detail, and takes more memory and time."),
            Self::Heads => text("Heads", "2 to 8", "How many heads share the work. About one for each kind of task in the data. Plain LoRA always has one."),
            Self::Alpha => text("Alpha", "twice the rank", "How strongly the adapter speaks beside the base model: its output is scaled by alpha over rank."),
            Self::Dropout => text("Dropout", "0 to 0.1", "Share of the input hidden from A at random while training. Helps small data against learning by heart."),
            Self::Rslora => text("Rank-stable scale", "off; on from rank 64", "Divides alpha by the square root of the rank instead of the rank, which keeps large ranks learning."),
            Self::Targets => text("Modules", "all seven", "Which projections of every layer get an adapter: four of attention (q, k, v, o), three of the feed-forward part (gate, up, down)."),
            Self::Length => text("Length", "1 to 3 epochs", "How long to train: passes over all examples, or a number of optimizer steps."),
            Self::Batch => text("Batch", "1 to 8", "Rows computed at once: each is one example or, packed, as many as fit the context. More is faster and takes more memory."),
            Self::Accumulate => text("Accumulation", "1 to 16", "Each optimizer step takes this many times the batch in examples. Raises the effective batch without taking memory."),
            Self::Packing => text("Packing", "on", "Lays short examples end to end in rows of the context's length. Off gives each a row of its own, filled up to the longest: slower, and learns the same."),
            Self::Context => text("Context", "256 to 2048 tokens", "Longest example in tokens; what is longer is cut. Time and memory grow with it."),
            Self::Lr => text("Learning rate", "1e-4 to 1e-3", "How far each step moves the adapter. Too high and the loss jumps or turns into not a number; too low and it hardly falls."),
            Self::Schedule => text("Schedule", "cosine", "How the learning rate falls after warm-up: along a cosine, along a line, or not at all."),
            Self::Warmup => text("Warm-up", "0.03 to 0.1", "Share of all steps over which the learning rate rises from 0, so that the first steps break nothing."),
            Self::MaxGradNorm => text("Gradient clipping", "1", "Gradients longer than this are shortened to it, which tames outliers. 0 switches it off."),
            Self::WeightDecay => text("Weight decay", "0 to 0.1", "Pulls the weights towards 0 at every step. Rarely needed for adapters."),
            Self::HeldOut => text("Held-out share", "0.02 to 0.1", "Share of the examples kept out of training, to measure on what the adapter has never seen."),
            Self::Seed => text("Seed", "any", "Start of all randomness. The same seed, data and settings give the same adapter on CPU."),
            Self::CheckpointEvery => text("Checkpoint every", "automatic", "Steps between two checkpoints on disk. Automatic: ten over the run, and never more than 100 steps apart."),
            Self::EvalEvery => text("Measure every", "automatic", "Steps between two measures of held-out loss. Automatic: ten over the run."),
            Self::CheckpointMinutes => text("Checkpoint within", "5 minutes", "Longest time between two checkpoints, however slow the steps are. 0 leaves it to the steps alone."),
            Self::Patience => text("Early stop", "off; 3 to 5 measures", "Ends the run once held-out loss has brought nothing better this many times in a row. The best checkpoint is kept."),
            Self::MinDelta => text("Least improvement", "0 to 0.01", "How far held-out loss must fall below its best to count as better."),
            Self::Samples => text("Sample answers", "3", "How many prompts are answered at every measure, so that you can watch the answers change. 0 switches it off."),
            Self::SampleTokens => text("Longest sample answer", "32 to 128 tokens", "Longer answers show more, and take more time at every measure."),
            Self::SamplePrompts => text("Own prompts", "none", "Prompts of your own to answer at every measure, one a line. What is left of the number is drawn from held-out examples, one for each topic in turn."),
            Self::InitAdapter => text("Start from adapter", "none", "A folder with an adapter to go on from, of the same method, heads, rank and modules. Empty: start anew."),
            Self::Base => text("Base model kept as", "as stored", "What the frozen weights are kept in while training. Fewer bits take less memory; 8 bits round a little. On the processor all arithmetic stays in 32 bits; a GPU takes 16 or 32."),
            Self::Recompute => text("Recomputation", "off", "Computes every layer again on the way back instead of remembering it: far less memory, about a third more time, the same result."),
            Self::Threads => text("Threads", "automatic", "Processor cores that training uses. Automatic: all of them; the window still comes first."),
        }
    }

    /// Copies this field alone.
    fn copy(self, from: &TrainSettings, to: &mut TrainSettings) {
        match self {
            Self::Method => to.method = from.method,
            Self::Rank => to.rank = from.rank,
            Self::Heads => to.heads = from.heads,
            Self::Alpha => to.alpha = from.alpha,
            Self::Dropout => to.dropout = from.dropout,
            Self::Rslora => to.rslora = from.rslora,
            Self::Targets => to.targets.clone_from(&from.targets),
            Self::Length => to.length = from.length,
            Self::Batch => to.batch = from.batch,
            Self::Accumulate => to.accumulate = from.accumulate,
            Self::Packing => to.packing = from.packing,
            Self::Context => to.context = from.context,
            Self::Lr => to.lr = from.lr,
            Self::Schedule => to.schedule = from.schedule,
            Self::Warmup => to.warmup = from.warmup,
            Self::MaxGradNorm => to.max_grad_norm = from.max_grad_norm,
            Self::WeightDecay => to.weight_decay = from.weight_decay,
            Self::HeldOut => to.held_out = from.held_out,
            Self::Seed => to.seed = from.seed,
            Self::CheckpointEvery => to.checkpoint_every = from.checkpoint_every,
            Self::CheckpointMinutes => to.checkpoint_minutes = from.checkpoint_minutes,
            Self::EvalEvery => to.eval_every = from.eval_every,
            Self::Patience => to.patience = from.patience,
            Self::MinDelta => to.min_delta = from.min_delta,
            Self::Samples => to.samples = from.samples,
            Self::SampleTokens => to.sample_tokens = from.sample_tokens,
            Self::SamplePrompts => to.sample_prompts.clone_from(&from.sample_prompts),
            Self::InitAdapter => to.init_adapter.clone_from(&from.init_adapter),
            Self::Base => to.base = from.base,
            Self::Recompute => to.recompute = from.recompute,
            Self::Threads => to.threads = from.threads,
        }
    }

    /// Whether the field differs from its default.
    pub fn is_changed(self, settings: &TrainSettings) -> bool {
        let mut probe = settings.clone();
        self.reset(&mut probe);
        probe != *settings
    }

    /// Gives the field its default.
    pub fn reset(self, settings: &mut TrainSettings) {
        self.copy(&TrainSettings::default(), settings);
    }

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
        }
    }
}

const SCHEDULES: [(Schedule, &str); 3] =
    [(Schedule::Cosine, "Cosine"), (Schedule::Linear, "Linear"), (Schedule::Constant, "Constant")];

const BASES: [(BaseType, &str); 5] = [
    (BaseType::Stored, "As stored"),
    (BaseType::F32, "32 bits"),
    (BaseType::BF16, "16 bits (bf16)"),
    (BaseType::F16, "16 bits (f16)"),
    (BaseType::Q8_0, "8 bits"),
];

/// Measures that early stopping waits for when it is switched on.
const USUAL_PATIENCE: usize = 3;

/// What an interval starts with when automatic is switched off.
const USUAL_INTERVAL: usize = 50;

fn named(response: Response, name: &str) {
    response.accessible_name(name);
}

fn choice_ui<T: Copy + PartialEq>(ui: &mut Ui, name: &str, value: &mut T, choices: &[(T, &str)]) {
    let shown = choices.iter().find(|(choice, _)| choice == value).map_or("", |(_, text)| text);
    let combo = ComboBox::from_id_salt(name).selected_text(shown).width(180.0).show_ui(ui, |ui| {
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

fn short_number(value: f64) -> String {
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

fn targets_ui(ui: &mut Ui, targets: &mut Vec<Target>) {
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing.x = space::M;
        for target in Target::ALL {
            let mut is_on = targets.contains(&target);
            let short = target.name().strip_suffix("_proj").unwrap_or(target.name());
            let response = ui.checkbox(&mut is_on, short);
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
    let field = TextEdit::singleline(&mut text).hint_text("Start anew").desired_width(220.0);
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
    use crate::train::DeviceChoice;

    fn all() -> Vec<Field> {
        GROUPS.iter().flat_map(|(_, fields)| fields.iter().copied()).collect()
    }

    /// Settings that differ from the defaults in every field.
    fn different() -> TrainSettings {
        TrainSettings {
            method: Method::Lora,
            rank: 1,
            heads: 1,
            alpha: Some(1.0),
            dropout: 0.5,
            rslora: true,
            targets: vec![Target::Q],
            length: Length::Steps(1),
            batch: 1,
            accumulate: 1,
            packing: false,
            context: 8,
            lr: 1.0,
            schedule: Schedule::Constant,
            warmup: 0.5,
            max_grad_norm: 0.0,
            weight_decay: 0.5,
            held_out: 0.5,
            seed: 1,
            // The loaded model's device holds.
            device: DeviceChoice::default(),
            checkpoint_every: Some(1),
            checkpoint_minutes: 1.0,
            eval_every: Some(1),
            patience: Some(1),
            min_delta: 0.5,
            samples: 1,
            sample_tokens: 1,
            sample_prompts: vec!["a".into()],
            init_adapter: Some("a".into()),
            base: BaseType::F16,
            recompute: true,
            threads: Some(1),
        }
    }

    #[test]
    fn every_setting_has_its_field() {
        let mut settings = different();
        let fields = all();
        for field in &fields {
            assert!(field.is_changed(&settings), "{field:?} is not told apart from its default");
            field.reset(&mut settings);
            assert!(!field.is_changed(&settings));
        }
        assert_eq!(settings, TrainSettings::default(), "a setting has no field");
    }

    #[test]
    fn no_two_fields_share_a_name() {
        let mut names: Vec<&str> = all().into_iter().map(|field| field.text().name).collect();
        names.sort_unstable();
        let before = names.len();
        names.dedup();
        assert_eq!(names.len(), before);
    }

    #[test]
    fn small_numbers_are_short() {
        let cases = [(2e-4, "2e-4"), (0.00025000001, "2.5e-4"), (1.0, "1"), (0.0, "0"), (0.05, "0.05")];
        for (value, text) in cases {
            assert_eq!(short_number(value), text);
        }
    }
}
