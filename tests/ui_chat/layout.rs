//! Everything in its place, at both sizes and in both themes, in any script.

use egui::ThemePreference;
use egui_kittest::kittest::{NodeT, Queryable};
use hydra_studio::app::pages::PageId;
use hydra_studio::worker::protocol::{EndReason, Event, WeighedAnswer};

use super::stage::{Stage, adapter, data, model};
use super::{answered, ask, click, gates, generate, requests, started, token, type_question};

/// A conversation with changed heads, looked at by gates and by changes.
fn conversation(size: [f32; 2], theme: ThemePreference) -> Stage {
    let mut stage = Stage::new(PageId::Chat, size, theme);
    stage.tell([model(), data(), adapter()]);
    click(&mut stage, "Show gates of new answers");
    let asked = ask(&mut stage, "A train leaves at 9:40 and takes 2 hours and 35 minutes. When does it arrive?");
    let words = ["From", " 9", ":", "40", ",", " two", " hours", " later", " it", " is", " 11", ":", "40", "."];
    for (column, asked) in asked.iter().enumerate() {
        stage.tell([started(asked.id)]);
        for (i, word) in words.iter().enumerate() {
            let share = 0.34 + 0.6 * ((i * 7 + column) % 10) as f32 / 10.0;
            let mut mean = [(1.0 - share) / 2.0; 3];
            mean[i % 3] = share;
            stage.send([token(asked.id, i as u32, word)]);
            if column == 1 {
                stage.send([gates(asked.id, i, mean)]);
            }
        }
        stage.tell([answered(asked.id, words.len(), EndReason::EndOfText)]);
    }
    click(&mut stage, "Show gates of new answers");
    click(&mut stage, "Solo head 2");
    type_question(&mut stage, "And if it is late by half an hour?");
    requests(&mut stage);
    stage.window.key_press(egui::Key::Enter);
    let (asked, ..) = generate(&mut stage);
    for asked in &asked {
        stage.tell([started(asked.id)]);
        words.iter().enumerate().for_each(|(i, word)| stage.send([token(asked.id, i as u32, word)]));
        stage.tell([answered(asked.id, words.len(), EndReason::MaxTokens)]);
    }
    let log_probs = (0..words.len()).map(|i| -1.0 + 0.9 * ((i * 5) as f32).sin()).collect();
    let against = vec![-1.0; words.len()];
    stage
        .tell([Event::Weighed { answers: vec![WeighedAnswer { id: asked[1].id, log_probs, against, gates: vec![] }] }]);
    stage
}

#[test]
fn nothing_lies_outside_the_window() {
    for size in [[1280.0, 800.0], [2560.0, 1440.0]] {
        let stage = conversation(size, ThemePreference::Dark);
        for name in ["Send", "Save conversation…", "Clear conversation", "Solo head 3", "Mute head 3", "Two adapters"]
        {
            let rect = stage.window.get_by_label(name).rect();
            assert!(rect.left() >= 184.0 && rect.right() <= size[0], "{name} at {size:?}: {rect:?}");
        }
        let send = stage.window.get_by_label("Send").rect();
        assert!(send.bottom() < size[1] - 40.0, "above the status bar: {send:?}");
        let left = stage.window.get_by_label("Adapter as trained").rect();
        let right = stage.window.get_by_label("Adapter, Head 2 alone").rect();
        assert!(left.right() < right.left() && (left.top() - right.top()).abs() < 1.0, "side by side");
    }
}

#[test]
fn an_answer_is_announced_as_it_comes() {
    let mut stage = super::ready();
    let asked = ask(&mut stage, "Well?");
    stage.tell([started(asked[0].id), token(asked[0].id, 1, "Some words")]);
    let live = stage.window.get_by_label("Some words").accesskit_node().live();
    assert_eq!(live, egui::accesskit::Live::Polite);
}

#[test]
fn a_line_of_an_answer_is_as_wide_as_its_words_and_suggested_questions_as_wide_as_each_other() {
    let mut stage = super::ready();
    let prompts = ["What is 17 plus 25?", "How many days are there from 3 May to 9 June?", "Write 'river' backwards."];
    let widths = prompts.map(|prompt| stage.window.get_by_label(prompt).rect().width());
    assert!(widths.iter().all(|width| *width == widths[0] && *width > 600.0), "{widths:?}");
    let asked = ask(&mut stage, "Well?");
    stage.tell([started(asked[0].id), token(asked[0].id, 1, "Some words")]);
    let words = stage.window.get_by_label("Some words").rect().width();
    assert!(words < 120.0, "words are not spread over the width: {words}");
}
