//! Several runs from one set of settings: every combination of ranks, heads, learning rates and methods, or the methods
//! side by side as the paper compares them.

use std::collections::HashSet;
use std::path::PathBuf;
use std::str::FromStr;

use crate::adapter::Method;
use crate::data::ColumnMap;
use crate::train::TrainSettings;

use super::RunOrder;

/// What is varied. Every list needs a value; the settings' own stands for what is not varied.
#[derive(Clone, Debug, PartialEq)]
pub struct Sweep {
    pub methods: Vec<Method>,
    pub ranks: Vec<usize>,
    /// Passed over for plain LoRA, which has one head.
    pub heads: Vec<usize>,
    pub rates: Vec<f64>,
}

/// Why a sweep makes no runs.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SweepError {
    #[error("choose at least one {what}")]
    Empty { what: &'static str },
    #[error("{count} combinations are more than the {most} that one sweep takes: choose fewer values")]
    TooMany { count: usize, most: usize },
    #[error("{0}")]
    Settings(String),
}

/// One combination.
#[derive(Clone, Debug, PartialEq)]
pub struct Variant {
    /// A name for its folder: `hydralora-r8-h3-lr2e-4`.
    pub folder: String,
    /// The same for people: `HydraLoRA, rank 8, 3 heads, learning rate 2e-4`.
    pub title: String,
    pub settings: TrainSettings,
}

impl Sweep {
    /// The most runs that one sweep makes.
    pub const MOST: usize = 64;

    /// The sweep that varies nothing.
    pub fn of(base: &TrainSettings) -> Self {
        Self { methods: vec![base.method], ranks: vec![base.rank], heads: vec![base.heads], rates: vec![base.lr] }
    }

    /// Every combination, methods outermost, each once. All else is as in `base`, but that each starts from a new adapter.
    ///
    /// # Errors
    /// When a list is empty, there are too many combinations, or one cannot be trained with.
    pub fn variants(&self, base: &TrainSettings) -> Result<Vec<Variant>, SweepError> {
        let lists = [
            ("method", self.methods.is_empty()),
            ("rank", self.ranks.is_empty()),
            ("number of heads", self.heads.is_empty()),
            ("learning rate", self.rates.is_empty()),
        ];
        if let Some((what, _)) = lists.into_iter().find(|(_, is_empty)| *is_empty) {
            return Err(SweepError::Empty { what });
        }
        let count: usize = self.methods.iter().map(|method| self.combinations(*method)).sum();
        // Values that were named twice may make fewer, but never so many that it would matter.
        if count > Self::MOST {
            return Err(SweepError::TooMany { count, most: Self::MOST });
        }
        let tells_rate = self.rates.len() > 1;
        let mut seen = HashSet::new();
        let mut variants = Vec::new();
        for settings in self.settings(base) {
            settings.validate().map_err(SweepError::Settings)?;
            let is_new = seen.insert((settings.method, settings.rank, settings.heads, settings.lr.to_bits()));
            if is_new {
                variants.push(Variant::of(settings, tells_rate));
            }
        }
        Ok(variants)
    }

    fn combinations(&self, method: Method) -> usize {
        let heads = if method.is_single_head() { 1 } else { self.heads.len() };
        self.ranks.len() * heads * self.rates.len()
    }

    fn settings<'a>(&'a self, base: &'a TrainSettings) -> impl Iterator<Item = TrainSettings> + 'a {
        let ranks = self.methods.iter().flat_map(|method| self.ranks.iter().map(move |rank| (*method, *rank)));
        let heads = ranks.flat_map(|(method, rank)| self.heads.iter().map(move |heads| (method, rank, *heads)));
        heads.flat_map(move |(method, rank, heads)| {
            self.rates.iter().map(move |&lr| TrainSettings { lr, ..with_method(base, method, rank, heads) })
        })
    }
}

/// A method in a comparison, with a rank of its own where it is not that of the settings: `lora:16`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Contender {
    pub method: Method,
    pub rank: Option<usize>,
}

