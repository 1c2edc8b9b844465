//! A survey as it is made: examples come in a few at a time, and only sums of their gates stay.

use std::collections::BTreeMap;
use std::ops::Range;

use super::labels::Topics;
use super::shuffle::{Sample, Shuffler, normalised_mutual_information};
use super::tokens::TokenTally;
use super::topics::{TopicTally, deviation};
use super::{ExcitingExample, HeadPortrait, ModuleSummary, RoutingSurvey, SHUFFLES, TESTED, names};
use crate::adapter::{Adapter, GateCapture, GateLoad, Module, Pass, health, module_similarity};
use crate::data::{Example, Examples, Role, Source};
use crate::figures::counted;
use crate::job::Job;
use crate::model::{BaseModel, Decoder, Sequences};
use crate::text::{Batch, ChatTokenizer, TextError, TokenizedExample};
use crate::train::TrainError;

/// Tokens of one pass, at most, where an example alone does not have more.
const PASS_TOKENS: usize = 1024;
/// Examples that are told for a head.
const TOLD: usize = 8;
/// Characters of an example that are shown.
const SNIPPET: usize = 160;
/// Shuffles between two looks at whether to stop.
const SHUFFLES_AT_ONCE: usize = 25;

/// One example to be surveyed.
#[derive(Clone, Debug)]
pub struct SurveyRow {
    pub tokens: TokenizedExample,
    pub source: Source,
    /// As [`Topics::number`] has it.
    pub topic: Option<usize>,
    /// The beginning of its last user message.
    pub snippet: String,
}

impl SurveyRow {
    /// An example as the model reads it, cut to `context` tokens.
    ///
    /// # Errors
    /// When the template refuses the example.
    pub fn of(
        example: &Example,
        topic: Option<usize>,
        tokenizer: &ChatTokenizer,
        context: usize,
    ) -> Result<Self, TextError> {
        let user = example.messages.iter().rev().find(|message| message.role == Role::User);
        Ok(Self {
            tokens: tokenizer.encode_example(&example.messages, context)?,
            source: example.source.clone(),
            topic,
            snippet: snippet(user.map_or("", |message| message.content.as_str())),
        })
    }
}

/// The beginning of a text, on one line.
fn snippet(text: &str) -> String {
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match words.char_indices().nth(SNIPPET) {
        Some((end, _)) => format!("{}…", words.get(..end).unwrap_or_default().trim_end()),
        None => words,
    }
}

/// Sums over the examples so far. Feed it with [`Surveyor::read`], then call [`Surveyor::shuffle`] until it is done, and
/// [`Surveyor::finish`].
pub struct Surveyor {
    heads: usize,
    modules: Vec<Module>,
    /// Those that are told apart, and how many the rest are of.
    topics: Vec<String>,
    gathered: usize,
    /// Examples that are expected.
    expected: usize,
    seen: usize,
    skipped: usize,
    tokens: usize,
    load: GateLoad,
    /// By topic; then those of the rest, and those without one.
    by_topic: Vec<TopicTally>,
    by_token: TokenTally,
    /// Per head.
    excited: Vec<Vec<ExcitingExample>>,
    sums: Vec<f64>,
    squares: Vec<f64>,
    sample: Sample,
    shuffler: Option<Shuffler>,
    is_shuffling: bool,
}

impl Surveyor {
    /// A survey of `adapter` over `expected` examples, the topics of which are `topics`.
    pub fn new(adapter: &Adapter, topics: &Topics, expected: usize) -> Self {
        let (heads, modules): (usize, Vec<Module>) = (adapter.spec().heads, adapter.modules().collect());
        let gathered = topics.gathered;
        let topics = topics.names.clone();
        Self {
            heads,
            expected,
            seen: 0,
            skipped: 0,
            tokens: 0,
            load: GateLoad::new(heads),
            by_topic: (0..topics.len() + 2).map(|_| TopicTally::new(heads, modules.len())).collect(),
            by_token: TokenTally::new(heads),
            excited: vec![Vec::new(); heads],
            sums: vec![0.0; heads],
            squares: vec![0.0; heads],
            sample: Sample::default(),
            shuffler: None,
            is_shuffling: false,
            modules,
            topics,
            gathered,
        }
    }

    /// How many of `lengths`, tokens of the examples that come next, make one pass.
    pub fn pass_size(lengths: impl Iterator<Item = usize>) -> usize {
        let mut tokens = 0;
        let fits = |length: &usize| {
            tokens += length;
            tokens <= PASS_TOKENS
        };
        lengths.take_while(fits).count().max(1)
    }

    /// Takes in some examples, in one pass.
    ///
    /// # Errors
    /// When the computation fails.
    pub fn read(&mut self, decoder: &Decoder, adapter: &Adapter, rows: &[SurveyRow]) -> candle_core::Result<()> {
        let batch = Batch::packed(&rows.iter().map(|row| &row.tokens).collect::<Vec<_>>());
        let capture = GateCapture::default();
        let pass = Pass { capture: Some(&capture), ..Pass::with(adapter) };
        decoder.hidden(&batch.ids, &Sequences::of(&batch), &pass, None)?;
        self.take(&capture.take(), &batch, rows);
        Ok(())
    }

