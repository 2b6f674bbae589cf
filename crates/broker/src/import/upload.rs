//! An upload, as it comes in.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use unlapse::unlapse_core::UnixTime;
use unlapse_store::sql::Timetable;

use super::batch::Batch;
use super::line::ReadLine;
use super::lines::{Line, Lines};
use super::rows::{Refused, Row};
use crate::broker::Actor;
use crate::code::Code;
use crate::directory::Directory;
use crate::name::Name;
use crate::problem::Problem;
use crate::tables::{FAULTS_KEPT, Fault, ImportProgress, NewAudit, Tables};

/// An upload of an import: begun, fed with what comes in, and finished. Dropped before that, it is
/// broken off, and goes on when the same is sent again.
pub struct Import {
    tables: Tables,
    timetable: Arc<dyn Timetable>,
    tenant: Name,
    id: Name,
    /// The apps of the tenant, of which a connection names one.
    apps: BTreeSet<Name>,
    /// What their providers leave to them, where that is known.
    directory: Option<Arc<Directory>>,
    lines: Lines,
    /// Lines that are passed over: they were done before.
    to_pass: u64,
    /// Lines that are written.
    done: u64,
    refused_before: u64,
    pending: Pending,
    now: UnixTime,
}

/// What is read, and not written yet.
#[derive(Default)]
struct Pending {
    lines: u64,
    named: u64,
    bytes: usize,
    rows: Vec<Row>,
    ids: HashSet<String>,
    refused: Vec<Fault>,
}

/// Most lines of a transaction.
const LINES: u64 = 500;
/// Most bytes of a transaction, about.
const BYTES: usize = 4 << 20;

impl Import {
    /// Begins the import `id` of `tenant`, or goes on with it. `timetable` says when a connection is
    /// to be renewed; imported ones are, for the first time, at some point before that. Whether `by`
    /// may is for the caller to say.
    pub async fn begin(
        tables: &Tables,
        timetable: Arc<dyn Timetable>,
        tenant: &Name,
        id: &Name,
        by: &Actor,
    ) -> Result<Self, Problem> {
        tables.envelope().ready(tenant).await?;
        let apps = tables.app_names(tenant).await?;
        if apps.is_empty() {
            let detail =
                format!("the tenant {tenant} has no app yet: `unlapse broker apps add` makes one");
            return Err(Problem::new(Code::NotFound, detail));
        }
        let progress = tables.begin_import(tenant, id, by).await?;
        tables.note(NewAudit::new(by, Some(tenant), "import.begin", id.as_str())).await?;
        Ok(Self {
            tables: tables.clone(),
            timetable,
            tenant: tenant.clone(),
            id: id.clone(),
            apps,
            directory: None,
            lines: Lines::new(),
            to_pass: progress.lines,
            done: progress.lines,
            refused_before: progress.refused,
            pending: Pending::default(),
            now: tables.database().now().await?,
        })
    }

    /// Refuses metadata as `directory`'s apps do.
    pub(crate) fn judged_by(self, directory: Arc<Directory>) -> Self {
        Self { directory: Some(directory), ..self }
    }

    /// Takes what has come in. It waits for the database, so that whoever sends is held back.
    pub async fn feed(&mut self, chunk: &[u8]) -> Result<(), Problem> {
        let mut rest = chunk;
        while let Some((line, more)) = self.lines.next(rest) {
            rest = more;
            self.line(line).await?;
        }
        Ok(())
    }

    /// The upload is whole.
    pub async fn finish(mut self) -> Result<ImportProgress, Problem> {
        if let Some(line) = self.lines.last() {
            self.line(line).await?;
        }
        self.flush().await?;
        self.tables.finish_import(&self.tenant, &self.id).await
    }

    async fn line(&mut self, line: Line) -> Result<(), Problem> {
        if self.to_pass > 0 {
            self.to_pass -= 1;
            return Ok(());
        }
        self.pending.lines += 1;
        match self.read(&line) {
            Ok(Some(row)) => {
                self.pending.named += 1;
                // Twice in one batch: as if it had been there before.
                if self.pending.ids.insert(row.id.clone()) {
                    self.pending.bytes += row.len();
                    self.pending.rows.push(row);
                }
            }
            // An empty line is a line, and brings nothing.
            Ok(None) => {}
            Err(reason) => {
                let line = self.done + self.pending.lines;
                self.pending.refused.push(Fault { line, reason: reason? });
            }
        }
        if self.pending.lines >= LINES || self.pending.bytes >= BYTES {
            self.flush().await?;
        }
        Ok(())
    }

    /// The row of a line, or why it is refused; a problem that is no line's fault ends the upload.
    fn read(&self, line: &Line) -> Result<Option<Row>, Result<String, Problem>> {
        let Line::Whole(bytes) = line else {
            return Err(Ok("it is longer than 65536 bytes".to_owned()));
        };
        if bytes.iter().all(u8::is_ascii_whitespace) {
            return Ok(None);
        }
        let read = ReadLine::read(bytes, &self.tenant, self.now).map_err(Ok)?;
        if !self.apps.contains(&read.id.provider) {
            return Err(Ok("`provider` is not the name of an app of the tenant".to_owned()));
        }
        let directory = self.directory.as_ref();
        let app = directory.and_then(|known| known.app_of(&self.tenant, &read.id.provider));
        if let Some(app) = app {
            // Without its words, which are the line's.
            let is_ok = app.check_metadata(&read.brought.metadata).is_ok();
            let reason = "`metadata` has what is the app's, in its `params`";
            is_ok.then_some(()).ok_or_else(|| Ok(reason.to_owned()))?;
        }
        let row = Row::of(read, self.now, self.tables.envelope(), &*self.timetable);
        row.map(Some).map_err(|refused| match refused {
            Refused::TooLarge => Ok("its tokens are larger than a record may be".to_owned()),
            Refused::NoKey => Err(Problem::new(Code::KeysAway, "the tenant's data key is away")),
        })
    }

    async fn flush(&mut self) -> Result<(), Problem> {
        let pending = core::mem::take(&mut self.pending);
        if pending.lines == 0 {
            return Ok(());
        }
        let refused = u64::try_from(pending.refused.len()).unwrap_or_default();
        let room = FAULTS_KEPT.saturating_sub(self.refused_before);
        let batch = Batch {
            tenant: &self.tenant,
            id: &self.id,
            after: self.done,
            lines: pending.lines,
            named: pending.named,
            refused: &pending.refused,
            kept: usize::try_from(room.min(refused)).unwrap_or_default(),
            rows: &pending.rows,
        };
        batch.write(&self.tables).await?;
        self.done += pending.lines;
        self.refused_before += refused;
        // An upload takes its time, and what it brings lives from when it is read.
        self.now = self.tables.database().now().await?;
        Ok(())
    }
}

impl core::fmt::Debug for Import {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let Self { tenant, id, done, .. } = self;
        f.debug_struct("Import")
            .field("tenant", tenant)
            .field("id", id)
            .field("done", done)
            .finish_non_exhaustive()
    }
}
