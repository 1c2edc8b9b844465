//! What a layer × head grid shows, whatever it was measured on: the figures of every module, as tables of panels.

use crate::adapter::{Module, Target};
use crate::app::widgets::heat_panels::{PanelTable, Place, Scale};
use crate::inspect::{GateFrame, RoutingSurvey};

use super::digest::{Choice, Digest};

/// Layers beyond this are no model's, and are left out.
const MOST_LAYERS: usize = 4096;

/// What is shown of a module.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Metric {
    /// Mean gate of each head.
    #[default]
    Mean,
    /// Share of the tokens that each head leads.
    Leads,
    /// Entropy of a token's gates as a share of the largest possible.
    Entropy,
}

impl Metric {
    /// Every metric with its name on screen.
    pub const CHOICES: [(Metric, &'static str); 3] =
        [(Self::Mean, "Mean gate"), (Self::Leads, "Tokens led"), (Self::Entropy, "Entropy")];

    /// What it is called in a sentence, and in a file.
    pub fn noun(self) -> &'static str {
        match self {
            Self::Mean => "mean gate",
            Self::Leads => "share of tokens led",
            Self::Entropy => "entropy",
        }
    }
}

/// In which order layers stand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RowOrder {
    #[default]
    Layers,
    /// The layers that choose most clearly first.
    LowestEntropy,
    /// The layers with the most even gates first.
    HighestEntropy,
}

impl RowOrder {
    /// Every order with its name on screen.
    pub const CHOICES: [(RowOrder, &'static str); 3] = [
        (Self::Layers, "Layers in order"),
        (Self::LowestEntropy, "Lowest entropy first"),
        (Self::HighestEntropy, "Highest entropy first"),
    ];
}

/// The figures of one module.
#[derive(Clone, Debug, PartialEq)]
pub struct ModuleFigures {
    pub module: Module,
    pub mean: Vec<f32>,
    /// Empty where it was not measured.
    pub leads: Vec<f32>,
    pub entropy: Option<f32>,
}

/// The figures of all modules.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GridData {
    pub heads: usize,
    pub layers: usize,
    /// The kinds of module that are there, in the order of the forward pass.
    pub kinds: Vec<Target>,
    pub modules: Vec<ModuleFigures>,
    /// Where in `modules` each layer's kinds are, `[layers, kinds]`.
    places: Vec<Option<usize>>,
}

/// A place in a grid: a layer, and where it is told apart, a kind of module and a head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spot {
    pub layer: usize,
    pub kind: Option<Target>,
    pub head: Option<usize>,
}

impl Spot {
    /// The modules that the spot stands for.
    pub fn choice(self) -> Choice {
        Choice { layer: Some(self.layer), kind: self.kind }
    }
}

impl GridData {
    fn new(heads: usize, modules: impl Iterator<Item = ModuleFigures>) -> Self {
        let fits = |figures: &ModuleFigures| figures.module.layer < MOST_LAYERS && figures.mean.len() == heads;
        let modules: Vec<ModuleFigures> = modules.filter(fits).collect();
        let layers = modules.iter().map(|figures| figures.module.layer + 1).max().unwrap_or(0);
        let has = |kind: &Target| modules.iter().any(|figures| figures.module.target == *kind);
        let kinds: Vec<Target> = Target::ALL.into_iter().filter(has).collect();
        let mut places = vec![None; layers * kinds.len()];
        for (i, figures) in modules.iter().enumerate() {
            let kind = kinds.iter().position(|kind| *kind == figures.module.target);
            let place = kind.and_then(|kind| places.get_mut(figures.module.layer * kinds.len() + kind));
            place.into_iter().for_each(|place| *place = Some(i));
        }
        Self { heads, layers, kinds, modules, places }
    }

    /// What a digest of one text tells.
    pub fn of_digest(digest: &Digest) -> Self {
        let figures = digest.modules.iter().map(|sum| ModuleFigures {
            module: sum.module,
            mean: sum.load.clone(),
            leads: sum.leads.clone(),
            entropy: Some(sum.evenness),
        });
        Self::new(digest.heads, figures)
    }

    /// What a survey of many examples tells.
    pub fn of_survey(survey: &RoutingSurvey) -> Self {
        let figures = survey.modules.iter().map(|module| ModuleFigures {
            module: module.module,
            mean: module.gates.mean.clone(),
            leads: module.gates.leads.clone(),
            entropy: Some(module.gates.entropy),
        });
        Self::new(survey.heads, figures)
    }

    /// What one moment of a run tells: mean gates alone.
    pub fn of_frame(frame: &GateFrame) -> Self {
        let figures = frame.modules.iter().map(|module| ModuleFigures {
            module: module.module,
            mean: module.mean.clone(),
            leads: Vec::new(),
            entropy: None,
        });
        Self::new(frame.load.len(), figures)
    }

    /// Whether `metric` was measured.
    pub fn has(&self, metric: Metric) -> bool {
        match metric {
            Metric::Mean => true,
            Metric::Leads => self.modules.iter().any(|figures| figures.leads.len() == self.heads),
            Metric::Entropy => self.modules.iter().any(|figures| figures.entropy.is_some()),
        }
    }

