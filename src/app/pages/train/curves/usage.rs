//! Memory and energy of a run.

use egui::Color32;

use crate::app::theme::Tokens;
use crate::app::widgets::chart::{ChartLine, Look};
use crate::app::widgets::series::Series;
use crate::train::{EnergyPart, UsageRecord};

const BYTES_PER_GB: f64 = 1e9;

/// Energy of one part of the machine.
#[derive(Debug)]
struct PartCurve {
    part: &'static str,
    /// The part, and where its figures come from.
    name: String,
    series: Series,
}

impl PartCurve {
    fn push(&mut self, usage: &UsageRecord, energy: EnergyPart) {
        let source = if energy.measured { "measured" } else { "estimated" };
        self.name = format!("{}, {source}", self.part);
        self.series.push_at(usage.step, usage.elapsed_s, energy.wh);
    }

    fn line(&mut self, color: Color32) -> ChartLine<'_> {
        ChartLine { name: &self.name, series: &mut self.series, color, look: Look::Line }
    }
}

/// What a run uses of the machine.
#[derive(Debug)]
pub struct UsageCurves {
    memory: Series,
    total: Series,
    parts: [PartCurve; 3],
}

impl Default for UsageCurves {
    fn default() -> Self {
        let part = |part| PartCurve { part, name: String::new(), series: Series::default() };
        Self { memory: Series::default(), total: Series::default(), parts: ["CPU", "GPU", "RAM"].map(part) }
    }
}

impl UsageCurves {
    /// Takes over one record.
    pub fn push(&mut self, usage: &UsageRecord) {
        self.memory.push_at(usage.step, usage.elapsed_s, usage.memory_bytes as f64 / BYTES_PER_GB);
        let energy = &usage.energy;
        let used = [Some(energy.cpu), energy.gpu, Some(energy.ram)];
        let total = used.iter().flatten().map(|part| part.wh).sum();
        self.total.push_at(usage.step, usage.elapsed_s, total);
        for (curve, part) in self.parts.iter_mut().zip(used) {
            if let Some(part) = part {
                curve.push(usage, part);
            }
        }
    }

    /// Whether nothing was reported yet.
    pub fn is_empty(&self) -> bool {
        self.memory.is_empty()
    }

    /// The lines of memory, and those of energy; a part that the machine does not have has none.
    pub fn lines(&mut self, tokens: &Tokens) -> (Vec<ChartLine<'_>>, Vec<ChartLine<'_>>) {
        let look = Look::Line;
        let memory = ChartLine { name: "GB", series: &mut self.memory, color: tokens.chart_main, look };
        let total = ChartLine { name: "Total Wh", series: &mut self.total, color: tokens.chart_main, look };
        let parts = self.parts.iter_mut().enumerate().filter(|(_, part)| !part.series.is_empty());
        // The first of the heads' colours is next to that of the total.
        let parts = parts.map(|(place, part)| part.line(tokens.head(place + 1)));
        (vec![memory], std::iter::once(total).chain(parts).collect())
    }
}

#[cfg(test)]
mod tests {
    use egui::Theme;

    use super::*;
    use crate::train::Energy;

    #[test]
    fn each_part_says_whether_it_was_measured_and_all_add_up() {
        let part = |wh, measured| EnergyPart { wh, measured };
        let mut curves = UsageCurves::default();
        for (step, wh) in [(10, 1.0), (20, 2.0)] {
            let energy = Energy { cpu: part(wh, true), gpu: None, ram: part(wh / 4.0, false) };
            let usage =
                UsageRecord { step, memory_bytes: 1_500_000_000, energy, elapsed_s: step as f64, beside_s: 0.0 };
            curves.push(&usage);
        }
        let (memory, energy) = curves.lines(Tokens::of_theme(Theme::Light));
        let told = |lines: &[ChartLine<'_>]| -> Vec<(String, f64)> {
            let last = |line: &ChartLine<'_>| line.series.last().map_or(f64::NAN, |sample| sample.value);
            lines.iter().map(|line| (line.name.to_owned(), last(line))).collect()
        };
        assert_eq!(told(&memory), [("GB".to_owned(), 1.5)]);
        let expected = [("Total Wh", 2.5), ("CPU, measured", 2.0), ("RAM, estimated", 0.5)];
        assert_eq!(told(&energy), expected.map(|(name, value)| (name.to_owned(), value)));
    }
}
