//! Source text as the house rules look at it: comments, texts and tests blanked out, line by line as it was.

use std::path::{Path, PathBuf};

/// One file under `src/`.
pub struct Source {
    path: PathBuf,
    /// Path from the repository's root, for messages.
    name: String,
    text: String,
    /// The text without comments, string contents and tests; every line stands where it stood.
    code: String,
    /// Lines that belong to tests.
    test_lines: usize,
    /// Modules declared as `#[cfg(test)] mod name;`.
    test_modules: Vec<String>,
}

impl Source {
    pub fn read(root: &Path, path: &Path) -> Self {
        let text = std::fs::read_to_string(path).unwrap();
        let name = path.strip_prefix(root).unwrap().to_string_lossy().replace('\\', "/");
        let mut code = without_comments_and_texts(&text);
        let (test_lines, test_modules) = blank_tests(&mut code);
        Self { path: path.to_owned(), name, text, code, test_lines, test_modules }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn text(&self) -> &str {
        &self.text
    }

    pub fn code(&self) -> &str {
        &self.code
    }

    pub fn lines_without_tests(&self) -> usize {
        self.text.lines().count() - self.test_lines
    }

    /// The room the file stands in; none for `lib.rs` and `main.rs`.
    pub fn room(&self) -> Option<&str> {
        let inside = self.name.strip_prefix("src/")?;
        let room = inside.split_once('/').map_or_else(|| inside.trim_end_matches(".rs"), |(room, _)| room);
        Some(room).filter(|room| !["lib", "main"].contains(room))
    }

    /// The files, or folders of files, that hold nothing but tests.
    pub fn test_files(&self) -> Vec<PathBuf> {
        let stem = self.path.file_stem().unwrap();
        let folder = self.path.parent().unwrap();
        let folder = if stem == "mod" || stem == "lib" { folder.to_owned() } else { folder.join(stem) };
        self.test_modules.iter().flat_map(|name| [folder.join(format!("{name}.rs")), folder.join(name)]).collect()
    }

    /// Every `crate::name`, with its line; groups in braces are taken apart.
    pub fn crate_paths(&self) -> Vec<(usize, String)> {
        let mut found = Vec::new();
        for (at, prefix) in self.code.match_indices("crate::") {
            let line = self.code[..at].matches('\n').count() + 1;
            let rest = &self.code[at + prefix.len()..];
            match rest.strip_prefix('{') {
                Some(group) => found.extend(group_names(group).into_iter().map(|name| (line, name))),
                None => found.push((line, first_word(rest))),
            }
        }
        found
    }
}

/// Every identifier in `code`, with its line.
pub fn words(code: &str) -> impl Iterator<Item = (usize, &str)> {
    code.lines().enumerate().flat_map(|(number, line)| {
        line.split(|c: char| !is_word(c)).filter(|word| !word.is_empty()).map(move |word| (number + 1, word))
    })
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn first_word(text: &str) -> String {
    text.chars().take_while(|&c| is_word(c)).collect()
}

/// The first name of each entry of a group, up to its closing brace.
fn group_names(group: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut depth = 0;
    let mut at_start = true;
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => at_start = true,
            c if is_word(c) && at_start && depth == 0 => {
                names.push(first_word(&group[at..]));
                at_start = false;
            }
            _ => {}
        }
    }
    names
}

/// Puts a blank in place of every character of comments, strings and character literals; line ends stay.
fn without_comments_and_texts(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut code = String::with_capacity(text.len());
    let mut at = 0;
    while at < chars.len() {
        let end = literal_end(&chars, at);
        if end == at {
            code.push(chars[at]);
            at += 1;
        } else {
            code.extend(chars[at..end].iter().map(|&c| if c == '\n' { '\n' } else { ' ' }));
            at = end;
        }
    }
    code
}

/// The end of the comment or literal that starts at `at`, or `at` where none does.
fn literal_end(chars: &[char], at: usize) -> usize {
    let next = chars.get(at + 1).copied();
    match chars[at] {
        '/' if next == Some('/') => find(chars, at, |c| c == '\n'),
        '/' if next == Some('*') => block_comment_end(chars, at),
        '"' => string_end(chars, at + 1),
        'r' if !at.checked_sub(1).is_some_and(|before| is_word(chars[before])) => raw_string_end(chars, at),
        'b' if next == Some('r') => match raw_string_end(chars, at + 1) {
            end if end > at + 1 => end,
            _ => at,
        },
        '\'' => char_end(chars, at),
        _ => at,
    }
}