    /// The gate that every head has where the router prefers none.
    pub fn even_share(&self) -> f32 {
        1.0 / self.heads.max(1) as f32
    }

    /// The layers in an order; those without a figure to sort by stay behind.
    pub fn order(&self, order: RowOrder) -> Vec<usize> {
        let mut layers: Vec<usize> = (0..self.layers).collect();
        let entropy = |layer: usize| self.mean_entropy(Choice { layer: Some(layer), kind: None });
        let keyed = |layer: &usize, sign: f32| entropy(*layer).map_or(f32::INFINITY, |entropy| sign * entropy);
        match order {
            RowOrder::Layers => {}
            RowOrder::LowestEntropy => layers.sort_by(|a, b| keyed(a, 1.0).total_cmp(&keyed(b, 1.0))),
            RowOrder::HighestEntropy => layers.sort_by(|a, b| keyed(a, -1.0).total_cmp(&keyed(b, -1.0))),
        }
        layers
    }

    /// The modules of a choice.
    pub fn chosen(&self, choice: Choice) -> impl Iterator<Item = &ModuleFigures> {
        let layers = choice.layer.map_or(0..self.layers, |layer| layer..layer + 1);
        let kinds = self.kinds.len();
        let of_kind = move |(_, kind): &(usize, &Target)| choice.kind.is_none_or(|only| only == **kind);
        let places = layers.flat_map(move |layer| {
            self.kinds.iter().enumerate().filter(of_kind).map(move |(kind, _)| layer * kinds + kind)
        });
        places.filter_map(|place| self.modules.get((*self.places.get(place)?)?))
    }

    /// Mean entropy over the modules of a choice.
    pub fn mean_entropy(&self, choice: Choice) -> Option<f32> {
        let (sum, count) =
            self.chosen(choice).filter_map(|f| f.entropy).fold((0.0, 0), |(sum, count), e| (sum + e, count + 1));
        (count > 0).then(|| sum / count as f32)
    }

    /// One figure over the modules of a choice, the mean of them; NaN where there is none.
    pub fn value(&self, metric: Metric, choice: Choice, head: usize) -> f32 {
        let (mut sum, mut count) = (0.0, 0);
        for figures in self.chosen(choice) {
            let value = match metric {
                Metric::Mean => figures.mean.get(head).copied(),
                Metric::Leads => figures.leads.get(head).copied(),
                Metric::Entropy => figures.entropy,
            };
            if let Some(value) = value.filter(|value| value.is_finite()) {
                sum += value;
                count += 1;
            }
        }
        if count == 0 { f32::NAN } else { sum / count as f32 }
    }

    /// The kinds as they stand side by side: the mean of all first, where there are several.
    fn groups(&self) -> Vec<Option<Target>> {
        let mean = (self.kinds.len() > 1).then_some(None);
        mean.into_iter().chain(self.kinds.iter().copied().map(Some)).collect()
    }

    /// The kind of module that a place in the groups stands for.
    fn group(&self, index: usize) -> Option<Target> {
        self.groups().get(index).copied().flatten()
    }

    /// Where a kind stands among the groups.
    pub fn group_of(&self, kind: Option<Target>) -> Option<usize> {
        self.groups().iter().position(|group| *group == kind)
    }

    /// The name of a group.
    pub fn group_name(&self, index: usize) -> String {
        self.group(index).map_or("mean", short_name).to_owned()
    }

    /// What a place in the table stands for, with the layers in `order`.
    pub fn spot(&self, metric: Metric, place: Place, order: &[usize]) -> Option<Spot> {
        let layer = order.get(place.row).copied()?;
        Some(match metric {
            Metric::Entropy => Spot { layer, kind: self.group(place.column), head: None },
            _ => Spot { layer, kind: self.group(place.panel), head: Some(place.column) },
        })
    }

    /// The figures as panels: one for each kind with a column for each head, or a single one with a column for each kind
    /// where the metric is of whole modules. Colours run from nothing to twice an even share or more, `stretched` from the
    /// least to the most that is there.
    pub fn table(&self, metric: Metric, order: &[usize], stretched: bool) -> PanelTable {
        let values = self.values(metric, order);
        let known = || values.iter().copied().filter(|value| !value.is_nan());
        let (least, most) = (known().fold(1.0, f32::min), known().fold(0.0, f32::max));
        let scale = match metric {
            _ if stretched => Scale::Sequential { low: least, high: most },
            Metric::Mean => Scale::Sequential { low: 0.0, high: most.max(2.0 * self.even_share()).min(1.0) },
            Metric::Leads | Metric::Entropy => Scale::Sequential { low: 0.0, high: 1.0 },
        };
        self.as_table(metric, values, scale, order.len())
    }

