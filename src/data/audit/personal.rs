//! Personal data at a glance: e-mail addresses, telephone numbers and card numbers, by their form alone. It rather misses
//! one than takes a date, an ISBN or a piece of code for one.

use std::ops::Range;

use crate::data::Message;

/// What was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Personal {
    Email,
    Phone,
    Card,
}

impl Personal {
    fn counted(self, count: usize) -> String {
        let (one, several) = match self {
            Self::Email => ("an e-mail address", "e-mail addresses"),
            Self::Phone => ("a telephone number", "telephone numbers"),
            Self::Card => ("a card number", "card numbers"),
        };
        if count == 1 { one.to_owned() } else { format!("{count} {several}") }
    }

    fn placeholder(self) -> &'static str {
        match self {
            Self::Email => "[e-mail address]",
            Self::Phone => "[telephone number]",
            Self::Card => "[card number]",
        }
    }
}

/// What looks like personal data in a conversation; `None` where nothing does.
pub(super) fn told(messages: &[Message]) -> Option<String> {
    let mut counts = [(Personal::Email, 0), (Personal::Phone, 0), (Personal::Card, 0)];
    let mut first = None;
    for message in messages {
        for (kind, place) in places(&message.content) {
            counts.iter_mut().filter(|(of, _)| *of == kind).for_each(|(_, count)| *count += 1);
            first = first.or_else(|| message.content.get(place).map(hinted));
        }
    }
    let first = first?;
    let kinds: Vec<String> =
        counts.into_iter().filter(|(_, count)| *count > 0).map(|(kind, count)| kind.counted(count)).collect();
    Some(format!("it seems to hold {}, such as {first}", kinds.join(" and ")))
}

/// The text with a placeholder for each.
pub(super) fn masked(text: &str) -> String {
    let mut masked = String::with_capacity(text.len());
    let mut done = 0;
    for (kind, place) in places(text) {
        masked.push_str(text.get(done..place.start).unwrap_or_default());
        masked.push_str(kind.placeholder());
        done = place.end;
    }
    masked.push_str(text.get(done..).unwrap_or_default());
    masked
}

/// Its first and last letters, so that a list of findings is no list of addresses.
fn hinted(found: &str) -> String {
    let letters: Vec<char> = found.chars().collect();
    let part = |range: Range<usize>| letters.get(range).unwrap_or_default().iter().collect::<String>();
    let shown = (letters.len() / 4).min(3);
    format!("{}…{}", part(0..shown), part(letters.len() - shown..letters.len()))
}

/// Everything that looks like personal data, from left to right; none reaches into another.
fn places(text: &str) -> Vec<(Personal, Range<usize>)> {
    let bytes = text.as_bytes();
    let mut found = Vec::new();
    if bytes.contains(&b'@') {
        found.extend(emails(text).map(|place| (Personal::Email, place)));
    }
    for number in numbers(bytes) {
        let kind = if is_card(bytes, &number) {
            Personal::Card
        } else if is_phone(text, &number) {
            Personal::Phone
        } else {
            continue;
        };
        let is_free = |(_, place): &(Personal, Range<usize>)| place.end <= number.start || number.end <= place.start;
        if found.iter().all(is_free) {
            found.push((kind, number));
        }
    }
    found.sort_by_key(|(_, place)| place.start);
    found
}

/// Ends of a host that are files, not countries.
const FILES: [&str; 16] =
    ["png", "jpg", "jpeg", "gif", "svg", "webp", "js", "ts", "css", "py", "md", "txt", "json", "html", "java", "rs"];