impl Contender {
    /// Those that the paper sets side by side: HydraLoRA, plain LoRA of three ranks, and what HydraLoRA is without shared
    /// `A`, without router, or both.
    pub const ALL: [Self; 7] = [
        Self { method: Method::HydraLora, rank: None },
        Self { method: Method::Lora, rank: Some(8) },
        Self { method: Method::Lora, rank: Some(16) },
        Self { method: Method::Lora, rank: Some(32) },
        Self { method: Method::LoraSplit, rank: None },
        Self { method: Method::LoraMoe, rank: None },
        Self { method: Method::HydraLoraUniform, rank: None },
    ];

    /// The run of this method that is otherwise as `base` has it: data, seed, length, batch and context are the same for
    /// all. Methods of several heads have those of `base`, or the usual number where it has but one.
    pub fn variant(self, base: &TrainSettings) -> Variant {
        let heads = if base.heads > 1 { base.heads } else { TrainSettings::default().heads };
        Variant::of(with_method(base, self.method, self.rank.unwrap_or(base.rank), heads), false)
    }
}

impl FromStr for Contender {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (method, rank) = text.split_once(':').map_or((text, None), |(method, rank)| (method, Some(rank)));
        let rank = rank.map(|rank| match rank.parse() {
            Ok(rank) if rank > 0 => Ok(rank),
            _ => Err(format!("`{rank}` is no rank: write {method}:8, or {method} for the rank of the settings")),
        });
        Ok(Self { method: method.parse()?, rank: rank.transpose()? })
    }
}

impl Variant {
    fn of(settings: TrainSettings, tells_rate: bool) -> Self {
        let TrainSettings { method, rank, heads, lr, .. } = settings;
        let mut folder = format!("{method}-r{rank}");
        let mut title = format!("{}, rank {rank}", method.title());
        if !method.is_single_head() {
            folder += &format!("-h{heads}");
            title += &format!(", {heads} head{}", if heads == 1 { "" } else { "s" });
        }
        if tells_rate {
            folder += &format!("-lr{lr:e}");
            title += &format!(", learning rate {lr:e}");
        }
        Self { folder, title, settings }
    }
}

/// What the runs of a sweep or comparison share.
#[derive(Clone, Debug, PartialEq)]
pub struct SweepPlace {
    pub model: PathBuf,
    pub data: Vec<PathBuf>,
    /// Columns named by hand.
    pub columns: ColumnMap,
    /// The folder that holds all runs.
    pub parent: PathBuf,
    /// How the folder of each run begins.
    pub prefix: String,
    /// The name that the runs are known by as a group.
    pub group: String,
}

impl SweepPlace {
    /// The run of a variant, ready for the queue.
    pub fn order(&self, variant: Variant) -> RunOrder {
        RunOrder {
            title: variant.title,
            group: Some(self.group.clone()),
            model: self.model.clone(),
            data: self.data.clone(),
            columns: self.columns.clone(),
            settings: variant.settings,
            out: self.parent.join(format!("{}-{}", self.prefix, variant.folder)),
        }
    }
}