    /// Notes that an example could not be read.
    pub fn skip(&mut self) {
        self.seen += 1;
        self.skipped += 1;
    }

    fn take(&mut self, gates: &BTreeMap<Module, Vec<f32>>, batch: &Batch, rows: &[SurveyRow]) {
        self.load.add(gates, &batch.spans);
        let of_tokens = over_modules(gates, batch.ids.len() * self.heads);
        for (row, span) in rows.iter().zip(&batch.spans) {
            self.tokens += span.len();
            for (token, gates) in
                span.clone().zip(of_tokens.get(self.range(span)).unwrap_or_default().chunks(self.heads))
            {
                if let Some(&id) = batch.ids.get(token) {
                    self.by_token.add(id, gates);
                }
            }
            self.take_example(gates, span, row);
        }
    }

    /// Where the gates of some tokens lie.
    fn range(&self, tokens: &Range<usize>) -> Range<usize> {
        tokens.start * self.heads..tokens.end * self.heads
    }

    fn take_example(&mut self, gates: &BTreeMap<Module, Vec<f32>>, span: &Range<usize>, row: &SurveyRow) {
        let range = self.range(span);
        let of_module = |gates: &Vec<f32>| mean_gates(gates.get(range.clone()).unwrap_or_default(), self.heads);
        let by_module: Vec<f32> =
            self.modules.iter().filter_map(|module| gates.get(module)).flat_map(of_module).collect();
        let mean = mean_gates(&by_module, self.heads);
        for ((sum, square), gate) in self.sums.iter_mut().zip(&mut self.squares).zip(mean.iter().map(|g| f64::from(*g)))
        {
            *sum += gate;
            *square += gate * gate;
        }
        let told_apart = self.topics.len();
        let topic = row.topic.filter(|topic| *topic < told_apart);
        let place = row.topic.map_or(told_apart + 1, |topic| topic.min(told_apart));
        if let Some(tally) = self.by_topic.get_mut(place) {
            tally.add(gates, span, &mean, &by_module);
        }
        for (excited, &gate) in self.excited.iter_mut().zip(&mean) {
            let place = excited.iter().position(|other| other.mean < gate).unwrap_or(excited.len());
            if place < TOLD {
                let topic = topic.and_then(|topic| self.topics.get(topic)).cloned();
                let (source, snippet) = (row.source.clone(), row.snippet.clone());
                excited.insert(place, ExcitingExample { source, topic, snippet, mean: gate });
                excited.truncate(TOLD);
            }
        }
        if let Some(topic) = topic.filter(|_| self.is_sampled()) {
            self.sample.labels.push(topic);
            self.sample.gates.extend(mean.iter().chain(&by_module));
        }
        self.seen += 1;
    }

    /// Whether the example at hand is of the even selection that is shuffled.
    fn is_sampled(&self) -> bool {
        let all = self.expected.max(1);
        let taken = TESTED.min(all);
        self.seen * taken / all != (self.seen + 1) * taken / all
    }

    /// A few shuffles more; gives the share of them that is done, 1 at the end.
    pub fn shuffle(&mut self) -> f32 {
        if !self.is_shuffling {
            self.is_shuffling = true;
            self.shuffler = Shuffler::new(std::mem::take(&mut self.sample), self.heads, self.topics.len());
        }
        let Some(shuffler) = &mut self.shuffler else { return 1.0 };
        shuffler.shuffle(SHUFFLES_AT_ONCE);
        shuffler.share()
    }

    /// What all of it amounts to. `text` gives a token as a person reads it; `adapter` is the one that was looked through.
    ///
    /// # Errors
    /// When the adapter's tensors cannot be read.
    pub fn finish(self, adapter: &Adapter, text: &dyn Fn(u32) -> String) -> candle_core::Result<RoutingSurvey> {
        let similarity = module_similarity(&adapter.to_tensors()?)?;
        let summary = |(module, gates)| ModuleSummary { module, gates, similarity: similarity.get(&module).copied() };
        let modules: Vec<ModuleSummary> = self.load.modules().map(summary).collect();
        let overall = self.load.overall();
        let token_leads: Vec<Vec<u64>> = self.topic_tallies().map(|(_, tally)| tally.token_leads.clone()).collect();
        let token_nmi = normalised_mutual_information(&token_leads);
        let association = self.shuffler.as_ref().map(|shuffler| shuffler.association(&self.modules, token_nmi));
        let mut survey = RoutingSurvey {
            heads: self.heads,
            examples: self.seen - self.skipped,
            tokens: self.tokens,
            skipped: self.skipped,
            health: health(&overall, &modules.iter().map(ModuleSummary::health).collect::<Vec<_>>()),
            topics: self.topic_routings(),
            association: association.map(|association| self.renumbered(association)),
            portraits: self.portraits(&overall.mean, text),
            overall,
            modules,
        };
        names::suggest(&mut survey);
        Ok(survey)
    }

