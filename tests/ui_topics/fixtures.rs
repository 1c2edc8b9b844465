//! What a worker would tell of topics.

use hydra_studio::cluster::{Advice, Clarity, Trial};
use hydra_studio::worker::protocol::{
    Event, ExampleBrief, TopicBoard, TopicOpinion, TopicSearch, TopicView, TopicsReport,
};

use super::stage::noise;

pub const NAMES: [&str; 3] = ["sum, number, digit", "clause, court, law", "fever, dose, Fieber"];

pub fn brief(row: usize) -> ExampleBrief {
    let text =
        ["What is 17 plus 25?", "Does the clause bind both parties?", "Wie hoch ist die Dosis für Kinder?"][row % 3];
    ExampleBrief { row, source: format!("mix.jsonl:{}", row + 1), text: text.to_owned() }
}

fn topic(number: usize, examples: usize) -> TopicView {
    TopicView {
        id: number as u32,
        name: NAMES[number].to_owned(),
        color: number,
        size: examples / 3,
        words: NAMES[number].split(", ").map(str::to_owned).collect(),
        typical: (0..3).map(|i| brief(3 * i + number)).collect(),
        borderline: vec![brief(30 + number)],
        is_excluded: false,
    }
}

/// Every third example is of one topic.
pub fn board(examples: usize) -> TopicBoard {
    TopicBoard {
        topics: (0..3).map(|number| topic(number, examples)).collect(),
        examples,
        noise: 0,
        shown: (0..examples).map(|row| Some(row as u32 % 3)).collect(),
        agreement: Some(0.53),
        undo: None,
        redo: None,
        is_applied: false,
    }
}

/// Three heaps side by side.
pub fn places(examples: usize, turn: f32) -> Vec<[f32; 2]> {
    let place = |row: usize| {
        let (angle, far) = (noise(row) as f32 * 6.3 + turn, noise(row * row + 7919) as f32);
        [(row % 3) as f32 * 3.0 + far * angle.cos(), far * angle.sin()]
    };
    (0..examples).map(place).collect()
}

pub fn report(examples: usize) -> TopicsReport {
    TopicsReport {
        search: TopicSearch::default(),
        advice: Advice {
            heads: 3,
            clarity: Clarity::Clear,
            sentence: "Use 3 heads: the examples fall into 3 topics.".into(),
            reasons: vec!["The curve of errors bends clearly, at 3 groups in resamples.".into()],
        },
        sse: (1..=10).map(|n| 100.0 / n as f64).collect(),
        silhouette: vec![0.0, 0.11, 0.21, 0.18, 0.15, 0.13, 0.12, 0.11, 0.1, 0.1],
        stability: 0.98,
        languages: vec!["English".into()],
        shown: (0..examples).map(brief).collect(),
        principal: places(examples, 0.0),
        file: None,
    }
}

pub fn found(examples: usize) -> Event {
    Event::TopicsFound { report: Box::new(report(examples)), board: Box::new(board(examples)) }
}

pub fn opinion(examples: usize) -> Event {
    Event::TopicOpinion(Box::new(TopicOpinion {
        groups: 2,
        noise: examples / 3,
        shown: (0..examples).map(|row| [Some(0), Some(1), None][row % 3]).collect(),
        agreement: Some(0.41),
        trials: (0..15).map(|n| Trial { by_error: 3 + usize::from(n % 5 == 0), by_density: 2 + n % 3 }).collect(),
    }))
}
