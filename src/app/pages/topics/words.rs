//! Topics in words.

use crate::app::widgets::figures::{count, counted, percent};
use crate::worker::protocol::{TopicBoard, TopicsReport};

/// Topics that a summary names.
const NAMED: usize = 6;

/// What the button says.
pub fn button(trained: usize) -> String {
    match trained {
        0 | 1 => "Use plain LoRA".to_owned(),
        heads => format!("Use {heads} heads"),
    }
}

/// Says that there are other topics than were advised, where it is so.
pub fn difference(report: &TopicsReport, trained: usize) -> Option<String> {
    if report.advice.heads == trained {
        return None;
    }
    Some(format!("As the topics stand now there {}, a head for each.", are(trained)))
}

fn are(topics: usize) -> String {
    if topics == 1 { "is 1".to_owned() } else { format!("are {}", count(topics)) }
}

/// The map in words.
pub fn map(report: &TopicsReport, board: &TopicBoard, how: &str) -> String {
    let sample = if report.shown.len() < board.examples {
        format!(" It shows a sample of {} of {} examples.", count(report.shown.len()), count(board.examples))
    } else {
        String::new()
    };
    let topic = |topic: &crate::worker::protocol::TopicView| {
        format!("{} ({})", topic.name, percent(share(topic.size, board.examples)))
    };
    let mut topics: Vec<String> = board.topics.iter().take(NAMED).map(topic).collect();
    if board.topics.len() > NAMED {
        topics.push(format!("and {} more", board.topics.len() - NAMED));
    }
    let noise = match board.noise {
        0 => String::new(),
        noise => format!(" {} of no topic.", counted(noise, "example")),
    };
    format!("Map of {} by {how}. Topics: {}.{noise}{sample}", counted(report.shown.len(), "example"), topics.join("; "))
}

/// How far topics and labels agree, in words.
pub fn agreement(agreement: f64) -> String {
    format!("Agreement with the labels in the data (NMI): {agreement:.2}; 1 is full, 0 is none.")
}

/// A share of 1.
pub fn share(part: usize, whole: usize) -> f64 {
    part as f64 / whole.max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_topic_calls_for_plain_lora() {
        assert_eq!((button(1), button(4)), ("Use plain LoRA".to_owned(), "Use 4 heads".to_owned()));
        assert_eq!((are(1), are(3)), ("is 1".to_owned(), "are 3".to_owned()));
        assert_eq!(share(1, 0), 1.0);
    }
}
