//! The topics of a data set: which are told apart, and which are gathered because there are too many.

use std::collections::{HashMap, HashSet};

use super::topics::MOST_TOPICS;
use crate::data::{Example, Examples};

/// The topics of some examples that are told apart, in the order in which they first come, and how many more there are.
#[derive(Clone, Debug, Default)]
pub struct Topics {
    pub names: Vec<String>,
    /// Topics beyond those, each with no more examples than any of them.
    pub gathered: usize,
    numbers: HashMap<String, usize>,
}

impl Topics {
    /// Those of `examples`; of more than [`MOST_TOPICS`] those with the most examples are told apart.
    pub fn of(examples: &Examples) -> Self {
        Self::of_labels((0..examples.len()).filter_map(|index| examples.topic(index)))
    }

    /// Those of labels, one for each example.
    pub(super) fn of_labels<'a>(labels: impl Iterator<Item = &'a str>) -> Self {
        let mut places = HashMap::<&str, usize>::new();
        let mut counted: Vec<(&str, usize)> = Vec::new();
        for label in labels {
            let place = *places.entry(label).or_insert(counted.len());
            match counted.get_mut(place) {
                Some((_, examples)) => *examples += 1,
                None => counted.push((label, 1)),
            }
        }
        let mut by_size: Vec<usize> = (0..counted.len()).collect();
        // Of topics of one size those that come first.
        by_size.sort_by_key(|place| std::cmp::Reverse(counted.get(*place).map_or(0, |(_, examples)| *examples)));
        let kept: HashSet<usize> = by_size.into_iter().take(MOST_TOPICS).collect();
        let mut topics = Self { gathered: counted.len().saturating_sub(MOST_TOPICS), ..Self::default() };
        for (place, (label, _)) in counted.iter().enumerate() {
            // Where the rest are gathered stands behind all that are told apart.
            let number = if kept.contains(&place) { topics.names.len() } else { kept.len() };
            if kept.contains(&place) {
                topics.names.push((*label).to_owned());
            }
            topics.numbers.insert((*label).to_owned(), number);
        }
        topics
    }

    /// Which of them an example has; the number of names where it has one of the rest.
    pub fn number(&self, example: &Example) -> Option<usize> {
        example.topic.as_ref().and_then(|topic| self.numbers.get(topic)).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{Message, Role, Source};

    fn example(topic: Option<&str>) -> Example {
        Example {
            messages: vec![Message { role: Role::User, content: "?".into() }],
            topic: topic.map(str::to_owned),
            source: Source::default(),
        }
    }

    #[test]
    fn topics_are_numbered_as_they_first_come() {
        let examples = [example(Some("b")), example(None), example(Some("a")), example(Some("b"))];
        let topics = Topics::of(&Examples::of(examples.clone()).unwrap());
        assert_eq!((topics.names.as_slice(), topics.gathered), (["b".to_owned(), "a".to_owned()].as_slice(), 0));
        let numbers: Vec<Option<usize>> = examples.iter().map(|example| topics.number(example)).collect();
        assert_eq!(numbers, [Some(0), None, Some(1), Some(0)]);
    }

    #[test]
    fn of_too_many_topics_the_largest_are_told_apart_and_the_rest_gathered() {
        // Fifty of one example come first, then as many as are told apart with two each.
        let rare = (0..50).map(|i| format!("rare {i}"));
        let labels: Vec<String> = rare.chain((0..2 * MOST_TOPICS).map(|i| format!("topic {}", i / 2))).collect();
        let topics = Topics::of_labels(labels.iter().map(String::as_str));
        assert_eq!((topics.names.len(), topics.gathered), (MOST_TOPICS, 50));
        assert_eq!((topics.names[0].as_str(), topics.names[MOST_TOPICS - 1].as_str()), ("topic 0", "topic 199"));
        assert_eq!(topics.number(&example(Some("topic 199"))), Some(MOST_TOPICS - 1));
        assert_eq!(topics.number(&example(Some("rare 3"))), Some(MOST_TOPICS));
        assert_eq!(topics.number(&example(Some("never seen"))), None);
    }
}
