//! Runs side by side, with the facts of the paper's Table 2 and Figures 5 and 6: what is trained, as numbers and as a share
//! of the model, what it reaches, and what it costs.

use serde::{Deserialize, Serialize};

use super::runs::{RunEntry, RunStatus};
use crate::adapter::Method;
use crate::train::{Energy, EnergyPart, RunFile};

/// One run of a comparison.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Compared {
    /// The folder's name.
    pub run: String,
    pub status: RunStatus,
    pub method: Method,
    pub rank: usize,
    /// How many `B` a module has.
    pub heads: usize,
    /// How many `A` a module has.
    pub a_count: usize,
    pub lr: f64,
    /// Trainable parameters of `A` and `B`.
    pub parameters: usize,
    /// Trainable parameters of the routers.
    pub router_parameters: usize,
    /// Trainable parameters, routers included, as a share of the base model's, 0 to 1; `None` where those were not noted.
    pub share_of_model: Option<f64>,
    /// Held-out loss before training, at its best and at the last measure, in nats a token.
    pub held_out_first: Option<f64>,
    pub held_out_best: Option<f64>,
    pub held_out_last: Option<f64>,
    /// Time trained, pauses left out.
    pub elapsed_s: f64,
    /// Over all parts of the machine; measured only where every part is.
    pub energy: Option<EnergyPart>,
    /// The most memory that the process held.
    pub peak_bytes: Option<u64>,
}

impl Compared {
    /// The facts of a run.
    pub fn of(entry: &RunEntry) -> Self {
        let file = &entry.file;
        let spec = file.settings.adapter_spec();
        let trained = file.parameters + file.router_parameters;
        let share = trained as f64 / file.model_parameters.max(1) as f64;
        Self {
            run: entry.name.clone(),
            status: entry.status.clone(),
            method: spec.method,
            rank: spec.rank,
            heads: spec.heads,
            a_count: spec.a_count(),
            lr: file.settings.lr,
            parameters: file.parameters,
            router_parameters: file.router_parameters,
            share_of_model: (file.model_parameters > 0).then_some(share),
            held_out_first: entry.first_held_out,
            held_out_best: lowest(entry.best.as_ref().map(|best| best.loss), entry.last_held_out),
            held_out_last: entry.last_held_out,
            elapsed_s: entry.elapsed_s,
            energy: entry.energy.map(total),
            peak_bytes: entry.peak_bytes,
        }
    }

    /// Whether the run came to its end, so that its figures are those of the whole of it.
    pub fn is_whole(&self) -> bool {
        matches!(self.status, RunStatus::Finished | RunStatus::EarlyStop)
    }

    /// What it is, in words: `LoRA-Split, rank 8, 3 heads`.
    pub fn title(&self) -> String {
        match self.heads {
            1 => format!("{}, rank {}", self.method.title(), self.rank),
            heads => format!("{}, rank {}, {heads} heads", self.method.title(), self.rank),
        }
    }
}

fn lowest(best: Option<f64>, last: Option<f64>) -> Option<f64> {
    best.into_iter().chain(last).filter(|loss| loss.is_finite()).min_by(f64::total_cmp)
}

/// Energy of all parts together.
fn total(energy: Energy) -> EnergyPart {
    let parts = [Some(energy.cpu), energy.gpu, Some(energy.ram)];
    let parts = parts.iter().flatten();
    EnergyPart { wh: parts.clone().map(|part| part.wh).sum(), measured: parts.clone().all(|part| part.measured) }
}

/// A column of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Column {
    Method,
    Rank,
    Heads,
    LearningRate,
    Parameters,
    WithRouter,
    Share,
    First,
    Best,
    Last,
    Time,
    Energy,
    Memory,
}

impl Column {
    /// Every column, in the order of the table.
    pub const ALL: [Self; 13] = [
        Self::Method,
        Self::Rank,
        Self::Heads,
        Self::LearningRate,
        Self::Parameters,
        Self::WithRouter,
        Self::Share,
        Self::First,
        Self::Best,
        Self::Last,
        Self::Time,
        Self::Energy,
        Self::Memory,
    ];