    /// Topics that have examples, with their number.
    fn topic_tallies(&self) -> impl Iterator<Item = (usize, &TopicTally)> {
        self.by_topic.iter().enumerate().take(self.topics.len()).filter(|(_, tally)| !tally.is_empty())
    }

    fn topic_routings(&self) -> Vec<super::TopicRouting> {
        let named = self.topic_tallies().map(|(topic, tally)| tally.routing(self.topics.get(topic).cloned(), 0));
        let unnamed = self.by_topic.iter().skip(self.topics.len()).zip([self.gathered, 0]);
        let unnamed = unnamed.filter(|(tally, _)| !tally.is_empty());
        named.chain(unnamed.map(|(tally, gathered)| tally.routing(None, gathered))).collect()
    }

    /// Topics without examples are not told of: the others are numbered as they are told.
    fn renumbered(&self, mut association: super::TopicAssociation) -> super::TopicAssociation {
        let told: Vec<usize> = self.topic_tallies().map(|(topic, _)| topic).collect();
        for preference in &mut association.preferences {
            preference.topic = told.iter().position(|topic| *topic == preference.topic).unwrap_or(preference.topic);
        }
        association
    }

    fn portraits(&self, means: &[f32], text: &dyn Fn(u32) -> String) -> Vec<HeadPortrait> {
        let number = self.seen - self.skipped;
        let of = |(head, (sum, square)): (usize, (&f64, &f64))| HeadPortrait {
            head,
            mean: (sum / number.max(1) as f64) as f32,
            deviation: deviation(*sum, *square, number),
            examples: self.excited.get(head).cloned().unwrap_or_default(),
            tokens: self.by_token.exciting(head, means.get(head).copied().unwrap_or_default(), text),
            suggested_name: None,
        };
        self.sums.iter().zip(&self.squares).enumerate().map(of).collect()
    }
}

/// Gates averaged over all modules, `[tokens, heads]`: `size` numbers.
fn over_modules(gates: &BTreeMap<Module, Vec<f32>>, size: usize) -> Vec<f32> {
    let mut means = vec![0f32; size];
    let share = 1.0 / gates.len().max(1) as f32;
    for gates in gates.values() {
        means.iter_mut().zip(gates).for_each(|(mean, gate)| *mean += gate * share);
    }
    means
}

/// The mean of rows of gates.
fn mean_gates(rows: &[f32], heads: usize) -> Vec<f32> {
    let mut sums = vec![0f64; heads];
    for row in rows.chunks_exact(heads) {
        sums.iter_mut().zip(row).for_each(|(sum, gate)| *sum += f64::from(*gate));
    }
    let number = (rows.len() / heads.max(1)).max(1) as f64;
    sums.into_iter().map(|sum| (sum / number) as f32).collect()
}

/// Surveys some of `examples`, those at `chosen`, at one go. Of each, the first `context` tokens count.
///
/// # Errors
/// When the job is cancelled or the computation fails.
pub fn survey(
    model: &BaseModel,
    adapter: &Adapter,
    examples: &Examples,
    chosen: &[usize],
    context: usize,
    job: &Job,
) -> Result<RoutingSurvey, TrainError> {
    let tokenizer = model.tokenizer()?;
    let topics = Topics::of(examples);
    let mut surveyor = Surveyor::new(adapter, &topics, chosen.len());
    let mut waiting: Vec<SurveyRow> = Vec::new();
    for (done, example) in examples.iter_of(chosen.iter().copied()).enumerate() {
        job.check()?;
        let example = example?;
        match SurveyRow::of(&example, topics.number(&example), tokenizer, context) {
            Ok(row) => waiting.push(row),
            Err(_) => surveyor.skip(),
        }
        let fits = Surveyor::pass_size(waiting.iter().map(|row| row.tokens.ids.len()));
        if fits < waiting.len() {
            let rest = waiting.split_off(fits);
            surveyor.read(&model.decoder, adapter, &waiting)?;
            waiting = rest;
            job.progress(
                done as f32 / chosen.len() as f32,
                format!("Reading the gates of {}", counted(chosen.len(), "example")),
            );
        }
    }
    if !waiting.is_empty() {
        surveyor.read(&model.decoder, adapter, &waiting)?;
    }
    loop {
        job.check()?;
        let share = surveyor.shuffle();
        job.progress(share, format!("Shuffling the topics {SHUFFLES} times"));
        if share >= 1.0 {
            break;
        }
    }
    Ok(surveyor.finish(adapter, &|id| tokenizer.token_text(id))?)
}

#[cfg(test)]
mod tests;
