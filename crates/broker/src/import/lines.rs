//! A stream cut into lines, in bounded memory.

use zeroize::Zeroizing;

/// Longest line, in bytes: a record is no longer either.
pub(super) const MAX_LINE: usize = 64 * 1024;

/// A line of a stream.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// Its bytes, without the end of the line.
    Whole(Zeroizing<Vec<u8>>),
    /// It is longer than a line may be; its bytes were dropped.
    TooLong,
}

/// Cuts a stream into lines. What it holds wipes itself.
pub(super) struct Lines {
    /// At its full size from the start: growing would leave copies behind.
    begun: Zeroizing<Vec<u8>>,
    is_too_long: bool,
}

impl Lines {
    pub(super) fn new() -> Self {
        Self { begun: Zeroizing::new(Vec::with_capacity(MAX_LINE)), is_too_long: false }
    }

    /// The first line that ends in `chunk`, and the rest of the chunk. `None`: all of it is kept.
    pub(super) fn next<'a>(&mut self, chunk: &'a [u8]) -> Option<(Line, &'a [u8])> {
        let end = chunk.iter().position(|byte| *byte == b'\n');
        let part = &chunk[..end.unwrap_or(chunk.len())];
        if self.begun.len() + part.len() > MAX_LINE {
            self.is_too_long = true;
        }
        if !self.is_too_long {
            self.begun.extend_from_slice(part);
        }
        end.map(|end| (self.take(), &chunk[end + 1..]))
    }

    /// What is left behind the last end of a line.
    pub(super) fn last(&mut self) -> Option<Line> {
        (self.is_too_long || !self.begun.is_empty()).then(|| self.take())
    }

    fn take(&mut self) -> Line {
        if core::mem::take(&mut self.is_too_long) {
            self.wipe();
            return Line::TooLong;
        }
        let bytes = self.begun.strip_suffix(b"\r").unwrap_or(&self.begun);
        let line = Line::Whole(Zeroizing::new(bytes.to_vec()));
        self.wipe();
        line
    }

    /// Its bytes go, its room stays.
    fn wipe(&mut self) {
        self.begun.fill(0);
        self.begun.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn cut(chunks: &[&[u8]]) -> Vec<Line> {
        let (mut lines, mut found) = (Lines::new(), Vec::new());
        for chunk in chunks {
            let mut rest = *chunk;
            while let Some((line, more)) = lines.next(rest) {
                found.push(line);
                rest = more;
            }
        }
        found.extend(lines.last());
        found
    }

    fn whole(text: &str) -> Line {
        Line::Whole(Zeroizing::new(text.as_bytes().to_vec()))
    }

    #[test]
    fn lines_end_where_they_do_and_the_last_one_needs_no_end() {
        assert_eq!(cut(&[b"a\nb\r\n\nc"]), [whole("a"), whole("b"), whole(""), whole("c")]);
        assert_eq!(cut(&[b"", b"a", b"b\n", b"\n"]), [whole("ab"), whole("")]);
        assert_eq!(cut(&[]), []);
    }

    #[test]
    fn a_line_without_end_takes_no_memory_and_hinders_no_other() {
        let long = vec![b'x'; MAX_LINE + 1];
        let most = vec![b'y'; MAX_LINE];
        let chunks: [&[u8]; 5] = [&long, &long, b"\n", &most, b"\na"];
        let found = cut(&chunks);
        assert_eq!(found[0], Line::TooLong);
        assert_eq!(found[1], Line::Whole(Zeroizing::new(most.clone())));
        assert_eq!(found[2..], [whole("a")]);
        assert_eq!(cut(&[&long]), [Line::TooLong]);
    }

    proptest! {
        #[test]
        fn it_does_not_matter_how_a_stream_is_chunked(
            text in proptest::collection::vec(prop_oneof![Just(b'\n'), Just(b'\r'), any::<u8>()], 0..200),
            at in any::<prop::sample::Index>(),
        ) {
            let (one, two) = text.split_at(at.index(text.len() + 1));
            prop_assert_eq!(cut(&[&text]), cut(&[one, two]));
        }
    }
}