    /// The figure of a run by which the column is sorted, where it has one.
    pub fn value(self, run: &Compared) -> Option<f64> {
        match self {
            Self::Method => Method::ALL.iter().position(|method| *method == run.method).map(|at| at as f64),
            Self::Rank => Some(run.rank as f64),
            Self::Heads => Some(run.heads as f64),
            Self::LearningRate => Some(run.lr),
            Self::Parameters => Some(run.parameters as f64),
            Self::WithRouter => Some((run.parameters + run.router_parameters) as f64),
            Self::Share => run.share_of_model,
            Self::First => run.held_out_first,
            Self::Best => run.held_out_best,
            Self::Last => run.held_out_last,
            Self::Time => Some(run.elapsed_s),
            Self::Energy => run.energy.map(|energy| energy.wh),
            Self::Memory => run.peak_bytes.map(|bytes| bytes as f64),
        }
    }

    /// Whether a lower figure is the better one; of the others none is better.
    pub fn lower_is_better(self) -> bool {
        match self {
            Self::Method | Self::Rank | Self::Heads | Self::LearningRate | Self::First => false,
            Self::Parameters | Self::WithRouter | Self::Share => true,
            Self::Best | Self::Last | Self::Time | Self::Energy | Self::Memory => true,
        }
    }

    /// The best figure among the runs that came to their end; `None` where no two of them differ.
    pub fn best(self, runs: &[Compared]) -> Option<f64> {
        if !self.lower_is_better() {
            return None;
        }
        let values = || runs.iter().filter(|run| run.is_whole()).filter_map(|run| self.value(run));
        let best = values().min_by(f64::total_cmp)?;
        values().any(|value| value > best).then_some(best)
    }
}

/// Sorts runs by a column; those without a figure come last either way.
pub fn sort(runs: &mut [Compared], column: Column, is_descending: bool) {
    runs.sort_by(|a, b| {
        let (a, b) = (column.value(a), column.value(b));
        match (a, b) {
            (Some(a), Some(b)) if is_descending => b.total_cmp(&a),
            (Some(a), Some(b)) => a.total_cmp(&b),
            (a, b) => b.is_some().cmp(&a.is_some()),
        }
    });
}

/// What the runs differ in beside the method, its rank and heads, and the learning rate, in words: such runs do not compare
/// the methods alone.
pub fn differences<'a>(runs: impl IntoIterator<Item = &'a RunEntry>) -> Vec<&'static str> {
    let files: Vec<&RunFile> = runs.into_iter().map(|run| &run.file).collect();
    let Some((first, others)) = files.split_first() else { return Vec::new() };
    let contents = |file: &RunFile| file.data.files().iter().map(|file| file.sha256.clone()).collect::<Vec<_>>();
    let differs = |is_same: &dyn Fn(&RunFile) -> bool| others.iter().any(|file| !is_same(file));
    let of_first = &first.settings;
    let mut found = Vec::new();
    let mut note = |what, is_different| {
        if is_different {
            found.push(what);
        }
    };
    note("base model", differs(&|file| file.model.fingerprint == first.model.fingerprint));
    note("data", differs(&|file| contents(file) == contents(first)));
    note("length", differs(&|file| file.steps == first.steps));
    note("batch", differs(&|file| file.settings.effective_batch() == of_first.effective_batch()));
    note("context", differs(&|file| file.settings.context == of_first.context));
    note("seed", differs(&|file| file.settings.seed == of_first.seed));
    let targets = |file: &RunFile| file.settings.adapter_spec().targets;
    note("targets", differs(&|file| targets(file) == targets(first)));
    note("device", differs(&|file| file.device == first.device));
    found
}

/// The table as CSV, in plain units: counts, nats, seconds, watt-hours, bytes.
pub fn to_csv(runs: &[Compared]) -> String {
    let mut text = CSV_HEAD.join(",");
    text.push('\n');
    for run in runs {
        text += &csv_row(run).map(|cell| quoted(&cell)).join(",");
        text.push('\n');
    }
    text
}

const CSV_HEAD: [&str; 18] = [
    "run",
    "status",
    "method",
    "rank",
    "heads",
    "a_matrices",
    "learning_rate",
    "parameters_without_router",
    "router_parameters",
    "parameters",
    "percent_of_model",
    "held_out_first",
    "held_out_best",
    "held_out_last",
    "seconds",
    "energy_wh",
    "energy_is",
    "peak_memory_bytes",
];

fn csv_row(run: &Compared) -> [String; 18] {
    let figure = |figure: Option<f64>| figure.map(|figure| figure.to_string()).unwrap_or_default();
    let energy_is = run.energy.map_or("", |energy| if energy.measured { "measured" } else { "estimated" });
    [
        run.run.clone(),
        status_name(&run.status).into(),
        run.method.name().into(),
        run.rank.to_string(),
        run.heads.to_string(),
        run.a_count.to_string(),
        run.lr.to_string(),
        run.parameters.to_string(),
        run.router_parameters.to_string(),
        (run.parameters + run.router_parameters).to_string(),
        figure(run.share_of_model.map(|share| 100.0 * share)),
        figure(run.held_out_first),
        figure(run.held_out_best),
        figure(run.held_out_last),
        run.elapsed_s.to_string(),
        figure(run.energy.map(|energy| energy.wh)),
        energy_is.into(),
        run.peak_bytes.map(|bytes| bytes.to_string()).unwrap_or_default(),
    ]
}