fn emails(text: &str) -> impl Iterator<Item = Range<usize>> {
    let bytes = text.as_bytes();
    let is_local = |byte: &u8| byte.is_ascii_alphanumeric() || b"._%+-".contains(byte);
    let is_host = |byte: &u8| byte.is_ascii_alphanumeric() || b".-".contains(byte);
    text.match_indices('@').filter_map(move |(at, _)| {
        let before = bytes.get(..at)?;
        let local = before.iter().rev().take(64).take_while(|byte| is_local(byte)).count();
        let after = bytes.get(at + 1..)?;
        let mut host = after.iter().take(253).take_while(|byte| is_host(byte)).count();
        while matches!(after.get(host.checked_sub(1)?), Some(b'.' | b'-')) {
            host -= 1;
        }
        let (name, host_text) = (text.get(at - local..at)?, text.get(at + 1..at + 1 + host)?);
        let (_, end) = host_text.rsplit_once('.')?;
        let is_address = name.starts_with(|letter: char| letter.is_ascii_alphanumeric())
            && host_text.split('.').all(|part| !part.is_empty() && !part.starts_with('-'))
            && (2..=24).contains(&end.len())
            && end.bytes().all(|byte| byte.is_ascii_alphabetic())
            && !FILES.contains(&end.to_ascii_lowercase().as_str())
            && !is_for_documents(&host_text.to_ascii_lowercase())
            // The address of a repository, and a password before a host. A letter beyond ASCII is part of a longer name.
            && name != "git"
            && before.get(..at - local).and_then(<[u8]>::last).is_none_or(|byte| byte.is_ascii() && !b"/:".contains(byte));
        is_address.then_some(at - local..at + 1 + host)
    })
}

/// Hosts that stand for no one, by RFC 2606.
fn is_for_documents(host: &str) -> bool {
    let is = |name: &str| host == name || host.strip_suffix(name).is_some_and(|before| before.ends_with('.'));
    ["example.com", "example.org", "example.net", "example", "test", "invalid", "localhost"].into_iter().any(is)
}

/// Stretches of digits with single separators between, which begin with a digit, `+` or `(` and stand alone: no letter or
/// further number touches them.
fn numbers(bytes: &[u8]) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(offset) = bytes.get(at..).and_then(|rest| rest.iter().position(u8::is_ascii_digit)) {
        let digit = at + offset;
        let end = end_of_number(bytes, digit);
        let mut start = digit;
        for opening in [b'(', b'+'] {
            start -= usize::from(start > at && bytes.get(start - 1) == Some(&opening));
        }
        let touches =
            |byte: u8| byte.is_ascii_alphanumeric() || !byte.is_ascii() || b"_#$@=/\\.,:-+*^%&".contains(&byte);
        let begins_alone = start == 0 || bytes.get(start - 1).is_none_or(|byte| !touches(*byte) || *byte == b':');
        let ends_alone = match (bytes.get(end), bytes.get(end + 1)) {
            (Some(b'.' | b',' | b':' | b'-'), after) => after.is_none_or(|byte| !byte.is_ascii_alphanumeric()),
            (Some(byte), _) => !touches(*byte) && *byte != b'(' && *byte != b'[',
            (None, _) => true,
        };
        if begins_alone && ends_alone {
            found.push(start..end);
        }
        at = end;
    }
    found
}

/// Where the number ends that has a digit at `digit`: digits go on over one separator, and over a bracket with a space.
fn end_of_number(bytes: &[u8], digit: usize) -> usize {
    let mut end = digit;
    loop {
        while bytes.get(end).is_some_and(u8::is_ascii_digit) {
            end += 1;
        }
        let separators = match bytes.get(end..) {
            Some([b')', b' ' | b'-', b'0'..=b'9', ..] | [b' ' | b'-', b'(', b'0'..=b'9', ..]) => 2,
            Some([b' ' | b'-' | b'.' | b')' | b'/', b'0'..=b'9', ..]) => 1,
            _ => return end,
        };
        end += separators;
    }
}

fn digits(bytes: &[u8], number: &Range<usize>) -> Vec<u8> {
    bytes.get(number.clone()).unwrap_or_default().iter().filter(|b| b.is_ascii_digit()).map(|b| b - b'0').collect()
}

/// Lengths of the groups of digits.
fn groups(bytes: &[u8], number: &Range<usize>) -> Vec<usize> {
    let parts = bytes.get(number.clone()).unwrap_or_default().split(|byte| !byte.is_ascii_digit());
    parts.map(<[u8]>::len).filter(|length| *length > 0).collect()
}

