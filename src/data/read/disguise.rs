//! Files that are not what their name says: told by their first bytes, so that the message names what it is and the mend
//! instead of a thousand rows of broken JSON.

use std::path::Path;

use super::DataError;

/// Errs where a file that should be text begins as something else does.
pub(super) fn check(start: &[u8], path: &Path) -> Result<(), DataError> {
    match found(start) {
        Some((what, mend)) => Err(DataError::Disguised { path: path.to_path_buf(), what, mend }),
        None => Ok(()),
    }
}

/// What a file is that begins with `start`, and how to mend it; `None` where it may be text.
fn found(start: &[u8]) -> Option<(&'static str, &'static str)> {
    const MAGIC: [(&[u8], &str, &str); 13] = [
        (b"PAR1", "a Parquet file", "rename it to .parquet"),
        (b"PK\x03\x04", "a zip archive or an Excel file", "rename it to .xlsx if it is a sheet, else unpack it first"),
        (b"\xd0\xcf\x11\xe0", "an old or a locked Office file", "save the sheet as .xlsx without a password"),
        (b"%PDF", "a PDF", "save its text as .txt"),
        (b"SQLite format 3", "an SQLite database", "export the table as .csv"),
        (b"\xfd7zXZ", "packed with xz", "unpack it first"),
        (b"BZh", "packed with bzip2", "unpack it first"),
        (b"7z\xbc\xaf", "packed with 7-Zip", "unpack it first"),
        (b"ARROW1", "an Arrow file", "save it as .parquet"),
        (b"\x89PNG", "a picture", "choose the file with the rows"),
        (b"\x1f\x8b", "packed with gzip", "unpack it first"),
        (b"\x28\xb5\x2f\xfd", "packed with zstd", "unpack it first"),
        (b"GGUF", "a base model", "open it as a model"),
    ];
    if let Some((_, what, mend)) = MAGIC.into_iter().find(|(magic, ..)| start.starts_with(magic)) {
        return Some((what, mend));
    }
    if start.starts_with(b"version https://git-lfs.github.com/spec/") {
        return Some((
            "a Git LFS pointer, a few lines that stand for the data",
            "run `git lfs pull` in its folder, or download the file itself",
        ));
    }
    // Python's own way to store objects; it can run code when it is opened, so it never is.
    if let [0x80, 2..=5, b'c' | b'}' | b']' | b'(' | 0x95, ..] = start {
        return Some(("a Python pickle, which can run code when it is opened", "save it as .jsonl or .parquet"));
    }
    let text = start.trim_ascii_start();
    let begins = |word: &str| text.get(..word.len()).is_some_and(|head| head.eq_ignore_ascii_case(word.as_bytes()));
    if begins("<!doctype html") || begins("<html") {
        return Some((
            "a web page, often a sign-in or error page that was saved in place of the data",
            "download the file itself",
        ));
    }
    if begins("<?xml") {
        return Some(("an XML file", "save it as .jsonl or .csv"));
    }
    let zeros = start.iter().filter(|&&byte| byte == 0).count();
    (zeros * 10 > start.len() && start.len() >= 8)
        .then_some(("no text: it is full of NUL bytes", "copy or download it again, it may be damaged"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_file_really_is_is_said() {
        for (start, what) in [
            (&b"PAR1\x15\x04"[..], "Parquet"),
            (b"PK\x03\x04\x14", "zip archive"),
            (b"version https://git-lfs.github.com/spec/v1\noid sha256:ab\n", "Git LFS"),
            (b"\n <!DOCTYPE html><html>", "web page"),
            (b"<?xml version=\"1.0\"?>", "XML"),
            (b"\0\0\0\0\0\0\0\0\0\0", "NUL"),
            (b"\x80\x04\x95\x10", "pickle"),
        ] {
            let message = check(start, Path::new("a.jsonl")).unwrap_err().to_string();
            assert!(message.contains(what) && message.ends_with("a.jsonl"), "{message}");
        }
        for start in [&b"{\"a\":1}"[..], b"question,answer\n", b"<p>Hi</p>", b"", b"a\0b,c,d,e,f,g,h\n"] {
            assert!(check(start, Path::new("a.csv")).is_ok());
        }
    }
}
