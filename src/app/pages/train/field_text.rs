//! What is said of every setting: its name, what it does in plain words, and its usual range.

use super::fields::Field;
use crate::adapter::Target;

/// What is said about a field.
pub struct FieldText {
    pub name: &'static str,
    pub explanation: &'static str,
    pub usual: &'static str,
}

const fn text(name: &'static str, usual: &'static str, explanation: &'static str) -> FieldText {
    FieldText { name, explanation, usual }
}

impl Field {
    /// The field in words.
    #[rustfmt::skip]
    pub fn text(self) -> FieldText {
        match self {
            Self::Method => text("Method", "HydraLoRA", "HydraLoRA shares one matrix A among several heads and lets a router mix them for every token. The others are for comparison."),
            Self::Rank => text("Rank", "4 to 32", "How much each head can express. More learns finer detail, and takes more memory and time."),
            Self::Heads => text("Heads", "2 to 8", "How many heads share the work. About one for each kind of task in the data. Plain LoRA always has one."),
            Self::Alpha => text("Alpha", "twice the rank", "How strongly the adapter speaks beside the base model: its output is scaled by alpha over rank."),
            Self::Dropout => text("Dropout", "0 to 0.1", "Share of the input hidden from A at random while training. Helps small data against learning by heart."),
            Self::Rslora => text("Rank-stable scale", "off; on from rank 64", "Divides alpha by the square root of the rank instead of the rank, which keeps large ranks learning."),
            Self::Targets => text("Modules", "all seven", "Which projections of every layer get an adapter: four of attention (q, k, v, o), three of the feed-forward part (gate, up, down)."),
            Self::Length => text("Length", "1 to 3 epochs", "How long to train: passes over all examples, or a number of optimizer steps."),
            Self::Batch => text("Batch", "1 to 8", "Rows computed at once: each is one example or, packed, as many as fit the context. More is faster and takes more memory."),
            Self::Accumulate => text("Accumulation", "1 to 16", "Each optimizer step takes this many times the batch in examples. Raises the effective batch without taking memory."),
            Self::Packing => text("Packing", "on", "Lays short examples end to end in rows of the context's length. Off gives each a row of its own, filled up to the longest: slower, and learns the same."),
            Self::Context => text("Context", "256 to 2048 tokens", "Longest example in tokens; what is longer is cut. Time and memory grow with it."),
            Self::Lr => text("Learning rate", "1e-4 to 1e-3", "How far each step moves the adapter. Too high and the loss jumps or turns into not a number; too low and it hardly falls."),
            Self::Schedule => text("Schedule", "cosine", "How the learning rate falls after warm-up: along a cosine, along a line, or not at all."),
            Self::Warmup => text("Warm-up", "0.03 to 0.1", "Share of all steps over which the learning rate rises from 0, so that the first steps break nothing."),
            Self::MaxGradNorm => text("Gradient clipping", "1", "Gradients longer than this are shortened to it, which tames outliers. 0 switches it off."),
            Self::WeightDecay => text("Weight decay", "0 to 0.1", "Pulls the weights towards 0 at every step. Rarely needed for adapters."),
            Self::HeldOut => text("Held-out share", "0.02 to 0.1", "Share of the examples kept out of training, to measure on what the adapter has never seen."),
            Self::Seed => text("Seed", "any", "Start of all randomness. The same seed, data and settings give the same adapter on CPU."),
            Self::CheckpointEvery => text("Checkpoint every", "automatic", "Steps between two checkpoints on disk. Automatic: ten over the run, and never more than 100 steps apart."),
            Self::EvalEvery => text("Measure every", "automatic", "Steps between two measures of held-out loss. Automatic: ten over the run."),
            Self::CheckpointMinutes => text("Checkpoint within", "5 min", "Longest time between two checkpoints, however slow the steps are. 0 leaves it to the steps alone."),
            Self::Patience => text("Early stop", "off; 3 to 5 measures", "Ends the run once held-out loss has brought nothing better this many times in a row. The best checkpoint is kept."),
            Self::MinDelta => text("Least improvement", "0 to 0.01", "How far held-out loss must fall below its best to count as better."),
            Self::Samples => text("Sample answers", "3", "How many prompts are answered at every measure, so that you can watch the answers change. 0 switches it off."),
            Self::SampleTokens => text("Longest sample answer", "32 to 128 tokens", "Longer answers show more, and take more time at every measure."),
            Self::SamplePrompts => text("Own prompts", "none", "Prompts of your own to answer at every measure, one a line. What is left of the number is drawn from held-out examples, one for each topic in turn."),
            Self::InitAdapter => text("Start from adapter", "none", "A folder with an adapter to go on from, of the same method, heads, rank and modules. Empty: start anew."),
            Self::Base => text("Base model kept as", "as stored", "What the frozen weights are kept in while training. Fewer bits take less memory; 8 bits round a little. On the processor all arithmetic stays in 32 bits; a GPU takes 16 or 32."),
            Self::Recompute => text("Recomputation", "off", "Computes every layer again on the way back instead of remembering it: far less memory, about a third more time, the same result."),
            Self::Threads => text("Threads", "automatic", "Processor cores that training uses. Automatic: all of them; the window still comes first."),
            Self::RouterInit => text("Router start", "random", "What the router of every module begins with. Topics fits which topic a token is from, so that each head starts with a topic of its own; the data must label topics. It takes about a minute before the first step."),
            Self::RouterStrength => text("Strength of the topics", "2 to 8", "How sure routers that start from topics are of them. At 0 all heads begin alike; from 8 on a token hardly reaches another head than its topic's."),
            Self::BalanceLoss => text("Balance loss", "0, or 0.001 to 0.05", "Pulls the router towards giving all heads as much to do. Helps where one head takes nearly everything; too much keeps heads from having a field of their own. 0 is as published."),
            Self::GateTemperature => text("Gate temperature", "1; 0.5 to 2", "Below 1 the leading head gets more of each token, above 1 all heads come closer. Kept with the adapter. 1 is as published."),
            Self::TopKHeads => text("Heads at a time", "all; 1 or 2 for sparse gates", "How many heads share each token, those the router likes best. Kept with the adapter. All is as published."),
            Self::BInit => text("Start of the heads", "0, or 0.001 to 0.02", "Size of the random numbers that every head begins with, so that heads differ from the first step on. The adapter then changes answers a little before it has learnt anything. 0 is as published."),
            Self::OnlyTopic => text("Only topic", "all topics", "Trains and measures on the examples of one topic alone, to see what that topic needs by itself."),
        }
    }
}

/// A module's name without the ending that all of them share.
pub fn short_name(target: Target) -> &'static str {
    target.name().strip_suffix("_proj").unwrap_or(target.name())
}
