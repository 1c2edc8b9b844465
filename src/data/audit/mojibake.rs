//! UTF-8 that was read as Windows-1252: `é` became `Ã©`. It is proved by the way back: the letters of such a stretch are
//! the bytes of UTF-8, and read as such they are fewer letters that make sense.

use super::signs::to_windows_1252;
use crate::data::Message;

/// Signs that close a quotation or a sentence. Behind a letter such as `É` they stand there by right, though their bytes
/// would go on a sequence of UTF-8.
const CLOSING: &str = "’”›»…–—“‘„«‹•\u{A0}";

/// How often a text may have gone through the wrong reading.
const ROUNDS: usize = 3;

/// Where a conversation holds mojibake, and what was meant; `None` where it holds none.
pub(super) fn misread(messages: &[Message]) -> Option<String> {
    messages.iter().enumerate().find_map(|(at, message)| {
        let (wrong, meant) = first(&message.content)?;
        Some(format!("message {} holds \"{wrong}\", which is \"{meant}\" read as Windows-1252", at + 1))
    })
}

/// The text as it was meant; `None` where there is no proof that it was misread.
pub(super) fn reread(text: &str) -> Option<String> {
    let mut meant = None::<String>;
    for _ in 0..ROUNDS {
        let Some(better) = once(meant.as_deref().unwrap_or(text)) else { break };
        meant = Some(better);
    }
    meant
}

/// One certain stretch and what was meant by it.
fn first(text: &str) -> Option<(&str, char)> {
    if text.is_ascii() {
        return None;
    }
    let places = text.char_indices().filter(|(_, letter)| !letter.is_ascii());
    places.filter_map(|(at, _)| sequence(text.get(at..)?)).find(|found| found.is_certain).map(|found| {
        let Sequence { wrong, meant, .. } = found;
        (wrong, meant)
    })
}

fn once(text: &str) -> Option<String> {
    first(text)?;
    let mut meant = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(letter) = rest.chars().next() {
        let step = match sequence(rest) {
            Some(found) => {
                meant.push(found.meant);
                found.wrong.len()
            }
            None => {
                meant.push(letter);
                letter.len_utf8()
            }
        };
        rest = rest.get(step..).unwrap_or_default();
    }
    Some(meant)
}

/// Letters that are the bytes of one other letter.
struct Sequence<'a> {
    wrong: &'a str,
    meant: char,
    /// Whether nothing else could have been meant by them.
    is_certain: bool,
}

/// The sequence that a text begins with.
fn sequence(text: &str) -> Option<Sequence<'_>> {
    let mut letters = text.char_indices();
    let (_, lead) = letters.next()?;
    if lead.is_ascii() {
        return None;
    }
    let lead = to_windows_1252(lead)?;
    let length = match lead {
        0xC2..=0xDF => 2,
        0xE0..=0xEF => 3,
        0xF0..=0xF4 => 4,
        _ => return None,
    };
    let mut bytes = vec![lead];
    let mut is_certain = false;
    for (_, letter) in letters.by_ref().take(length - 1) {
        bytes.push(to_windows_1252(letter)?);
        is_certain |= !CLOSING.contains(letter);
    }
    let end = letters.next().map_or(text.len(), |(at, _)| at);
    let meant = std::str::from_utf8(&bytes).ok()?.chars().next().filter(|_| bytes.len() == length)?;
    Some(Sequence { wrong: text.get(..end)?, meant, is_certain: is_certain && !meant.is_control() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::audit::signs::from_windows_1252;

    /// UTF-8 read as Windows-1252.
    fn wrong(text: &str) -> String {
        text.bytes().map(from_windows_1252).collect()
    }

    #[test]
    fn the_way_back_gives_the_text_that_was_meant() {
        for text in ["café", "it’s “fine” – 5 €", "naïve Ümläüt ß", "Привет", "日本語", "🙂 ok", "señor", "20 °C"]
        {
            let once = wrong(text);
            assert_eq!(reread(&once).as_deref(), Some(text), "{once}");
            assert_eq!(reread(&wrong(&once)).as_deref(), Some(text), "twice");
            assert_eq!(reread(text), None, "{text} is as it was meant");
        }
    }

    #[test]
    fn a_stretch_among_good_letters_is_found_alone() {
        assert_eq!(reread("日本語 cafÃ© é").as_deref(), Some("日本語 café é"));
    }

    #[test]
    fn letters_that_stand_there_by_right_prove_nothing() {
        let texts = [
            "“CAFÉ” and «É» and CAFÉ…",
            "ÇÃO, AÇÃO, IRMÃ’",
            "ÄÖÜ ß à la carte – “Ö”",
            "Tiếng Việt Ôi!",
            "© ® ™ £ § ¶",
            "3 × 4 ÷ 2",
            "“é”…",
            "Łódź Žižek",
        ];
        for text in texts {
            assert_eq!(reread(text), None, "{text}");
        }
    }

    #[test]
    fn the_reason_shows_both_readings() {
        let messages = [Message { role: crate::data::Role::Assistant, content: "un cafÃ©".into() }];
        assert_eq!(misread(&messages).unwrap(), "message 1 holds \"Ã©\", which is \"é\" read as Windows-1252");
    }
}
