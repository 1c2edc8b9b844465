//! Signs that nobody sees, and those that stand where an encoding was lost.

use crate::data::Message;

/// The replacement character, which decoders put where bytes made no letter.
const REPLACEMENT: char = '\u{FFFD}';

/// Windows-1252 from 0x80 to 0x9F, the stretch in which it differs from Latin-1; `\0` where it has no letter.
const WINDOWS_1252: [char; 32] = [
    '€', '\0', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\0', 'Ž', '\0', '\0', '‘', '’', '“', '”', '•',
    '–', '—', '˜', '™', 'š', '›', 'œ', '\0', 'ž', 'Ÿ',
];

/// The letter that Windows-1252 has for a byte; the control character itself where it has none, as browsers read it.
pub(super) fn from_windows_1252(byte: u8) -> char {
    let own = byte.checked_sub(0x80).and_then(|place| WINDOWS_1252.get(usize::from(place)));
    own.copied().filter(|letter| *letter != '\0').unwrap_or(char::from(byte))
}

/// The byte that Windows-1252 has for a letter.
pub(super) fn to_windows_1252(letter: char) -> Option<u8> {
    if letter == '\0' {
        return Some(0);
    }
    if let Some(place) = WINDOWS_1252.iter().position(|own| *own == letter) {
        return u8::try_from(0x80 + place).ok();
    }
    let byte = u8::try_from(letter).ok()?;
    (from_windows_1252(byte) == letter).then_some(byte)
}

/// Whether a character is a control character that no text needs. Line ends and tabs are needed.
fn is_control(letter: char) -> bool {
    matches!(letter, '\0'..='\u{8}' | '\u{B}' | '\u{C}' | '\u{E}'..='\u{1F}' | '\u{7F}' | '\u{FEFF}')
}

/// Whether a character is one of the second set of control characters, which in texts are bytes of Windows-1252 that
/// were read as Latin-1.
fn is_c1(letter: char) -> bool {
    matches!(letter, '\u{80}'..='\u{9F}')
}

/// Whether a text may hold control characters: told by its bytes, many at a time.
fn may_hold_controls(text: &str) -> bool {
    // A byte order mark begins with EF, as characters of other scripts do.
    text.bytes().any(|byte| matches!(byte, 0..=8 | 0x0B | 0x0C | 0x0E..=0x1F | 0x7F | 0xEF))
}

/// Which control characters a conversation holds; `None` where it holds none.
pub(super) fn controls(messages: &[Message]) -> Option<String> {
    if !messages.iter().any(|message| may_hold_controls(&message.content)) {
        return None;
    }
    let (number, first, count) = first_of(messages, is_control)?;
    let more = if count > 1 { format!(" and {} more", count - 1) } else { String::new() };
    Some(format!("message {number} holds the control character {}{more}", name(first)))
}

/// Where letters were lost or misread between encodings; `None` where they were not.
pub(super) fn lost_letters(messages: &[Message]) -> Option<String> {
    if messages.iter().all(|message| message.content.is_ascii()) {
        return None;
    }
    if let Some((number, _, count)) = first_of(messages, |letter| letter == REPLACEMENT) {
        let letters = if count == 1 { "a letter was".to_owned() } else { format!("{count} letters were") };
        return Some(format!("in message {number} {letters} lost: U+FFFD stands in their place"));
    }
    let (number, first, count) = first_of(messages, is_c1)?;
    let letter = from_windows_1252(u8::try_from(first).unwrap_or_default());
    let meant = if is_c1(letter) { String::new() } else { format!(", in Windows-1252 the letter {letter}") };
    let more = if count > 1 { format!("; {} more stand there", count - 1) } else { String::new() };
    Some(format!("message {number} holds the byte {:02X}{meant}{more}", u32::from(first)))
}

/// The number of the first message with such a character, the character, and how many there are of its kind in all
/// messages.
fn first_of(messages: &[Message], is: impl Fn(char) -> bool) -> Option<(usize, char, usize)> {
    let all = messages.iter().enumerate().flat_map(|(at, message)| message.content.chars().map(move |c| (at, c)));
    let mut found = all.filter(|(_, letter)| is(*letter));
    let (at, letter) = found.next()?;
    Some((at + 1, letter, 1 + found.count()))
}

/// The text without control characters; sequences that colour a terminal go as a whole.
pub(super) fn without_controls(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '\u{1B}' if letters.next_if_eq(&'[').is_some() => {
                while letters.next_if(|next| matches!(next, '0'..='9' | ';' | '?')).is_some() {}
                letters.next_if(char::is_ascii_alphabetic);
            }
            '\u{B}' | '\u{C}' => clean.push('\n'),
            letter if is_control(letter) => {}
            letter => clean.push(letter),
        }
    }
    clean
}

/// The text with bytes of Windows-1252 as the letters they are. What was lost stays lost.
pub(super) fn with_windows_letters(text: &str) -> String {
    let read = |letter| match u8::try_from(letter) {
        Ok(byte) if is_c1(letter) => from_windows_1252(byte),
        _ => letter,
    };
    text.chars().map(read).collect()
}

fn name(letter: char) -> String {
    let name = match letter {
        '\0' => " (NUL)",
        '\u{7}' => " (bell)",
        '\u{8}' => " (backspace)",
        '\u{B}' => " (vertical tab)",
        '\u{C}' => " (form feed)",
        '\u{1B}' => " (escape)",
        '\u{7F}' => " (delete)",
        '\u{FEFF}' => " (byte order mark)",
        _ => "",
    };
    format!("U+{:04X}{name}", u32::from(letter))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Role;

    fn one(content: &str) -> Vec<Message> {
        vec![Message { role: Role::User, content: content.into() }]
    }

    #[test]
    fn texts_of_every_script_pass() {
        for text in ["a\tb\r\nc", "été — “naïve” … €", "میخواهم", "नमस्ते", "👩‍👩‍👧 🏴󠁧󠁢󠁥󠁮󠁧󠁿", "\u{200F}עברית", "日本語　です"]
        {
            assert_eq!((controls(&one(text)), lost_letters(&one(text))), (None, None), "{text}");
        }
    }

    #[test]
    fn control_characters_are_named_and_taken_out() {
        let text = "a\u{0}b\u{1B}[1;31mred\u{1B}[0m\u{FEFF}c\u{C}d";
        let reason = controls(&one(text)).unwrap();
        assert!(reason.contains("message 1") && reason.contains("U+0000 (NUL) and 4 more"), "{reason}");
        assert_eq!(without_controls(text), "abredc\nd");
        assert_eq!(controls(&one(&without_controls(text))), None);
    }

    #[test]
    fn lost_letters_and_bytes_of_windows_are_told_apart() {
        assert!(lost_letters(&one("na\u{FFFD}ve caf\u{FFFD}")).unwrap().contains("2 letters were lost"));
        let reason = lost_letters(&one("it\u{92}s")).unwrap();
        assert!(reason.contains("byte 92, in Windows-1252 the letter ’"), "{reason}");
        assert_eq!(with_windows_letters("it\u{92}s 5\u{80}\u{81}"), "it’s 5€\u{81}");
    }

    #[test]
    fn every_byte_is_a_letter_and_back() {
        assert!((0..=255).all(|byte| to_windows_1252(from_windows_1252(byte)) == Some(byte)));
        assert_eq!((to_windows_1252('€'), to_windows_1252('\u{100}')), (Some(0x80), None));
        assert_eq!(to_windows_1252('\u{80}'), None, "a control character whose byte is another letter");
    }
}
