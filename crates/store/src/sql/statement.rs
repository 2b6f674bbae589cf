//! What a database is asked.

/// A statement, for both engines. Parameters are `$1`, `$2` and so on.
///
/// Columns are of three types: `bigint`, `text`, `bytea` (`INTEGER`, `TEXT`, `BLOB` in SQLite).
/// `PostgreSQL` makes sums of `bigint` a `numeric`: cast them, `sum(n)::bigint`, which SQLite does not
/// read ([`Statement::each`]). `now_ms()` is what time it is by the database, in milliseconds since
/// 1970; in `PostgreSQL`, when the statement began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Statement {
    pub(super) sqlite: &'static str,
    pub(super) postgres: &'static str,
    pub(super) changes: bool,
}

impl Statement {
    /// One text that both understand.
    pub const fn both(sql: &'static str) -> Self {
        Self::each(sql, sql)
    }

    /// A text for each.
    pub const fn each(sqlite: &'static str, postgres: &'static str) -> Self {
        Self { sqlite, postgres, changes: !reads(sqlite) }
    }

    /// It changes something, although it begins with `WITH`.
    #[must_use]
    pub const fn changes(self) -> Self {
        Self { changes: true, ..self }
    }
}

/// Whether a statement begins as one that only reads.
const fn reads(sql: &str) -> bool {
    let sql = sql.trim_ascii_start().as_bytes();
    begins(sql, b"SELECT") || begins(sql, b"WITH") || begins(sql, b"EXPLAIN")
}

const fn begins(sql: &[u8], word: &[u8]) -> bool {
    let mut at = 0;
    while at < word.len() {
        if at == sql.len() || !sql[at].eq_ignore_ascii_case(&word[at]) {
            return false;
        }
        at += 1;
    }
    true
}

/// The text as SQLite counts parameters: `?1` instead of `$1`, but not in what is quoted.
#[cfg(feature = "sqlite")]
pub(super) fn numbered(sql: &str) -> String {
    let mut numbered = String::with_capacity(sql.len());
    let (mut quote, mut letters) = (None, sql.chars().peekable());
    while let Some(letter) = letters.next() {
        let is_parameter =
            quote.is_none() && letter == '$' && letters.peek().is_some_and(char::is_ascii_digit);
        match quote {
            Some(open) if open == letter => quote = None,
            None if matches!(letter, '\'' | '"') => quote = Some(letter),
            _ => {}
        }
        numbered.push(if is_parameter { '?' } else { letter });
    }
    numbered
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_changes_is_told_from_what_reads() {
        for (sql, changes) in [
            ("SELECT 1", false),
            ("\n  select 1", false),
            ("WITH a AS (SELECT 1) SELECT * FROM a", false),
            ("INSERT INTO a VALUES ($1) RETURNING b", true),
            ("UPDATE a SET b = 1", true),
            ("DELETE FROM a", true),
            ("SEL", true),
            ("", true),
        ] {
            assert_eq!(Statement::both(sql).changes, changes, "{sql}");
        }
        assert!(Statement::both("WITH a AS (SELECT 1) DELETE FROM b").changes().changes);
    }

    #[cfg(feature = "sqlite")]
    #[test]
    fn parameters_are_numbered_and_quotes_left_alone() {
        for (sql, expected) in [
            ("SELECT $1, $12 + $2", "SELECT ?1, ?12 + ?2"),
            ("SELECT '$1', \"$2\", $3", "SELECT '$1', \"$2\", ?3"),
            ("SELECT 'it''s $1' || $2", "SELECT 'it''s $1' || ?2"),
            ("SELECT $name, '\"', $1", "SELECT $name, '\"', ?1"),
        ] {
            assert_eq!(numbered(sql), expected);
        }
    }
}