/// Whether it has the form of a payment card's number: groups, first digits, length and check digit.
fn is_card(bytes: &[u8], number: &Range<usize>) -> bool {
    let digits = digits(bytes, number);
    let text = bytes.get(number.clone()).unwrap_or_default();
    let is_grouped = matches!(groups(bytes, number).as_slice(), [_] | [4, 4, 4, 4] | [4, 6, 5] | [4, 6, 4]);
    if !is_grouped || text.iter().any(|byte| !byte.is_ascii_digit() && !b" -".contains(byte)) {
        return false;
    }
    let prefix = |length: usize| digits.iter().take(length).fold(0u32, |number, digit| number * 10 + u32::from(*digit));
    let is_issued = match digits.len() {
        14 => prefix(2) == 36 || prefix(2) == 38 || (300..=305).contains(&prefix(3)),
        15 => matches!(prefix(2), 34 | 37),
        16 => {
            prefix(1) == 4
                || (51..=55).contains(&prefix(2))
                || (2221..=2720).contains(&prefix(4))
                || prefix(4) == 6011
                || matches!(prefix(2), 35 | 62 | 65)
                || (644..=649).contains(&prefix(3))
        }
        _ => false,
    };
    // Four signs that differ, at least: a filler such as 4444 4444 4444 4448 is no card.
    let mut kinds = digits.clone();
    kinds.sort_unstable();
    kinds.dedup();
    is_issued && kinds.len() >= 4 && luhn(&digits) || is_test_card(&digits)
}

/// The numbers that payment companies publish to test with have few different digits, and look real to everyone.
fn is_test_card(digits: &[u8]) -> bool {
    digits.len() == 16 && digits.starts_with(&[4, 1, 1, 1]) && luhn(digits)
}

fn luhn(digits: &[u8]) -> bool {
    let doubled = |(place, digit): (usize, &u8)| match (place % 2, u32::from(*digit)) {
        (0, digit) => digit,
        (_, digit) => digit * 2 / 10 + digit * 2 % 10,
    };
    digits.iter().rev().enumerate().map(doubled).sum::<u32>() % 10 == 0
}

/// Words before a number that say what it is.
const CALLS: [&str; 14] = [
    "tel",
    "tel.",
    "phone",
    "telephone",
    "call",
    "mobile",
    "cell",
    "fax",
    "whatsapp",
    "telefon",
    "handy",
    "tél",
    "teléfono",
    "mobil",
];

/// Whether it has the form of a telephone number: with a country's code, as in North America, or with a word before that
/// says so.
fn is_phone(text: &str, number: &Range<usize>) -> bool {
    let bytes = text.as_bytes();
    let (digits, groups) = (digits(bytes, number), groups(bytes, number));
    let written = text.get(number.clone()).unwrap_or_default();
    let is_international = |first: usize| {
        (9..=15).contains(&digits.len())
            && digits.first() != Some(&0)
            && (groups.len() == 1 && digits.len() >= 10 || groups.len() > 1 && first <= 3)
    };
    if written.starts_with('+') {
        return is_international(groups.first().copied().unwrap_or_default());
    }
    if let [area, exchange, _] = local(&digits, &groups, written)
        && area.first().is_some_and(|digit| *digit >= 2)
        && exchange.first().is_some_and(|digit| *digit >= 2)
    {
        return true;
    }
    (7..=13).contains(&digits.len()) && groups.len() <= 6 && is_called(text.get(..number.start).unwrap_or_default())
}

/// Area, exchange and line of a number written as in North America; empty where it is none. Numbers set aside for films
/// and books are none.
fn local<'a>(digits: &'a [u8], groups: &[usize], written: &str) -> [&'a [u8]; 3] {
    let none: [&[u8]; 3] = [&[]; 3];
    let digits = match (groups, digits) {
        ([3, 3, 4], digits) => digits,
        ([1, 3, 3, 4], [1, rest @ ..]) => rest,
        _ => return none,
    };
    let separators: Vec<char> = written.chars().filter(|letter| "-. ".contains(*letter)).collect();
    let is_even = written.contains('(') || separators.windows(2).all(|pair| pair.first() == pair.last());
    let is_spaced = !written.contains('(') && separators.contains(&' ');
    match digits {
        [_, _, _, 5, 5, 5, 0, 1, _, _] => none,
        // Three plain numbers in a row are no telephone number.
        _ if !is_even || is_spaced || written.contains('/') => none,
        [a @ .., _, _, _, _, _, _, _] if a.len() == 3 => {
            let (area, rest) = digits.split_at(3);
            let (exchange, line) = rest.split_at(3);
            [area, exchange, line]
        }
        _ => none,
    }
}

/// Whether the last word before says that a telephone number follows.
fn is_called(before: &str) -> bool {
    let before = before.trim_end_matches([' ', ':', '.', '#', '\u{A0}']);
    let before = ["number", "no", "nr", "me at", "us at", "us on", "me on"]
        .iter()
        .find_map(|word| strip_end(before, word))
        .map_or(before, |rest| rest.trim_end_matches([' ', ':', '.']));
    CALLS.iter().any(|word| {
        let start = strip_end(before, word.trim_end_matches('.'));
        start.is_some_and(|start| !start.ends_with(char::is_alphanumeric))
    })
}