fn find(chars: &[char], from: usize, wanted: impl Fn(char) -> bool) -> usize {
    (from..chars.len()).find(|&at| wanted(chars[at])).unwrap_or(chars.len())
}

fn block_comment_end(chars: &[char], at: usize) -> usize {
    let mut depth = 0;
    let mut at = at;
    while at + 1 < chars.len() {
        match (chars[at], chars[at + 1]) {
            ('/', '*') => (depth, at) = (depth + 1, at + 2),
            ('*', '/') if depth == 1 => return at + 2,
            ('*', '/') => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
    }
    chars.len()
}

fn string_end(chars: &[char], mut at: usize) -> usize {
    while at < chars.len() && chars[at] != '"' {
        at += if chars[at] == '\\' { 2 } else { 1 };
    }
    (at + 1).min(chars.len())
}

/// The end of `r"…"` or `r#"…"#` whose `r` stands at `at`; `at` for any other word.
fn raw_string_end(chars: &[char], at: usize) -> usize {
    let quote = find(chars, at + 1, |c| c != '#');
    if chars.get(quote) != Some(&'"') {
        return at;
    }
    let hashes = quote - at - 1;
    let closes =
        |end: usize| chars[end] == '"' && chars[end + 1..].iter().take(hashes).filter(|&&c| c == '#').count() == hashes;
    (quote + 1..chars.len()).find(|&end| closes(end)).map_or(chars.len(), |end| end + 1 + hashes)
}

/// The end of a character literal; `at` where the quote opens a lifetime.
fn char_end(chars: &[char], at: usize) -> usize {
    match (chars.get(at + 1), chars.get(at + 2)) {
        (Some('\\'), _) => find(chars, at + 3, |c| c == '\'') + 1,
        (Some(_), Some('\'')) => at + 3,
        _ => at,
    }
}

/// Blanks every item under `#[cfg(test)]`. Gives back how many lines that were and the modules that stand in own files.
fn blank_tests(code: &mut String) -> (usize, Vec<String>) {
    const MARK: &str = "#[cfg(test)]";
    let (mut lines, mut modules) = (0, Vec::new());
    while let Some(start) = code.find(MARK) {
        let end = start + MARK.len() + item_length(&code[start + MARK.len()..]);
        let item = &code[start..end];
        lines += item.matches('\n').count() + 1;
        if let Some(name) = item.strip_suffix(';').and_then(|item| item.rsplit_once("mod ")) {
            modules.push(name.1.trim().to_owned());
        }
        let blank: String = item.chars().map(|c| if c == '\n' { '\n' } else { ' ' }).collect();
        code.replace_range(start..end, &blank);
    }
    (lines, modules)
}

/// Bytes up to the end of the item at the start of `code`: its closing brace, or its semicolon.
fn item_length(code: &str) -> usize {
    let mut depth = 0;
    for (at, c) in code.char_indices() {
        match c {
            '{' | '(' | '[' => depth += 1,
            '}' if depth == 1 => return at + 1,
            '}' | ')' | ']' => depth -= 1,
            ';' if depth == 0 => return at + 1,
            _ => {}
        }
    }
    code.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_texts_are_blanked_and_lines_stay() {
        let code = without_comments_and_texts("a /* b\n c */ \"d\\\" e\" 'f' '\\n' r#\"g \" h\"# i // j\nk: &'l str");
        let left: Vec<(usize, &str)> = words(&code).collect();
        assert_eq!(left, [(1, "a"), (2, "i"), (3, "k"), (3, "l"), (3, "str")]);
    }

    #[test]
    fn tests_are_blanked_whether_inside_or_in_their_own_file() {
        let mut code =
            String::from("fn a() {}\n#[cfg(test)]\nmod tests;\n#[cfg(test)]\nmod more {\n    fn b() {}\n}\nfn c() {}");
        assert_eq!(blank_tests(&mut code), (6, vec!["tests".to_owned()]));
        assert_eq!(words(&code).map(|(_, word)| word).collect::<Vec<_>>(), ["fn", "a", "fn", "c"]);
    }

    #[test]
    fn groups_of_crate_paths_are_taken_apart() {
        assert_eq!(group_names("data::{Example, Role}, job::Job, text}; use x"), ["data", "job", "text"]);
    }
}
