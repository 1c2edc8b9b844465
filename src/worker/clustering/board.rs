//! The topics at hand: the examples that they are of, what is known of their words, and every change.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::super::import::Imported;
use super::super::protocol::{ExampleBrief, TopicBoard, TopicEdit, TopicSearch, TopicView, TopicsReport};
use super::Origin;
use crate::cluster::{
    BookError, Corpus, Described, FindTopics, Points, TopicBook, TopicFeatures, TopicMethod, TopicOrigin, Topics,
    normalised_mutual_information, principal_map,
};
use crate::data::{DataError, Edit, Examples};
use crate::job::Job;
use crate::model::{BaseModel, pooled_prompts};

/// Examples that are shown on the map; of more, a sample.
const SHOWN: usize = 20_000;
/// Letters of an example in brief.
const LETTERS: usize = 160;

/// Topics with all that changes of them need.
pub(super) struct Board {
    pub data: Arc<Imported>,
    pub corpus: Arc<Corpus>,
    pub book: TopicBook,
    /// What the topics are about, in their order.
    described: Vec<Described>,
    /// The places of the examples on the map.
    pub shown: Vec<usize>,
    pub points: Points,
    /// The number of the label that every example brought, where the data brings more than one.
    pub brought: Option<Vec<Option<u32>>>,
    /// Whether the examples carry the topics as they are now.
    is_applied: bool,
}

impl Board {
    /// Finds or reads topics of `data`.
    pub fn find(
        origin: Origin,
        data: Arc<Imported>,
        model: Option<&BaseModel>,
        job: &Job,
    ) -> anyhow::Result<(Self, TopicsReport)> {
        let examples = &data.import.examples;
        if examples.is_empty() {
            anyhow::bail!("no example is left to group: the Data page says why each row was dropped");
        }
        let (search, read) = match origin {
            Origin::Search(search) => (search, None),
            Origin::File(path) => {
                let book = TopicBook::read(&path, examples.len())?;
                (search_of(&book.origin), Some((path, book)))
            }
        };
        job.progress(0.0, "Reading the examples");
        let texts: Vec<String> =
            examples.iter().map(|example| Ok(example?.text())).collect::<Result<_, DataError>>()?;
        let corpus = corpus(&texts, examples, &search, model, job)?;
        let wanted = FindTopics { topics: search.topics, seed: search.seed, ..FindTopics::default() };
        let topics = corpus.topics(&wanted, job)?;
        let (file, book) = match read {
            Some((path, book)) => (Some(path), book),
            None => (None, book(&corpus, &topics, &search, job)?),
        };
        let (shown, points) = corpus.sample(SHOWN, search.seed);
        let brought = brought(examples, data.edits.imported());
        let corpus = Arc::new(corpus);
        let mut board = Self { data, corpus, book, described: Vec::new(), shown, points, brought, is_applied: false };
        board.describe();
        let data = board.data.clone();
        board.note_data(&data);
        let report = board.report(search, topics, file);
        Ok((board, report))
    }

    /// Whether these are its examples, whatever was changed since.
    pub fn is_of(&self, data: &Imported) -> bool {
        self.data.edits.imported().is_of_same_import(data.edits.imported())
    }

    /// Looks whether examples carry the topics as they are now; gives back whether that is news.
    pub fn note_data(&mut self, data: &Imported) -> bool {
        let labelled = data.edits.edits().filter(|edit| matches!(edit, Edit::SetTopics { .. })).last();
        let is_applied = labelled.is_some_and(|edit| *edit == self.as_edit());
        std::mem::replace(&mut self.is_applied, is_applied) != is_applied
    }

    /// Changes the topics.
    pub fn edit(&mut self, edit: TopicEdit) -> anyhow::Result<()> {
        match edit {
            TopicEdit::Merge(topics) => self.book.merge(&topics)?,
            TopicEdit::Split(topic) => self.split(topic)?,
            TopicEdit::Rename { topic, name } => self.book.rename(topic, &name)?,
            TopicEdit::Exclude { topic, is_excluded } => self.book.exclude(topic, is_excluded)?,
            TopicEdit::Gather(rows) => self.book.gather(&rows)?,
            TopicEdit::Undo => drop(self.book.undo()),
            TopicEdit::Redo => drop(self.book.redo()),
        }
        self.is_applied = false;
        self.describe();
        Ok(())
    }

    fn split(&mut self, topic: u32) -> anyhow::Result<()> {
        let texts = self.book.texts_of(topic);
        let halves = self.corpus.halves(&texts, self.book.origin.seed, &Job::silent())?;
        match halves {
            Some(halves) => Ok(self.book.split(topic, &halves)?),
            None => {
                let name = self.book.topics().iter().find(|other| other.id == topic).map(|topic| topic.name.clone());
                Err(name.map_or(BookError::NoSuch { id: topic }, |name| BookError::Alike { name }).into())
            }
        }
    }

    pub fn save(&self, path: &Path) -> anyhow::Result<()> {
        Ok(self.book.write(path)?)
    }

    fn describe(&mut self) {
        self.described = self.corpus.described(&self.book.numbers(), self.book.topics().len());
        let words: Vec<Vec<String>> = self.described.iter().map(|described| described.words.clone()).collect();
        self.book.name_by_words(&words);
    }