/// A cell in quotes where it holds what would end it.
fn quoted(cell: &str) -> String {
    if cell.contains([',', '"', '\n', '\r']) { format!("\"{}\"", cell.replace('"', "\"\"")) } else { cell.to_owned() }
}

/// How a run stands, in one word.
pub fn status_name(status: &RunStatus) -> &'static str {
    match status {
        RunStatus::Finished => "finished",
        RunStatus::Stopped => "stopped",
        RunStatus::EarlyStop => "ended early",
        RunStatus::Failed { .. } => "failed",
        RunStatus::InTraining => "in training",
        RunStatus::BrokenOff => "broken off",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compared(run: &str, method: Method, rank: usize, best: Option<f64>) -> Compared {
        Compared {
            run: run.into(),
            status: RunStatus::Finished,
            method,
            rank,
            heads: if method.is_single_head() { 1 } else { 3 },
            a_count: 1,
            lr: 2e-4,
            parameters: 1000 * rank,
            router_parameters: if method.has_router() { 300 } else { 0 },
            share_of_model: Some(0.001 * rank as f64),
            held_out_first: Some(2.0),
            held_out_best: best,
            held_out_last: best.map(|best| best + 0.1),
            elapsed_s: 60.0,
            energy: Some(EnergyPart { wh: 1.5, measured: false }),
            peak_bytes: Some(500),
        }
    }

    #[test]
    fn the_best_is_marked_among_runs_that_came_to_their_end() {
        let stopped = Compared {
            status: RunStatus::Stopped,
            elapsed_s: 5.0,
            ..compared("stopped", Method::HydraLora, 8, Some(0.9))
        };
        let runs = [
            compared("hydra", Method::HydraLora, 8, Some(1.2)),
            compared("lora", Method::Lora, 16, Some(1.4)),
            compared("unmeasured", Method::LoraSplit, 8, None),
            stopped,
        ];
        assert_eq!(Column::Best.best(&runs), Some(1.2));
        assert_eq!(Column::Parameters.best(&runs), Some(8000.0));
        assert_eq!(Column::WithRouter.best(&runs), Some(8000.0));
        assert_eq!(Column::Time.best(&runs), None, "all that ended took as long");
        assert_eq!((Column::Rank.best(&runs), Column::First.best(&runs)), (None, None));
    }

    #[test]
    fn runs_are_sorted_either_way_and_unknown_figures_come_last() {
        let mut runs = [
            compared("a", Method::Lora, 32, Some(1.4)),
            compared("b", Method::LoraSplit, 8, None),
            compared("c", Method::HydraLora, 8, Some(1.2)),
        ];
        let order = |runs: &[Compared]| runs.iter().map(|run| run.run.clone()).collect::<String>();
        sort(&mut runs, Column::Best, false);
        assert_eq!(order(&runs), "cab");
        sort(&mut runs, Column::Best, true);
        assert_eq!(order(&runs), "acb");
        sort(&mut runs, Column::Method, false);
        assert_eq!(order(&runs), "cab");
    }

    #[test]
    fn energy_is_measured_only_where_every_part_is() {
        let part = |wh, measured| EnergyPart { wh, measured };
        let energy = Energy { cpu: part(1.0, true), gpu: Some(part(2.0, true)), ram: part(0.5, true) };
        assert_eq!(total(energy), part(3.5, true));
        assert_eq!(total(Energy { ram: part(0.5, false), ..energy }), part(3.5, false));
    }

    #[test]
    fn the_csv_holds_every_figure_in_plain_units_and_quotes_names() {
        let mut run = compared("night, second", Method::LoraMoe, 8, Some(1.25));
        run.share_of_model = Some(0.0125);
        let text = to_csv(&[run]);
        let lines: Vec<&str> = text.lines().collect();
        let expected =
            "\"night, second\",finished,lora-moe,8,3,1,0.0002,8000,300,8300,1.25,2,1.25,1.35,60,1.5,estimated,500";
        assert_eq!(lines[1], expected);
        assert_eq!(lines[0].split(',').count(), 18);
    }
}