    /// The same figures less those of `before`; `None` where the two have not the same heads, layers and kinds.
    pub fn difference(&self, before: &Self, metric: Metric, order: &[usize], stretched: bool) -> Option<PanelTable> {
        let is_alike = (self.heads, self.layers, &self.kinds) == (before.heads, before.layers, &before.kinds);
        if !is_alike || !self.has(metric) || !before.has(metric) {
            return None;
        }
        let (after, before) = (self.values(metric, order), before.values(metric, order));
        let values: Vec<f32> = after.iter().zip(&before).map(|(after, before)| after - before).collect();
        let scale = Scale::diverging(values.iter().copied(), if stretched { 0.0 } else { 0.1 });
        Some(self.as_table(metric, values, scale, order.len()))
    }

    fn values(&self, metric: Metric, order: &[usize]) -> Vec<f32> {
        let groups = self.groups();
        let mut values = Vec::with_capacity(groups.len() * order.len() * self.heads);
        if metric == Metric::Entropy {
            for layer in order {
                values.extend(groups.iter().map(|kind| self.value(metric, choice(*layer, *kind), 0)));
            }
            return values;
        }
        for kind in groups {
            for layer in order {
                values.extend((0..self.heads).map(|head| self.value(metric, choice(*layer, kind), head)));
            }
        }
        values
    }

    fn as_table(&self, metric: Metric, values: Vec<f32>, scale: Scale, rows: usize) -> PanelTable {
        let groups = self.groups().len();
        let (panels, columns) = if metric == Metric::Entropy { (1, groups) } else { (groups, self.heads) };
        PanelTable { panels, rows, columns, values, scale }
    }
}

fn choice(layer: usize, kind: Option<Target>) -> Choice {
    Choice { layer: Some(layer), kind }
}

/// A kind as it is called where there is little room: `q`, `gate`.
pub fn short_name(kind: Target) -> &'static str {
    kind.name().strip_suffix("_proj").unwrap_or(kind.name())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures(layer: usize, target: Target, mean: [f32; 2], entropy: f32) -> ModuleFigures {
        let module = Module { layer, target };
        ModuleFigures { module, mean: mean.to_vec(), leads: mean.to_vec(), entropy: Some(entropy) }
    }

    fn data(lean: f32) -> GridData {
        let modules = [
            figures(0, Target::Q, [0.5 + lean, 0.5 - lean], 0.9),
            figures(0, Target::Up, [0.7, 0.3], 0.8),
            figures(1, Target::Q, [0.2, 0.8], 0.4),
        ];
        GridData::new(2, modules.into_iter())
    }

    fn place(panel: usize, row: usize, column: usize) -> Place {
        Place { panel, row, column }
    }

    #[test]
    fn a_panel_for_each_kind_stands_behind_the_mean_of_all() {
        let data = data(0.0);
        let table = data.table(Metric::Mean, &data.order(RowOrder::Layers), false);
        assert_eq!((table.panels, table.rows, table.columns), (3, 2, 2));
        assert_eq!(table.value(place(0, 0, 0)), Some(0.6));
        assert_eq!(table.value(place(1, 1, 1)), Some(0.8));
        assert_eq!(table.value(place(2, 1, 0)), None, "layer 2 has no such module");
        assert_eq!(table.scale, Scale::Sequential { low: 0.0, high: 1.0 });
        let stretched = data.table(Metric::Mean, &[0, 1], true);
        assert_eq!(stretched.scale, Scale::Sequential { low: 0.2, high: 0.8 });
    }

    #[test]
    fn entropy_has_a_column_for_each_kind_and_sorts_the_layers() {
        let data = data(0.0);
        let order = data.order(RowOrder::LowestEntropy);
        assert_eq!(
            (order.as_slice(), data.order(RowOrder::HighestEntropy).as_slice()),
            ([1, 0].as_slice(), [0, 1].as_slice())
        );
        let table = data.table(Metric::Entropy, &order, false);
        assert_eq!((table.panels, table.columns, table.value(place(0, 0, 1))), (1, 3, Some(0.4)));
        let spot = data.spot(Metric::Entropy, place(0, 1, 2), &order);
        assert_eq!(spot, Some(Spot { layer: 0, kind: Some(Target::Up), head: None }));
        let spot = data.spot(Metric::Mean, place(0, 0, 1), &order);
        assert_eq!(spot, Some(Spot { layer: 1, kind: None, head: Some(1) }));
    }

    #[test]
    fn a_difference_is_drawn_only_where_both_are_alike() {
        let (before, after) = (data(0.0), data(0.3));
        let order = after.order(RowOrder::Layers);
        let table = after.difference(&before, Metric::Mean, &order, false).expect("they are alike");
        assert!((table.value(place(1, 0, 0)).unwrap() - 0.3).abs() < 1e-6);
        assert_eq!(table.value(place(1, 1, 0)), Some(0.0));
        assert!(matches!(table.scale, Scale::Diverging { reach } if (reach - 0.3).abs() < 1e-6));
        let other = GridData::new(2, [figures(0, Target::Q, [0.5, 0.5], 1.0)].into_iter());
        assert!(after.difference(&other, Metric::Mean, &order, false).is_none());
    }
}