/// The text without `end`, where it ends so, ignoring case.
fn strip_end<'a>(text: &'a str, end: &str) -> Option<&'a str> {
    let at = text.len().checked_sub(end.len())?;
    let (start, last) = (text.get(..at)?, text.get(at..)?);
    last.eq_ignore_ascii_case(end).then_some(start)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(text: &str) -> Vec<Personal> {
        places(text).into_iter().map(|(kind, _)| kind).collect()
    }

    #[test]
    fn addresses_and_numbers_of_people_are_found() {
        use Personal::{Card, Email, Phone};
        let cases: [(&str, &[Personal]); 14] = [
            ("Write to ada.lovelace@analytical-engine.co.uk.", &[Email]),
            ("<jörg@x.de>, see", &[]),
            ("mail: a+b@sub.shop.de; and x_y@z.io", &[Email, Email]),
            ("Call +49 170 1234567 today", &[Phone]),
            ("(+44 20 7946 0958)", &[Phone]),
            ("+14155552671", &[Phone]),
            ("My number is (415) 555-2671.", &[Phone]),
            ("415-555-2671 or 1-415-555-2671", &[Phone, Phone]),
            ("Tel.: 030 / 1234567", &[]),
            ("Tel.: 030/1234567", &[Phone]),
            ("phone number 0170 1234567", &[Phone]),
            ("Visa 4111 1111 1111 1111, exp", &[Card]),
            ("card 5500005555555559", &[]),
            ("amex 3782-822463-10005 and 6011 0009 9013 9424", &[Card, Card]),
        ];
        for (text, expected) in cases {
            assert_eq!(kinds(text), expected, "{text}");
        }
    }

    #[test]
    fn plain_numbers_dates_books_and_code_are_none() {
        let texts = [
            "In 2024-01-15 at 12:30:45, 1,234,567 people and 3.14159265358979",
            "ISBN 978-3-16-148410-0, ISBN-10: 0-306-40615-2, ISSN 2049-3630",
            "order 4111111111111112 and id 1234567890123456",
            "1700000000000 ms, 1700000000000000 µs, 0x4111111111111111",
            "def f(x): return x @ y.T; @app.route('/a'); git@github.com:rust-lang/rust.git",
            "npm i react@18.2.0 lodash@4.17.21; icon@2x.png; user@localhost; root@host:~$",
            "someone@example.com and you@mail.example.org",
            "rows 100-200-3000 of 10.0.0.1:8080 and 192.168.100.200",
            "555 123 4567 and 415 555 2671 as three numbers",
            "(415) 555-0123 is for films",
            "3 + 12345678901 = x; 2+4155552671; a[4155552671]",
            "v1.2.3-415-555-2671, #4155552671, $415.555.2671",
            "05/06/2021 10 000 000 000 and 12 345 678 901",
            "2023-10-11 12:13:14.151617 +0200",
            "phi = 1.618033988749895, 100000000000000000000",
            "4444 4444 4444 4448",
            "call f(1234567) and cell 3",
            "https://user:pass@host.com/path",
        ];
        for text in texts {
            assert_eq!(kinds(text), [], "{text}");
        }
    }

    #[test]
    fn masking_leaves_nothing_to_find_and_a_hint_does_not_tell() {
        let text = "Ask ada@engine.uk or +49 170 1234567, card 4111 1111 1111 1111.";
        let masked = masked(text);
        assert_eq!(masked, "Ask [e-mail address] or [telephone number], card [card number].");
        assert_eq!(kinds(&masked), []);
        let told = told(&[Message { role: crate::data::Role::User, content: text.into() }]).unwrap();
        assert!(told.contains("an e-mail address and a telephone number and a card number"), "{told}");
        assert!(!told.contains("ada@engine.uk"), "{told}");
    }

    #[test]
    fn any_text_is_looked_through_without_harm() {
        for text in ["", "@", "+", "(1", "1)", "a@", "@b.co", "٣٤٥", "1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6", "é1é", "+1+1+1"]
        {
            assert!(places(text).iter().all(|(_, place)| text.get(place.clone()).is_some()));
        }
    }
}
