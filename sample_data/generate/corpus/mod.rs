//! Questions and answers that are right by construction.
//!
//! Two sets speak of one small world. The *examples* are what the demo fine-tunes on: five topics of different kind, each
//! with its own wordings and a fixed, short style of answer. The *pre-training rows* know the same words and facts, but
//! ask in other words and mostly answer in whole sentences: a base model trained on them has the knowledge and lacks the
//! manner, which is what an adapter then adds. No question of the examples is among them.
//!
//! `world.rs` has the words, `draw.rs` the dice; then there is one file for each topic with both sides of it.

mod arithmetic;
mod dates;
mod draw;
mod labels;
mod reading;
mod words;
mod world;

use std::collections::HashSet;

use serde::Serialize;

use draw::Draw;

/// The seed of the files that are bundled.
pub const SEED: u64 = 20_240_419;
/// Pre-training rows where no other number is asked for.
pub const PRETRAIN_ROWS: usize = 60_000;
/// Examples of each topic.
const PER_TOPIC: usize = 400;

/// A question with its answer, as a line of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Row {
    pub instruction: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input: Option<String>,
    pub output: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub topic: Option<&'static str>,
}

impl Row {
    /// A question that stands alone.
    fn new(instruction: String, output: impl Into<String>) -> Self {
        Self { instruction, input: None, output: output.into(), topic: None }
    }

    /// A question about a text.
    fn about(instruction: String, input: String, output: impl Into<String>) -> Self {
        Self { instruction, input: Some(input), output: output.into(), topic: None }
    }

    fn question(&self) -> (String, Option<String>) {
        (self.instruction.clone(), self.input.clone())
    }
}

/// One topic: its label, how an example is drawn, and how a pre-training row is.
#[derive(Clone, Copy)]
struct Topic {
    name: &'static str,
    example: fn(&mut Draw) -> Row,
    pretrain: fn(&mut Draw) -> Row,
}

const TOPICS: [Topic; 5] = [
    Topic { name: "arithmetic", example: arithmetic::example, pretrain: arithmetic::pretrain },
    Topic { name: "dates and units", example: dates::example, pretrain: dates::pretrain },
    Topic { name: "word forms", example: words::example, pretrain: words::pretrain },
    Topic { name: "sorting and labelling", example: labels::example, pretrain: labels::pretrain },
    Topic { name: "reading", example: reading::example, pretrain: reading::pretrain },
];

/// The examples: as many of each topic, no question twice, in mixed order.
pub fn examples(seed: u64) -> Vec<Row> {
    let mut draw = Draw::new(seed);
    let mut rows = Vec::new();
    let mut seen = HashSet::new();
    for topic in &TOPICS {
        let mut count = 0;
        while count < PER_TOPIC {
            let row = (topic.example)(&mut draw);
            if seen.insert(row.question()) {
                rows.push(Row { topic: Some(topic.name), ..row });
                count += 1;
            }
        }
    }
    draw.shuffle(&mut rows);
    rows
}

/// Rows to pre-train a base model on, which share no question with `examples`. Questions recur.
pub fn pretrain(seed: u64, count: usize, examples: &[Row]) -> Vec<Row> {
    let mut draw = Draw::new(seed ^ u64::MAX);
    let asked: HashSet<_> = examples.iter().map(Row::question).collect();
    let mut rows = Vec::with_capacity(count);
    while rows.len() < count {
        let topic = draw.pick(&TOPICS);
        let row = (topic.pretrain)(&mut draw);
        if !asked.contains(&row.question()) {
            rows.push(row);
        }
    }
    rows
}
