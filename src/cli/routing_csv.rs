//! The numbers of `inspect` as a table of comma-separated values (RFC 4180), one row for each head of each thing.

use std::fmt::Display;

use super::inspect::By;
use super::routing::{OfText, layers};
use crate::inspect::survey::RoutingSurvey;

/// A table as it is written.
struct Table(String);

impl Table {
    fn new(columns: &[&str]) -> Self {
        let mut table = Self(String::new());
        table.row(&columns.iter().map(|column| column as &dyn Display).collect::<Vec<_>>());
        table
    }

    fn row(&mut self, cells: &[&dyn Display]) {
        let cells: Vec<String> = cells.iter().map(|cell| quoted(&cell.to_string())).collect();
        self.0.push_str(&cells.join(","));
        self.0.push_str("\r\n");
    }
}

/// A cell, in quotation marks where it would be read as something else.
fn quoted(cell: &str) -> String {
    if cell.contains(['"', ',', '\n', '\r']) { format!("\"{}\"", cell.replace('"', "\"\"")) } else { cell.to_owned() }
}

/// The routing of a text: by layer or module its mean gates, with modules every token's; else every token's mean.
pub(super) fn of_text(text: &OfText, by: Option<By>) -> String {
    match by {
        Some(By::Layer) => {
            let mut table = Table::new(&["layer", "head", "mean"]);
            for (layer, means) in layers(&text.means) {
                means.iter().enumerate().for_each(|(head, mean)| table.row(&[&layer, &head, mean]));
            }
            table.0
        }
        Some(By::Module) => {
            let mut table = Table::new(&["module", "token", "text", "head", "gate"]);
            for (module, _) in &text.means {
                for (number, (token, gates)) in text.tokens.iter().zip(text.gates(*module)).enumerate() {
                    for (head, gate) in gates.iter().enumerate() {
                        table.row(&[module, &number, &token.text, &head, gate]);
                    }
                }
            }
            table.0
        }
        _ => {
            let mut table = Table::new(&["token", "text", "head", "gate"]);
            for (number, token) in text.tokens.iter().enumerate() {
                for (head, gate) in token.gates.iter().enumerate() {
                    table.row(&[&number, &token.text, &head, gate]);
                }
            }
            table.0
        }
    }
}

/// The routing of many examples: by layer, by module, or by topic.
pub(super) fn of_survey(survey: &RoutingSurvey, by: Option<By>) -> String {
    match by {
        Some(By::Layer) => {
            let modules: Vec<_> = survey.modules.iter().map(|m| (m.module, m.gates.mean.clone())).collect();
            let mut table = Table::new(&["layer", "head", "mean"]);
            for (layer, means) in layers(&modules) {
                means.iter().enumerate().for_each(|(head, mean)| table.row(&[&layer, &head, mean]));
            }
            table.0
        }
        Some(By::Module) => {
            let mut table = Table::new(&["module", "head", "mean", "leads", "entropy", "saturated", "similarity"]);
            for module in &survey.modules {
                let gates = &module.gates;
                let similarity = module.similarity.map(|cosine| cosine.to_string()).unwrap_or_default();
                for (head, (mean, leads)) in gates.mean.iter().zip(&gates.leads).enumerate() {
                    table.row(&[&module.module, &head, mean, leads, &gates.entropy, &gates.saturated, &similarity]);
                }
            }
            table.0
        }
        Some(By::Topic) | None => {
            let mut table = Table::new(&["topic", "examples", "tokens", "head", "mean", "deviation", "error", "leads"]);
            for topic in &survey.topics {
                let name = topic.topic.clone().unwrap_or_default();
                let spread = topic.deviation.iter().zip(&topic.error).zip(&topic.leads);
                for (head, (mean, ((deviation, error), leads))) in topic.mean.iter().zip(spread).enumerate() {
                    table.row(&[&name, &topic.examples, &topic.tokens, &head, mean, deviation, error, leads]);
                }
            }
            table.0
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_with_a_comma_a_break_or_a_quotation_mark_stays_one_cell() {
        let mut table = Table::new(&["text", "gate"]);
        table.row(&[&"a, \"b\"\n", &0.5]);
        table.row(&[&" plain", &1]);
        assert_eq!(table.0, "text,gate\r\n\"a, \"\"b\"\"\n\",0.5\r\n plain,1\r\n");
    }
}
