//! The table's columns: their names, what a run has in them, and how they order runs.

use std::cmp::Ordering;

use crate::app::widgets::figures::{count, duration, figure};
use crate::project::runs::RunEntry;

/// Room in which a name and a tag or two can be read.
const NAME: f32 = 220.0;

/// A column that runs can be ordered by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Column {
    Name,
    #[default]
    Started,
    Status,
    Method,
    Rank,
    Heads,
    HeldOut,
    Time,
    Steps,
}

impl Column {
    /// Every column, from left to right.
    pub const ALL: [Self; 9] = [
        Self::Name,
        Self::Started,
        Self::Status,
        Self::Method,
        Self::Rank,
        Self::Heads,
        Self::HeldOut,
        Self::Time,
        Self::Steps,
    ];

    /// The heading.
    pub fn title(self) -> &'static str {
        match self {
            Self::Name => "Name",
            Self::Started => "Started",
            Self::Status => "Status",
            Self::Method => "Method",
            Self::Rank => "Rank",
            Self::Heads => "Heads",
            Self::HeldOut => "Held-out",
            Self::Time => "Time",
            Self::Steps => "Steps",
        }
    }

    /// What the column tells, for the tip on its heading.
    pub fn explanation(self) -> &'static str {
        match self {
            Self::Name => "The run folder's name, and its tags",
            Self::Started => "When the run was begun",
            Self::Status => "How the run stands",
            Self::Method => "What was trained",
            Self::Rank => "Rank of each head",
            Self::Heads => "Number of heads",
            Self::HeldOut => "The lowest held-out loss that was measured. Lower is better, on the same data.",
            Self::Time => "Time trained, pauses left out",
            Self::Steps => "Steps done, of all",
        }
    }

    /// The width in points; `None` takes what the others leave.
    pub fn width(self) -> Option<f32> {
        match self {
            Self::Name => None,
            Self::Started => Some(124.0),
            Self::Status => Some(88.0),
            Self::Method => Some(104.0),
            Self::Rank => Some(52.0),
            Self::Heads => Some(58.0),
            Self::HeldOut => Some(76.0),
            Self::Time => Some(96.0),
            Self::Steps => Some(104.0),
        }
    }

    /// The columns that fit into `width` points, from left to right: those that matter least give way to names.
    pub fn fitting(width: f32, gap: f32) -> Vec<Self> {
        let mut shown = Self::ALL.to_vec();
        for least in [Self::Heads, Self::Rank, Self::Time, Self::Method] {
            let taken: f32 = shown.iter().map(|column| column.width().unwrap_or(NAME) + gap).sum();
            if taken <= width {
                break;
            }
            shown.retain(|column| *column != least);
        }
        shown
    }

    /// What a run has in the column; `step` is where it stands.
    pub fn text(self, run: &RunEntry, step: usize) -> String {
        match self {
            Self::Name => run.name.clone(),
            Self::Started => run.started().map_or_else(String::new, |time| time.format("%Y-%m-%d %H:%M").to_string()),
            Self::Status => run.status.title().to_owned(),
            Self::Method => run.file.settings.method.title().to_owned(),
            Self::Rank => count(run.file.settings.rank),
            Self::Heads => count(run.file.settings.adapter_spec().heads),
            Self::HeldOut => run.held_out().map_or_else(String::new, figure),
            Self::Time => duration(run.elapsed_s),
            Self::Steps => format!("{} of {}", count(step), count(run.steps)),
        }
    }

    /// How two runs follow each other, the smaller first.
    fn compare(self, a: &RunEntry, b: &RunEntry) -> Ordering {
        let settings = |run: &RunEntry| run.file.settings.adapter_spec();
        match self {
            Self::Name => a.name.to_lowercase().cmp(&b.name.to_lowercase()),
            Self::Started => a.started().cmp(&b.started()),
            Self::Status => a.status.title().cmp(b.status.title()),
            Self::Method => settings(a).method.title().cmp(settings(b).method.title()),
            Self::Rank => settings(a).rank.cmp(&settings(b).rank),
            Self::Heads => settings(a).heads.cmp(&settings(b).heads),
            Self::HeldOut => a.held_out().unwrap_or(f64::NAN).total_cmp(&b.held_out().unwrap_or(f64::NAN)),
            Self::Time => a.elapsed_s.total_cmp(&b.elapsed_s),
            Self::Steps => a.step.cmp(&b.step),
        }
    }

    /// Whether a run has something in the column; those without come last, whichever way the order goes.
    fn is_known(self, run: &RunEntry) -> bool {
        match self {
            Self::HeldOut => run.held_out().is_some(),
            Self::Started => run.started().is_some(),
            _ => true,
        }
    }
}

/// Which way an order goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Direction {
    Rising,
    #[default]
    Falling,
}

/// The order of the rows: at first the latest run first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Order {
    pub column: Column,
    pub direction: Direction,
}

impl Order {
    /// Orders by a column, or the other way round where it is that one already.
    pub fn by(&mut self, column: Column) {
        let turned = match self.direction {
            Direction::Rising => Direction::Falling,
            Direction::Falling => Direction::Rising,
        };
        let first = if column == Column::Started { Direction::Falling } else { Direction::Rising };
        self.direction = if self.column == column { turned } else { first };
        self.column = column;
    }

    /// The runs in this order.
    pub fn sorted(self, mut runs: Vec<&RunEntry>) -> Vec<&RunEntry> {
        runs.sort_by(|a, b| {
            let known = self.column.is_known(b).cmp(&self.column.is_known(a));
            let order = self.column.compare(a, b);
            known.then(if self.direction == Direction::Rising { order } else { order.reverse() })
        });
        runs
    }
}
