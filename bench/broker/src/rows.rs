//! Rows of a schedule, made by the database itself.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use unlapse_core::Key;

/// The shards that both schedules have.
pub(crate) const SHARDS: u64 = 64;

/// Connections, or tasks, that claim at once.
pub(crate) const WORKERS: u64 = 4;

/// Rows of one claim.
pub(crate) const CLAIMED: u32 = 200;

/// So many rows are claimed, and then completed: what is claimed is completed soon after, as a node
/// does it, which has no more at hand than it can renew.
pub(crate) const AT_HAND: usize = 10_000;

/// As long as a sealed record is, in bytes, where nothing else is said.
pub(crate) const SEALED: usize = 900;

/// What stands for a sealed record: so long, and nothing in it that could be compressed. A piece of
/// what was drawn once: it is the database that is measured, not the system's randomness.
pub(crate) fn sealed(bytes: usize) -> Vec<u8> {
    static DRAWN: LazyLock<Vec<u8>> = LazyLock::new(|| {
        let mut drawn = vec![0; 1 << 20];
        getrandom::fill(&mut drawn).expect("the system has randomness");
        drawn
    });
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    // Pieces that share anything hardly ever come to lie in the same page.
    let from = NEXT.fetch_add(bytes, Ordering::Relaxed) % (DRAWN.len() - bytes);
    DRAWN[from..from + bytes].to_vec()
}

/// The same, as SQL makes it of a row's `id`.
pub(crate) fn sealed_by_sql(bytes: usize) -> String {
    let blocks = (0..bytes.div_ceil(64)).map(|n| format!("sha512(id || int4send({n}))"));
    format!("substring({} for {bytes})", blocks.collect::<Vec<_>>().join(" || "))
}

/// The key of row `n`.
pub(crate) fn key(n: u64) -> Key {
    Key::new("bench/acme").account(format!("u{n}/main"))
}

/// `n`, `account`, `id` (as the store computes it from [`key`]), `shard` and `at` (a due time in
/// milliseconds) of `rows` rows, in the order of `id`, so that the tables are written from front to
/// back. One row in `due_one_in` was due within the last ten minutes, the others come due in the next
/// hour; 0: none was, nor will be for a day, however long it takes to make them.
pub(crate) fn select(rows: u64, due_one_in: u64) -> String {
    let (due, ahead) = match due_one_in {
        0 => ("false".to_owned(), 86_400_000),
        _ => (format!("n % {due_one_in} = 0"), 60_000),
    };
    format!(
        "select n, account, id, (get_byte(id, 14) * 256 + get_byte(id, 15)) % {SHARDS} as shard, \
           now_at + case when {due} then -(n % 600) * 1000 else {ahead} + (n % 3600) * 1000 end as at \
         from (select n, account, substring(sha256( \
             int8send(10) || 'bench/acme'::bytea || \
             int8send(length(account)) || convert_to(account, 'UTF8') || \
             int8send(0)) for 16) as id, \
             (extract(epoch from now()) * 1000)::bigint as now_at \
           from (select n, 'u' || n || '/main' as account from generate_series(1, {rows}) n) a) b \
         order by id"
    )
}