/// `base` with another method. A start from a trained adapter is left out: its own method, rank and heads would hold.
fn with_method(base: &TrainSettings, method: Method, rank: usize, heads: usize) -> TrainSettings {
    let heads = if method.is_single_head() { 1 } else { heads };
    TrainSettings { method, rank, heads, init_adapter: None, ..base.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folders(variants: &[Variant]) -> Vec<&str> {
        variants.iter().map(|variant| variant.folder.as_str()).collect()
    }

    #[test]
    fn a_sweep_makes_every_combination_once_and_plain_lora_has_one_head() {
        let sweep = Sweep {
            methods: vec![Method::HydraLora, Method::Lora],
            ranks: vec![8, 16, 8],
            heads: vec![2, 4],
            rates: vec![2e-4],
        };
        let base = TrainSettings { seed: 7, init_adapter: Some("start".into()), ..TrainSettings::default() };
        let variants = sweep.variants(&base).unwrap();
        let expected =
            ["hydralora-r8-h2", "hydralora-r8-h4", "hydralora-r16-h2", "hydralora-r16-h4", "lora-r8", "lora-r16"];
        assert_eq!(folders(&variants), expected);
        assert_eq!(variants[5].title, "LoRA, rank 16");
        let last = &variants[3].settings;
        assert_eq!((last.method, last.rank, last.heads, last.seed), (Method::HydraLora, 16, 4, 7));
        assert!(variants.iter().all(|variant| variant.settings.init_adapter.is_none()));
    }

    #[test]
    fn learning_rates_are_told_where_they_differ() {
        let sweep = Sweep { rates: vec![2e-4, 1e-3], ..Sweep::of(&TrainSettings::default()) };
        let variants = sweep.variants(&TrainSettings::default()).unwrap();
        assert_eq!(folders(&variants), ["hydralora-r8-h3-lr2e-4", "hydralora-r8-h3-lr1e-3"]);
        assert_eq!(variants[1].title, "HydraLoRA, rank 8, 3 heads, learning rate 1e-3");
        assert_eq!(variants[1].settings.lr, 1e-3);
    }

    #[test]
    fn a_sweep_that_varies_nothing_is_one_run_of_the_settings() {
        let base = TrainSettings { rank: 4, heads: 2, ..TrainSettings::default() };
        let variants = Sweep::of(&base).variants(&base).unwrap();
        assert_eq!(variants.len(), 1);
        assert_eq!(variants[0].settings, base);
    }

    #[test]
    fn too_many_combinations_or_an_empty_list_or_bad_settings_are_refused() {
        let base = TrainSettings::default();
        let many = Sweep { ranks: (1..=13).collect(), heads: (1..=5).collect(), ..Sweep::of(&base) };
        assert_eq!(many.variants(&base), Err(SweepError::TooMany { count: 65, most: 64 }));
        let none = Sweep { heads: Vec::new(), ..Sweep::of(&base) };
        assert_eq!(none.variants(&base).unwrap_err().to_string(), "choose at least one number of heads");
        let bad = Sweep { rates: vec![f64::NAN], ..Sweep::of(&base) };
        assert!(matches!(bad.variants(&base), Err(SweepError::Settings(_))));
    }

    #[test]
    fn the_methods_side_by_side_differ_in_nothing_but_the_method() {
        let base = TrainSettings { rank: 8, heads: 4, seed: 9, context: 96, lr: 1e-3, ..TrainSettings::default() };
        let variants: Vec<_> = Contender::ALL.into_iter().map(|contender| contender.variant(&base)).collect();
        let expected = [
            "hydralora-r8-h4",
            "lora-r8",
            "lora-r16",
            "lora-r32",
            "lora-split-r8-h4",
            "lora-moe-r8-h4",
            "hydralora-uniform-r8-h4",
        ];
        assert_eq!(folders(&variants), expected);
        for Variant { settings, .. } in variants {
            let TrainSettings { method, rank, heads, .. } = settings;
            assert_eq!(settings, TrainSettings { method, rank, heads, ..base.clone() });
        }
    }

    #[test]
    fn a_variant_becomes_an_order_with_a_readable_folder() {
        let place = SweepPlace {
            model: "/models/tiny".into(),
            data: vec!["/data/rows.csv".into()],
            columns: ColumnMap::default(),
            parent: "/runs".into(),
            prefix: "2026-11-25-methods".into(),
            group: "Methods, 25 November".into(),
        };
        let order = place.order(Contender::ALL[1].variant(&TrainSettings::default()));
        assert_eq!(order.out, PathBuf::from("/runs/2026-11-25-methods-lora-r8"));
        assert_eq!((order.title.as_str(), order.group.as_deref()), ("LoRA, rank 8", Some("Methods, 25 November")));
    }

    #[test]
    fn a_contender_is_read_with_and_without_a_rank() {
        assert_eq!("lora:16".parse(), Ok(Contender { method: Method::Lora, rank: Some(16) }));
        assert_eq!("lora-moe".parse(), Ok(Contender { method: Method::LoraMoe, rank: None }));
        assert!("lora:0".parse::<Contender>().unwrap_err().contains("lora:8"));
        assert!("hydra".parse::<Contender>().unwrap_err().contains("hydralora-uniform"));
    }
}
