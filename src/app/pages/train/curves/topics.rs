//! Held-out loss of each topic.

use egui::Color32;

use crate::app::theme::Tokens;
use crate::app::widgets::chart::{ChartLine, Look};
use crate::app::widgets::figures::{count, in_one_line};
use crate::app::widgets::series::Series;
use crate::train::EvalRecord;

/// Lines that can be told apart in one chart.
const MOST: usize = 8;

/// Letters of a topic's name that the legend has room for.
const LETTERS: usize = 32;

#[derive(Debug)]
struct TopicCurve {
    topic: String,
    /// The name in the legend.
    name: String,
    examples: usize,
    series: Series,
    /// The place of its colour among those of the heads, where that is known.
    color: Option<usize>,
}

impl TopicCurve {
    fn line(&mut self, color: Color32) -> ChartLine<'_> {
        ChartLine { name: &self.name, series: &mut self.series, color, look: Look::Marked }
    }
}

/// A line for every topic, in the data's order.
#[derive(Debug, Default)]
pub struct TopicCurves {
    topics: Vec<TopicCurve>,
}

impl TopicCurves {
    /// Takes over one measure.
    pub fn push(&mut self, eval: &EvalRecord) {
        for topic in &eval.topics {
            let known = self.topics.iter().position(|curve| curve.topic == topic.topic);
            let at = known.unwrap_or_else(|| {
                let name = in_one_line(&topic.topic, LETTERS);
                let (topic, examples) = (topic.topic.clone(), topic.examples);
                self.topics.push(TopicCurve { topic, name, examples, series: Series::default(), color: None });
                self.topics.len() - 1
            });
            if let Some(curve) = self.topics.get_mut(at) {
                curve.examples = topic.examples;
                curve.series.push_at(eval.step, eval.elapsed_s, topic.loss);
            }
        }
    }

    /// Takes over the colours that topics have on every page.
    pub fn take_colors(&mut self, color: &dyn Fn(&str) -> Option<usize>) {
        self.topics.iter_mut().for_each(|curve| curve.color = color(&curve.topic));
    }

    /// Whether the data has no topics.
    pub fn is_empty(&self) -> bool {
        self.topics.is_empty()
    }

    /// What is said where not every topic is drawn.
    pub fn note(&self) -> Option<String> {
        let all = self.topics.len();
        (all > MOST).then(|| format!("the {MOST} largest of {} topics", count(all)))
    }

    /// The largest topics, in the data's order.
    pub fn lines(&mut self, tokens: &Tokens) -> Vec<ChartLine<'_>> {
        let mut sizes: Vec<(usize, usize)> =
            self.topics.iter().enumerate().map(|(at, topic)| (topic.examples, at)).collect();
        sizes.sort_by_key(|(examples, at)| (std::cmp::Reverse(*examples), *at));
        let is_drawn = |at: &usize| sizes.iter().take(MOST).any(|(_, drawn)| drawn == at);
        let drawn = self.topics.iter_mut().enumerate().filter(|(at, _)| is_drawn(at));
        let colored = drawn.enumerate().map(|(place, (_, topic))| {
            let color = topic.color.unwrap_or(place);
            topic.line(tokens.head(color))
        });
        colored.collect()
    }
}

#[cfg(test)]
mod tests {
    use egui::Theme;

    use super::*;
    use crate::train::TopicLoss;

    fn eval(step: usize, sizes: &[usize]) -> EvalRecord {
        let topic = |(i, examples): (usize, &usize)| TopicLoss {
            topic: format!("topic {i}"),
            loss: 1.0 / (step + i + 1) as f64,
            examples: *examples,
            supervised: 10 * examples,
        };
        let topics = sizes.iter().enumerate().map(topic).collect();
        EvalRecord { step, loss: 1.0, examples: 100, supervised: 1000, elapsed_s: step as f64, topics }
    }

    #[test]
    fn the_largest_topics_are_drawn_in_the_order_of_the_data() {
        let mut curves = TopicCurves::default();
        curves.push(&eval(0, &[1, 9, 2, 8, 3, 7, 4, 6, 5, 5]));
        let tokens = Tokens::of_theme(Theme::Dark);
        let names: Vec<String> = curves.lines(tokens).iter().map(|line| line.name.to_owned()).collect();
        let expected = [1, 3, 4, 5, 6, 7, 8, 9].map(|i| format!("topic {i}"));
        assert_eq!(names, expected);
        assert_eq!(curves.note().as_deref(), Some("the 8 largest of 10 topics"));
        let colors: Vec<_> = curves.lines(tokens).iter().map(|line| line.color).collect();
        assert_eq!(colors, tokens.heads);
    }

    #[test]
    fn a_topic_has_the_colour_that_it_has_elsewhere() {
        let mut curves = TopicCurves::default();
        curves.push(&eval(0, &[3, 2]));
        curves.take_colors(&|topic| (topic == "topic 1").then_some(5));
        let tokens = Tokens::of_theme(Theme::Dark);
        let colors: Vec<_> = curves.lines(tokens).iter().map(|line| line.color).collect();
        assert_eq!(colors, [tokens.head(0), tokens.head(5)]);
    }

    #[test]
    fn every_topic_keeps_its_line_from_measure_to_measure() {
        let mut curves = TopicCurves::default();
        (0..5).for_each(|step| curves.push(&eval(step * 10, &[3, 2])));
        let lines = curves.lines(Tokens::of_theme(Theme::Dark));
        assert_eq!(lines.iter().map(|line| line.series.len()).collect::<Vec<_>>(), [5, 5]);
        assert_eq!(curves.note(), None);
    }
}
