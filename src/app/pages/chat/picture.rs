//! The tinted tokens of an answer, and of the conversation before it, as a picture or as numbers to be saved.

use std::fmt::Write;

use egui::Color32;

use crate::app::state::{Answer, HeadNames};
use crate::app::theme::Tokens;
use crate::app::widgets::chart_export::{ChartExport, ChartFormat, Picture, csv_cell};
use crate::app::widgets::token_picture::{legend_picture, text_picture};

use super::conversation::{Given, Seen};
use super::tokens::{TintedAnswer, gates, head_title, load};

/// What is seen of an answer, as a file of `format`: a picture as it is tinted on screen, or every token's numbers.
pub fn export(
    format: ChartFormat,
    given: &Given,
    answer: &Answer,
    names: &HeadNames,
    tokens: &'static Tokens,
) -> ChartExport {
    let mut picture = Picture::new("Tokens of an answer", given.name.as_str(), tokens);
    if format == ChartFormat::Csv {
        picture.table = table(given, answer, names);
        return picture.export(format);
    }
    let mut top = legend_picture(&mut picture, &legend(given, answer, names, tokens), tokens);
    if given.is_prompt_seen {
        let prompt = TintedAnswer { of: &answer.prompt, seen: Seen::Gates, tokens, names };
        top = text_picture(&mut picture, &prompt, top, tokens);
    }
    let tinted = TintedAnswer { of: &answer.tokens, seen: given.seen, tokens, names };
    text_picture(&mut picture, &tinted, top, tokens);
    picture.export(format)
}

/// Heads whose gates are known.
fn heads(answer: &Answer) -> usize {
    load(&answer.tokens).len().max(load(&answer.prompt).len())
}

fn legend(given: &Given, answer: &Answer, names: &HeadNames, tokens: &Tokens) -> Vec<(String, Color32)> {
    let mut legend = Vec::new();
    if given.seen == Seen::Gates || given.is_prompt_seen {
        legend.extend((0..heads(answer)).map(|head| (head_title(names, head), tokens.head(head))));
    }
    if given.seen == Seen::Changes {
        legend.push(("more likely with the changed heads".to_owned(), tokens.likelier));
        legend.push(("less likely".to_owned(), tokens.unlikelier));
    }
    legend
}

/// A row a token: what it is part of, its text, the change of its log-probability in nats, and its gates.
fn table(given: &Given, answer: &Answer, names: &HeadNames) -> String {
    let heads = heads(answer);
    let mut text = String::from("part,token,text,change in nats");
    (0..heads).for_each(|head| {
        let _ = write!(text, ",{}", csv_cell(&head_title(names, head)));
    });
    text.push('\n');
    let prompt = if given.is_prompt_seen { &answer.prompt[..] } else { &[] };
    for (part, tokens) in [("conversation", prompt), ("answer", &answer.tokens[..])] {
        for (index, token) in tokens.iter().enumerate() {
            let change = token.change.map_or_else(String::new, |change| format!("{change:?}"));
            let _ = write!(text, "{part},{},{},{change}", index + 1, csv_cell(&token.text));
            let gates = gates(token);
            for head in 0..heads {
                let gate = gates.get(head).map_or_else(String::new, |gate| format!("{gate:?}"));
                let _ = write!(text, ",{gate}");
            }
            text.push('\n');
        }
    }
    text
}
