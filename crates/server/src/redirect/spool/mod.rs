//! Clicks that wait for the database in a file: while it is away, or too slow for a client who wants to go on.
//!
//! A file has one line for each batch: a checksum, a space, the batch as JSON. A line is written before its clients are
//! answered, so a line that isn't whole was never answered and is passed over. Each server writes a file of its own and
//! holds a lock on it; a file without a lock belongs to a server that has ended, and whoever finds it takes it in.

mod line;

use std::{
    collections::VecDeque,
    fs::{self, DirBuilder, File, OpenOptions, TryLockError},
    io::{self, Read, Seek, SeekFrom, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::ops::clicks::Batch;

/// The most that may wait, in bytes: some millions of clicks. What comes then is not kept, since a full disk would stop
/// everything else.
const LARGEST: u64 = 1 << 30;
/// From which length on another file is begun.
const LONG: u64 = 64 << 20;
/// How many bytes of a file are looked at in one go.
const WINDOW: usize = 256 * 1024;
/// What files of waiting clicks end in, and the file of lines that the database refuses.
const ENDING: &str = "spool";
const REFUSED: &str = "refused.txt";

/// A file that waits to be taken in, locked by this process.
#[derive(Debug)]
struct Waiting {
    path: PathBuf,
    file: File,
    /// What comes before has been taken in.
    taken: u64,
    /// Where the last whole line ends.
    end: u64,
}

/// The clicks of this server that wait, and those of servers that ended.
#[derive(Debug)]
pub struct Spool {
    folder: PathBuf,
    name: String,
    /// Those that servers left behind.
    left: VecDeque<Waiting>,
    /// The file that this server writes to, once it is made.
    own: Option<Waiting>,
    /// How many files of its own it has made: each has a name of its own.
    made: u64,
}

/// What is next to be taken in.
#[derive(Debug, Default)]
pub struct Next {
    /// The batches, in order.
    pub batches: Vec<Arc<Batch>>,
    /// How far into the file they go.
    upto: u64,
}

impl Spool {
    /// Nothing is touched before there is something to keep, or [`Spool::make_ready`] is called.
    pub fn new(folder: PathBuf, name: &str) -> Spool {
        Spool { folder, name: name.to_owned(), left: VecDeque::new(), own: None, made: 0 }
    }

    /// Makes the folder and writes to it once, so that an operator hears at the start what would only show when the
    /// database is away.
    ///
    /// # Errors
    /// When the folder can't be made or written to.
    pub fn try_out(folder: &Path) -> io::Result<()> {
        make_folder(folder)?;
        let probe = folder.join(format!("can-be-written-{}", std::process::id()));
        fs::write(&probe, "")?;
        fs::remove_file(probe)
    }

    /// Makes the file where the folder is there already: making it takes longer than writing to it.
    ///
    /// # Errors
    /// When it can't be made.
    pub fn make_ready(&mut self) -> io::Result<()> {
        if self.own.is_none() && self.folder.exists() {
            self.own = Some(self.make_file()?);
        }
        Ok(())
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.waiting() == 0
    }

    /// How many bytes wait.
    pub fn waiting(&self) -> u64 {
        self.left.iter().chain(&self.own).map(|file| file.end.saturating_sub(file.taken)).sum()
    }

    /// Writes a batch down: no end of this process loses it from now on. Returns the file, which is still to be synced, so
    /// that no loss of power does.
    ///
    /// # Errors
    /// When it could not be written; then nothing of it is kept.
    pub fn append(&mut self, batch: &Batch) -> io::Result<File> {
        let line = line::write(batch)?;
        if self.waiting() + line.len() as u64 > LARGEST {
            return Err(io::Error::new(io::ErrorKind::StorageFull, "too many clicks wait"));
        }
        // A file that is never empty is never emptied: what was taken in goes with it once another one is begun.
        if let Some(long) = self.own.take_if(|own| own.end > LONG) {
            self.left.push_back(long);
        }
        if self.own.is_none() {
            self.own = Some(self.make_file()?);
        }
        let file = self.own.as_mut().expect("made above");
        let written =
            file.file.seek(SeekFrom::Start(file.end)).and_then(|_| file.file.write_all(line.as_bytes()));
        match written.and_then(|()| file.file.try_clone()) {
            Ok(to_sync) => {
                file.end += line.len() as u64;
                Ok(to_sync)
            }
            Err(error) => {
                // What got there would be taken for a line by whoever finds the file.
                _ = file.file.set_len(file.end);
                Err(error)
            }
        }
    }

    /// What is next to be taken in: some lines of the oldest file, at most so many. Lines that can't be read are set
    /// aside.
    ///
    /// # Errors
    /// When the file can't be read.
    pub fn next(&mut self, most: usize) -> io::Result<Next> {
        while let Some(file) = self.first() {
            let (next, broken) = match file.read(most) {
                Ok((next, _)) if next.upto == file.taken => {
                    tracing::error!(file = %file.path.display(), "a file of clicks has become shorter than it was");
                    file.end = file.taken;
                    self.left.pop_front();
                    continue;
                }
                Ok(read) => read,
                // The others don't wait for one that can't be read. Unlocked and found again, it is tried once more.
                Err(error) if !self.left.is_empty() => {
                    tracing::error!(%error, "a file of clicks that was left behind can't be read");
                    self.left.pop_front();
                    continue;
                }
                Err(error) => return Err(error),
            };
            for line in &broken {
                self.refuse(line)?;
            }
            if !next.batches.is_empty() {
                return Ok(next);
            }
            // Nothing but broken lines.
            self.take(&next)?;
        }
        Ok(Next::default())
    }

    /// Notes that this has been taken in. When it was all of the file, that is emptied, or removed where another server
    /// left it.
    ///
    /// # Errors
    /// When that fails; what is still in the file would be taken in again, which does no harm.
    pub fn take(&mut self, next: &Next) -> io::Result<()> {
        let Some(file) = self.first() else { return Ok(()) };
        file.taken = file.taken.max(next.upto);
        if file.taken < file.end {
            return Ok(());
        }
        let Some(file) = self.left.pop_front() else {
            let Some(own) = &mut self.own else { return Ok(()) };
            (own.taken, own.end) = (0, 0);
            return own.file.set_len(0);
        };
        // Removed while the lock is held, so that nobody else takes it up meanwhile.
        fs::remove_file(&file.path)
    }

    /// Notes that the first batch that waits has been taken in.
    ///
    /// # Errors
    /// When the file can't be read, emptied or removed.
    pub fn take_first(&mut self) -> io::Result<()> {
        let Some(file) = self.first() else { return Ok(()) };
        let text = file.window()?;
        let length = text.iter().position(|byte| *byte == b'\n').map_or(text.len(), |at| at + 1);
        let upto = file.taken + length as u64;
        self.take(&Next { batches: Vec::new(), upto })
    }

    /// Sets batches aside that the database refuses for a reason of their own, so that the others can go on.
    ///
    /// # Errors
    /// When they can't be written; then they stay.
    pub fn set_aside(&mut self, next: &Next) -> io::Result<()> {
        for batch in &next.batches {
            let line = line::write(batch)?;
            self.refuse(line.trim_end())?;
        }
        self.take(next)
    }

    /// Takes up the files of servers that have ended. Returns how many bytes wait in them.
    ///
    /// # Errors
    /// When the folder can't be read.
    pub fn take_up(&mut self) -> io::Result<u64> {
        let listed = match fs::read_dir(&self.folder) {
            Ok(listed) => listed,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
            Err(error) => return Err(error),
        };
        let mut found = 0;
        for path in listed.filter_map(|entry| Some(entry.ok()?.path())) {
            let known = self.left.iter().chain(&self.own).any(|file| file.path == path);
            if known || path.extension().is_none_or(|ending| ending != ENDING) {
                continue;
            }
            let file = match Waiting::open(&path) {
                Ok(Some(file)) => file,
                Ok(None) => continue,
                Err(error) => {
                    tracing::warn!(%error, file = %path.display(), "a file of clicks can't be taken up");
                    continue;
                }
            };
            if file.end == 0 {
                _ = fs::remove_file(&path);
                continue;
            }
            found += file.end;
            self.left.push_back(file);
        }
        Ok(found)
    }

    /// The first file in which something waits: those that were left behind, then the own one.
    fn first(&mut self) -> Option<&mut Waiting> {
        self.left.front_mut().or(self.own.as_mut()).filter(|file| file.taken < file.end)
    }

    fn make_file(&mut self) -> io::Result<Waiting> {
        make_folder(&self.folder)?;
        self.made += 1;
        let path = self.folder.join(format!("{}-{}.{ENDING}", self.name, self.made));
        // Locked before it has its name, so that nobody takes it for one that was left behind.
        let new = path.with_extension("new");
        let file = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(&new)?;
        file.lock().and_then(|()| fs::rename(&new, &path)).inspect_err(|_| _ = fs::remove_file(&new))?;
        // The name itself must survive a loss of power, too.
        File::open(&self.folder)?.sync_all()?;
        Ok(Waiting { path, file, taken: 0, end: 0 })
    }

    fn refuse(&self, line: &str) -> io::Result<()> {
        let path = self.folder.join(REFUSED);
        tracing::error!(file = %path.display(), "clicks that can't be taken in were set aside");
        let mut file = OpenOptions::new().append(true).create(true).mode(0o600).open(path)?;
        file.write_all(format!("{line}\n").as_bytes())?;
        file.sync_data()
    }
}

impl Drop for Spool {
    /// An empty file is of no use to anybody.
    fn drop(&mut self) {
        if let Some(own) = self.own.take().filter(|own| own.taken >= own.end) {
            _ = fs::remove_file(&own.path);
        }
    }
}

fn make_folder(folder: &Path) -> io::Result<()> {
    // Whose link was followed from where: for the server's user alone.
    DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

impl Waiting {
    /// Opens a file that nobody holds; none when somebody does, or when it has gone meanwhile.
    fn open(path: &Path) -> io::Result<Option<Waiting>> {
        let file = match OpenOptions::new().read(true).write(true).open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(error)) => return Err(error),
        }
        if !path.exists() {
            return Ok(None);
        }
        let mut waiting = Waiting { path: path.to_owned(), end: file.metadata()?.len(), file, taken: 0 };
        waiting.end = waiting.last_line_end()?;
        Ok(Some(waiting))
    }

    /// Where the last whole line ends: what follows was being written when its server ended, and never answered.
    fn last_line_end(&mut self) -> io::Result<u64> {
        let mut end = self.end;
        let mut part = vec![0; WINDOW];
        while end > 0 {
            let from = end.saturating_sub(WINDOW as u64);
            let length = usize::try_from(end - from).expect("no longer than the window");
            self.file.seek(SeekFrom::Start(from))?;
            self.file.read_exact(&mut part[..length])?;
            if let Some(at) = part[..length].iter().rposition(|byte| *byte == b'\n') {
                return Ok(from + at as u64 + 1);
            }
            end = from;
        }
        Ok(0)
    }

    /// The bytes that are next, as many as are looked at in one go, or the whole next line where that is longer.
    fn window(&mut self) -> io::Result<Vec<u8>> {
        self.file.seek(SeekFrom::Start(self.taken))?;
        let mut rest = (&self.file).take(self.end - self.taken);
        let mut text = Vec::new();
        loop {
            let before = text.len();
            (&mut rest).take(WINDOW as u64).read_to_end(&mut text)?;
            if text.len() == before || text[before..].contains(&b'\n') {
                return Ok(text);
            }
        }
    }

    /// The batches of the lines that are next, and the lines among them that can't be read.
    fn read(&mut self, most: usize) -> io::Result<(Next, Vec<String>)> {
        let text = self.window()?;
        let mut next = Next { batches: Vec::new(), upto: self.taken };
        let mut broken = Vec::new();
        for line in
            text.split_inclusive(|byte| *byte == b'\n').filter(|line| line.ends_with(b"\n")).take(most)
        {
            next.upto += line.len() as u64;
            let line = &line[..line.len() - 1];
            match std::str::from_utf8(line).ok().and_then(line::read) {
                Some(batch) => next.batches.push(Arc::new(batch)),
                None => broken.push(String::from_utf8_lossy(line).into_owned()),
            }
        }
        Ok((next, broken))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use domain::{clock::Timestamp, referral_code::ReferralCode, source::Source};

    use super::*;
    use crate::ops::clicks::Visit;

    /// A folder of a test's own, removed afterwards.
    struct Place(PathBuf);

    impl Place {
        fn new() -> Place {
            static PLACES: AtomicU64 = AtomicU64::new(0);
            let number = PLACES.fetch_add(1, Ordering::Relaxed);
            let folder = std::env::temp_dir().join(format!("goodword-spool-{}-{number}", std::process::id()));
            Place(folder)
        }

        fn spool(&self, name: &str) -> Spool {
            Spool::new(self.0.clone(), name)
        }

        fn files(&self) -> Vec<PathBuf> {
            let listed = fs::read_dir(&self.0).into_iter().flatten();
            listed.map(|entry| entry.unwrap().path()).collect()
        }
    }

    impl Drop for Place {
        fn drop(&mut self) {
            _ = fs::remove_dir_all(&self.0);
        }
    }

    fn batch(number: i64, clicks: usize) -> Batch {
        let visit = Visit {
            at: Timestamp::from_micros(1_795_421_400_000_123),
            code: ReferralCode::from_number(7),
            partner_id: Some("0195".into()),
            repaired_from: Some("K7\"\nX\u{1f33f}".into()),
            source: "t.me".into(),
            place: Source::named("newsletter"),
            automatic: true,
        };
        let plain = Visit {
            partner_id: None,
            repaired_from: None,
            source: String::new(),
            place: Source::UNKNOWN,
            automatic: false,
            ..visit.clone()
        };
        let visits = [visit, plain].into_iter().cycle().take(clicks).collect();
        Batch { writer: "w".into(), number, visits }
    }

    /// Takes in everything that waits; the numbers of the batches, step by step.
    fn all(spool: &mut Spool, most: usize) -> Vec<Vec<i64>> {
        let mut steps = Vec::new();
        loop {
            let next = spool.next(most).unwrap();
            if next.batches.is_empty() {
                return steps;
            }
            steps.push(next.batches.iter().map(|batch| batch.number).collect());
            spool.take(&next).unwrap();
        }
    }

    #[test]
    fn what_is_kept_is_what_is_taken_in_and_the_file_goes() {
        let place = Place::new();
        let mut spool = place.spool("a");
        assert!(spool.is_empty() && spool.next(9).unwrap().batches.is_empty());
        for number in 1..=3 {
            spool.append(&batch(number, 2)).unwrap();
        }
        assert!(!spool.is_empty() && spool.waiting() > 0);
        let next = spool.next(usize::MAX).unwrap();
        assert_eq!(next.batches, [batch(1, 2), batch(2, 2), batch(3, 2)].map(Arc::new));
        // Until it is said that they are in, they wait; what comes meanwhile waits behind them.
        spool.append(&batch(4, 1)).unwrap();
        spool.take(&next).unwrap();
        assert_eq!(all(&mut spool, usize::MAX), [[4]]);
        assert!(spool.is_empty());
        assert_eq!(fs::metadata(&place.files()[0]).unwrap().len(), 0);
        spool.append(&batch(5, 1)).unwrap();
        spool.append(&batch(6, 1)).unwrap();
        spool.take_first().unwrap();
        assert_eq!(all(&mut spool, 1), [[6]]);
        drop(spool);
        assert!(place.files().is_empty());
    }

    #[test]
    fn large_batches_come_in_steps_whole() {
        let place = Place::new();
        let mut spool = place.spool("a");
        for number in 1..=4 {
            spool.append(&batch(number, 5_000)).unwrap();
        }
        let steps = all(&mut spool, usize::MAX);
        assert_eq!(steps.concat(), [1, 2, 3, 4]);
        assert!(steps.len() > 1, "one step of {} batches", steps[0].len());
    }

    #[test]
    fn a_server_that_ended_leaves_its_clicks_to_others() {
        let place = Place::new();
        let mut ended = place.spool("ended");
        ended.append(&batch(1, 1)).unwrap();
        ended.append(&batch(2, 1)).unwrap();
        let mut heir = place.spool("heir");
        heir.make_ready().unwrap();
        // While it lives, its file is its own.
        assert_eq!(heir.take_up().unwrap(), 0);
        drop(ended);
        // It was killed in the middle of a line.
        let path = place.files().pop().unwrap();
        let mut file = OpenOptions::new().append(true).open(&path).unwrap();
        file.write_all(&line::write(&batch(3, 1)).unwrap().as_bytes()[..40]).unwrap();
        drop(file);
        heir.append(&batch(7, 1)).unwrap();
        assert!(heir.take_up().unwrap() > 0);
        assert_eq!(heir.take_up().unwrap(), 0, "taken up once");
        assert_eq!(place.spool("third").take_up().unwrap(), 0, "and by one only");
        assert_eq!(all(&mut heir, usize::MAX).concat(), [1, 2, 7]);
        drop(heir);
        assert!(place.files().is_empty(), "{:?}", place.files());
    }

    #[test]
    fn nothing_but_a_broken_line_is_nothing() {
        let place = Place::new();
        fs::create_dir_all(&place.0).unwrap();
        fs::write(place.0.join("old-1.spool"), "0123456789abcdef {\"writer\":").unwrap();
        fs::write(place.0.join("old-2.spool"), "").unwrap();
        fs::write(place.0.join("notes.txt"), "an operator's").unwrap();
        let mut spool = place.spool("a");
        assert_eq!(spool.take_up().unwrap(), 0);
        assert_eq!(place.files(), [place.0.join("notes.txt")]);
    }

    #[test]
    fn what_cannot_be_read_is_set_aside_and_the_rest_goes_on() {
        let place = Place::new();
        let mut spool = place.spool("a");
        for number in 1..=3 {
            spool.append(&batch(number, 1)).unwrap();
        }
        let path = place.files().pop().unwrap();
        drop(spool);
        let text = fs::read_to_string(&path).unwrap().replace("\"batch\":2", "\"batch\":9");
        fs::write(&path, text).unwrap();
        let mut spool = place.spool("b");
        spool.take_up().unwrap();
        assert_eq!(all(&mut spool, usize::MAX), [[1, 3]]);
        let refused = fs::read_to_string(place.0.join(REFUSED)).unwrap();
        assert!(refused.contains("\"batch\":9") && refused.lines().count() == 1, "{refused}");
        // What the database refuses is kept there, too.
        spool.append(&batch(4, 1)).unwrap();
        let next = spool.next(1).unwrap();
        spool.set_aside(&next).unwrap();
        assert!(spool.is_empty());
        assert_eq!(fs::read_to_string(place.0.join(REFUSED)).unwrap().lines().count(), 2);
    }

    #[test]
    fn a_file_that_somebody_cut_short_holds_up_nothing() {
        let place = Place::new();
        let mut spool = place.spool("a");
        spool.append(&batch(1, 1)).unwrap();
        let path = place.files().pop().unwrap();
        OpenOptions::new().write(true).open(&path).unwrap().set_len(5).unwrap();
        assert!(spool.next(usize::MAX).unwrap().batches.is_empty() && spool.is_empty());
        spool.append(&batch(2, 1)).unwrap();
        drop(spool);
        let mut heir = place.spool("b");
        heir.take_up().unwrap();
        // The heir finds it cut short once more.
        OpenOptions::new().write(true).open(&path).unwrap().set_len(2).unwrap();
        heir.append(&batch(3, 1)).unwrap();
        assert_eq!(all(&mut heir, usize::MAX), [[3]]);
    }

    #[test]
    fn a_folder_that_cannot_be_written_to_is_found_out_at_the_start() {
        let place = Place::new();
        Spool::try_out(&place.0).unwrap();
        assert!(place.files().is_empty());
        fs::write(place.0.join("file"), "").unwrap();
        Spool::try_out(&place.0.join("file")).unwrap_err();
        let mut spool = Spool::new(place.0.join("file"), "a");
        spool.append(&batch(1, 1)).unwrap_err();
        assert!(spool.is_empty());
    }
}