    /// The topics as the window shows them.
    pub fn view(&self) -> TopicBoard {
        let numbers = self.book.numbers();
        let briefs = |rows: &[usize]| rows.iter().filter_map(|row| self.brief(*row)).collect();
        let topic = |(topic, described): (&crate::cluster::BookTopic, &Described)| TopicView {
            id: topic.id,
            name: topic.name.clone(),
            color: topic.color as usize,
            size: described.size,
            words: described.words.clone(),
            typical: briefs(&described.typical),
            borderline: briefs(&described.borderline),
            is_excluded: topic.is_excluded,
        };
        TopicBoard {
            topics: self.book.topics().iter().zip(&self.described).map(topic).collect(),
            examples: numbers.len(),
            noise: numbers.iter().filter(|number| number.is_none()).count(),
            shown: self.shown.iter().map(|row| numbers.get(*row).copied().flatten()).collect(),
            agreement: agreement(self.brought.as_deref(), &numbers),
            undo: self.book.undo_name().map(str::to_owned),
            redo: self.book.redo_name().map(str::to_owned),
            is_applied: self.is_applied,
        }
    }

    fn report(&self, search: TopicSearch, topics: Topics, file: Option<PathBuf>) -> TopicsReport {
        TopicsReport {
            search,
            advice: topics.advice,
            sse: topics.sse,
            silhouette: topics.silhouette,
            stability: topics.stability,
            languages: topics.languages.iter().map(|name| (*name).to_owned()).collect(),
            shown: self.shown.iter().map(|row| self.brief(*row).unwrap_or_default()).collect(),
            principal: principal_map(&self.points),
            file,
        }
    }

    fn brief(&self, row: usize) -> Option<ExampleBrief> {
        let example = self.data.import.examples.get(row).ok()?;
        Some(ExampleBrief { row, source: example.source.to_string(), text: in_one_line(&example.text()) })
    }
}

/// The beginning of a text, with its lines joined.
fn in_one_line(text: &str) -> String {
    let mut line: String = text
        .trim_start()
        .chars()
        .map(|letter| if letter.is_whitespace() { ' ' } else { letter })
        .take(LETTERS)
        .collect();
    if text.trim().chars().nth(LETTERS).is_some() {
        line.push('…');
    }
    line
}

fn corpus(
    texts: &[String],
    examples: &Examples,
    search: &TopicSearch,
    model: Option<&BaseModel>,
    job: &Job,
) -> anyhow::Result<Corpus> {
    match (search.features, model) {
        (TopicFeatures::Words, _) => Ok(Corpus::read(texts, search.seed, job)?),
        (TopicFeatures::Model, Some(model)) => {
            let prompts = examples.iter().map(|example| Ok(example?.prompt()));
            let prompts: Vec<String> = prompts.collect::<Result<_, DataError>>()?;
            Ok(Corpus::with_points(texts, &pooled_prompts(model, &prompts, job)?, job)?)
        }
        (TopicFeatures::Model, None) => {
            anyhow::bail!("no model is loaded to read the examples: choose one on the Model page, or take their words")
        }
    }
}

/// The topics as they were found, before any change.
fn book(corpus: &Corpus, topics: &Topics, search: &TopicSearch, job: &Job) -> anyhow::Result<TopicBook> {
    let origin = TopicOrigin {
        method: search.method,
        features: search.features,
        seed: search.seed,
        asked: search.topics,
        advice: topics.advice.sentence.clone(),
        sse: topics.sse.clone(),
        silhouette: topics.silhouette.clone(),
    };
    Ok(match search.method {
        TopicMethod::Kmeans => {
            let labels = topics.labels.iter().map(|label| Some(*label)).collect();
            TopicBook::new(origin, labels, topics.sizes.len())
        }
        TopicMethod::Density => {
            let found = corpus.dense_groups(search.seed, job)?;
            TopicBook::new(origin, numbers_of(&found.labels), found.groups)
        }
    })
}

/// Labels of dense groups as numbers, none for noise.
pub(super) fn numbers_of(labels: &[i32]) -> Vec<Option<u32>> {
    labels.iter().map(|label| u32::try_from(*label).ok()).collect()
}

fn search_of(origin: &TopicOrigin) -> TopicSearch {
    // What a model made of the examples is not in the file; their words tell them apart well enough to look at and to split.
    TopicSearch { method: origin.method, features: TopicFeatures::Words, topics: origin.asked, seed: origin.seed }
}

/// The labels that the files brought to these examples, whatever they are labelled by now, numbered, where there is more
/// than one.
fn brought(examples: &Examples, imported: &Examples) -> Option<Vec<Option<u32>>> {
    let mut numbers = BTreeMap::<&str, u32>::new();
    let mut brought = Vec::with_capacity(examples.len());
    for topic in (0..examples.len()).map(|index| imported.topic(examples.row(index)?)) {
        let next = numbers.len() as u32;
        brought.push(topic.map(|topic| *numbers.entry(topic).or_insert(next)));
    }
    (numbers.len() > 1).then_some(brought)
}

/// Normalised mutual information with the labels that the data brings, over the examples that have one; noise is a topic.
pub(super) fn agreement(brought: Option<&[Option<u32>]>, numbers: &[Option<u32>]) -> Option<f64> {
    let pairs =
        brought?.iter().zip(numbers).filter_map(|(brought, number)| Some(((*brought)?, number.unwrap_or(u32::MAX))));
    let (brought, found): (Vec<u32>, Vec<u32>) = pairs.unzip();
    Some(normalised_mutual_information(&brought, &found))
}
