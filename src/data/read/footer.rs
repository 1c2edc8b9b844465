//! How deep the columns of a Parquet file are nested, read off its footer before the library builds them: it does so by
//! calling itself, and a footer that nests them a hundred thousand deep would exhaust the stack, which nothing can catch.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

/// Bytes at the end of the file that hold the footer's length and the magic word.
const TAIL: usize = 8;
/// Nesting within the footer's own records; the schema's records have one or two levels.
const MAX_SKIPPED: usize = 16;

/// The depth of the deepest column, 1 for a plain one. `None` where the footer cannot be followed; then the library says
/// what is wrong with it.
pub(super) fn depth(file: &mut File, size: u64) -> io::Result<Option<usize>> {
    let Some(at) = size.checked_sub(TAIL as u64) else { return Ok(None) };
    let mut tail = [0; TAIL];
    file.seek(SeekFrom::Start(at))?;
    file.read_exact(&mut tail)?;
    let [a, b, c, d, ..] = tail;
    let length = u64::from(u32::from_le_bytes([a, b, c, d]));
    let Some(start) = at.checked_sub(length) else { return Ok(None) };
    let mut footer = Vec::new();
    file.seek(SeekFrom::Start(start))?;
    file.take(length).read_to_end(&mut footer)?;
    file.seek(SeekFrom::Start(0))?;
    Ok(Compact { rest: &footer }.schema_depth())
}

/// Thrift's compact protocol, as far as the schema needs it.
struct Compact<'a> {
    rest: &'a [u8],
}

impl Compact<'_> {
    fn schema_depth(&mut self) -> Option<usize> {
        let mut id = 0;
        loop {
            let kind = self.field(&mut id)?;
            if (id, kind) != (2, 9) {
                self.skip(kind, 0)?;
                continue;
            }
            let (count, _) = self.list()?;
            // For every group that is open, how many of its parts are still to come.
            let (mut open, mut deepest): (Vec<u64>, usize) = (Vec::new(), 0);
            for _ in 0..count {
                while open.last() == Some(&0) {
                    open.pop();
                }
                if let Some(left) = open.last_mut() {
                    *left -= 1;
                }
                deepest = deepest.max(open.len());
                match self.children()? {
                    0 => {}
                    children => open.push(children),
                }
            }
            return Some(deepest);
        }
    }

    /// The number of parts of the schema's next element.
    fn children(&mut self) -> Option<u64> {
        let (mut id, mut children) = (0, 0);
        loop {
            match (self.field(&mut id), id) {
                (Some(0), _) => return Some(children),
                (Some(5), 5) => children = u64::try_from(self.zigzag()?).ok()?,
                (kind, _) => self.skip(kind?, 0)?,
            }
        }
    }

    /// The kind of the next field, whose number becomes `id`; 0 at the end of a record.
    fn field(&mut self, id: &mut i64) -> Option<u8> {
        let header = self.byte()?;
        if header == 0 {
            return Some(0);
        }
        *id = match header >> 4 {
            0 => self.zigzag()?,
            step => id.checked_add(step.into())?,
        };
        Some(header & 0x0f)
    }

    /// The length of a list and the kind of its items.
    fn list(&mut self) -> Option<(u64, u8)> {
        let header = self.byte()?;
        let count = match header >> 4 {
            15 => self.varint()?,
            count => count.into(),
        };
        Some((count, header & 0x0f))
    }

    fn skip(&mut self, kind: u8, level: usize) -> Option<()> {
        match kind {
            1 | 2 => {}
            3 => _ = self.byte()?,
            4..=6 => _ = self.varint()?,
            7 => self.forward(8)?,
            8 => {
                let length = self.varint()?;
                self.forward(usize::try_from(length).ok()?)?;
            }
            9 | 10 if level < MAX_SKIPPED => {
                let (count, kind) = self.list()?;
                for _ in 0..count {
                    // A truth value takes a byte in a list, and none in a record.
                    if kind <= 2 { _ = self.byte()? } else { self.skip(kind, level + 1)? }
                }
            }
            12 if level < MAX_SKIPPED => {
                let mut id = 0;
                loop {
                    match self.field(&mut id)? {
                        0 => break,
                        kind => self.skip(kind, level + 1)?,
                    }
                }
            }
            _ => return None,
        }
        Some(())
    }

    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*first)
    }

    fn forward(&mut self, count: usize) -> Option<()> {
        self.rest = self.rest.get(count..)?;
        Some(())
    }

    fn varint(&mut self) -> Option<u64> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    fn zigzag(&mut self) -> Option<i64> {
        let value = self.varint()?;
        Some((value >> 1) as i64 ^ -((value & 1) as i64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_depth_of_a_schema_is_counted_without_descending() {
        // Records of a name and a number of parts: a group of two, the first of which is a group of one.
        let element = |children: u8| match children {
            0 => vec![0x48, 1, b'x', 0],
            children => vec![0x48, 1, b'x', 0x15, children << 1, 0],
        };
        let elements = [element(2), element(1), element(0), element(0)].concat();
        let footer = [vec![0x15, 2, 0x19, 0x4c], elements.clone(), vec![0x16, 0, 0]].concat();
        assert_eq!(Compact { rest: &footer }.schema_depth(), Some(2));
        for end in 0..elements.len() + 4 {
            assert_eq!(Compact { rest: &footer[..end] }.schema_depth(), None, "cut at {end}");
        }
    }
}
