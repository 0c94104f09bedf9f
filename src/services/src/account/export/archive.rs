//! A ZIP file (APPNOTE 6.3) that is written on a thread of its own, as compressing takes a core, and read from a
//! bounded channel: it is made as fast as it is fetched.

use std::io::{self, Write};
use std::time::Duration;

use bytes::Bytes;
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use zip::write::{SimpleFileOptions, StreamWriter};
use zip::{CompressionMethod, ZipWriter};

/// Bytes in one piece of the answer.
const PIECE: usize = 64 * 1024;
/// How long a client may take to fetch a piece before its archive is given up.
const FETCH_WITHIN: Duration = Duration::from_secs(60);

enum Part {
    File(String),
    Bytes(Vec<u8>),
    End,
}

/// Nobody fetches the archive any more.
#[derive(Debug)]
pub(super) struct Gone;

/// The writing end.
pub(super) struct Archive {
    parts: mpsc::Sender<Part>,
}

impl Archive {
    async fn part(&self, part: Part) -> Result<(), Gone> {
        self.parts.send(part).await.map_err(|_| Gone)
    }

    /// Begins a file.
    pub(super) async fn file(&self, name: impl Into<String>) -> Result<(), Gone> {
        self.part(Part::File(name.into())).await
    }

    /// Goes on in the file that was begun last.
    pub(super) async fn bytes(&self, bytes: impl Into<Vec<u8>>) -> Result<(), Gone> {
        self.part(Part::Bytes(bytes.into())).await
    }

    /// Without this the archive is broken off.
    pub(super) async fn end(self) {
        // Nobody there: nobody misses it.
        let _ = self.part(Part::End).await;
    }
}

/// Begins an archive; `held` is given back when it ends, in whatever way.
pub(super) fn begin(held: OwnedSemaphorePermit) -> (Archive, mpsc::Receiver<io::Result<Bytes>>) {
    let (parts, to_write) = mpsc::channel(8);
    let (out, pieces) = mpsc::channel(2);
    let runtime = Handle::current();
    tokio::task::spawn_blocking(move || {
        let _held = held;
        let pieces = Pieces {
            out,
            runtime,
            piece: Vec::with_capacity(PIECE),
        };
        let mut broken = pieces.again();
        if let Err(error) = write(to_write, pieces) {
            // Breaks the download off; a client that is gone needs no telling.
            let _ = broken.send(Err(error));
        }
    });
    (Archive { parts }, pieces)
}

fn write(mut parts: mpsc::Receiver<Part>, pieces: Pieces) -> io::Result<()> {
    let mut zip: ZipWriter<StreamWriter<Pieces>> = ZipWriter::new_stream(pieces);
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .large_file(true);
    loop {
        match parts.blocking_recv() {
            Some(Part::File(name)) => zip.start_file(name, options)?,
            Some(Part::Bytes(bytes)) => zip.write_all(&bytes)?,
            Some(Part::End) => return zip.finish()?.into_inner().flush(),
            None => return Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }
}

/// Collects what is written and hands it over piece by piece.
struct Pieces {
    out: mpsc::Sender<io::Result<Bytes>>,
    runtime: Handle,
    piece: Vec<u8>,
}

impl Pieces {
    /// Another way into the same channel.
    fn again(&self) -> Self {
        Self {
            out: self.out.clone(),
            runtime: self.runtime.clone(),
            piece: Vec::new(),
        }
    }

    fn send(&mut self, piece: io::Result<Bytes>) -> io::Result<()> {
        let sending = async { tokio::time::timeout(FETCH_WITHIN, self.out.send(piece)).await };
        match self.runtime.block_on(sending) {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(io::ErrorKind::BrokenPipe.into()),
            Err(_) => Err(io::ErrorKind::TimedOut.into()),
        }
    }

    fn hand_over(&mut self) -> io::Result<()> {
        let full = std::mem::replace(&mut self.piece, Vec::with_capacity(PIECE));
        self.send(Ok(full.into()))
    }
}

impl Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = PIECE.saturating_sub(self.piece.len());
        let taken = bytes.get(..room).unwrap_or(bytes);
        self.piece.extend_from_slice(taken);
        if self.piece.len() >= PIECE {
            self.hand_over()?;
        }
        Ok(taken.len())
    }

    /// The archive's writer flushes as it likes: only the end, and a full piece, are handed over.
    fn flush(&mut self) -> io::Result<()> {
        if self.piece.is_empty() {
            return Ok(());
        }
        self.hand_over()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;
    use std::sync::Arc;
    use tokio::sync::Semaphore;

    fn held() -> (Arc<Semaphore>, OwnedSemaphorePermit) {
        let turns = Arc::new(Semaphore::new(1));
        let held = Arc::clone(&turns).try_acquire_owned().unwrap();
        (turns, held)
    }

    async fn fetch(mut pieces: mpsc::Receiver<io::Result<Bytes>>) -> io::Result<Vec<u8>> {
        let mut all = Vec::new();
        while let Some(piece) = pieces.recv().await {
            all.extend_from_slice(&piece?);
        }
        Ok(all)
    }

    #[tokio::test]
    async fn what_is_put_in_comes_out() {
        let (turns, held) = held();
        let (archive, pieces) = begin(held);
        let fetching = tokio::spawn(fetch(pieces));
        let mut state = 7_u32;
        let noise: Vec<u8> = (0..300_000)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                state.to_be_bytes()[0]
            })
            .collect();
        archive.file("a.json").await.unwrap();
        archive.bytes("{}").await.unwrap();
        archive.file("b/noise").await.unwrap();
        for part in noise.chunks(70_000) {
            archive.bytes(part).await.unwrap();
        }
        archive.end().await;
        let file = fetching.await.unwrap().unwrap();
        let mut zip = zip::ZipArchive::new(io::Cursor::new(file)).unwrap();
        assert_eq!(zip.len(), 2);
        let mut back = Vec::new();
        zip.by_name("b/noise")
            .unwrap()
            .read_to_end(&mut back)
            .unwrap();
        assert_eq!(back, noise);
        let _turn = turns.acquire().await.unwrap();
    }

    #[tokio::test]
    async fn without_its_end_the_download_fails() {
        let (_turns, held) = held();
        let (archive, pieces) = begin(held);
        archive.file("a.json").await.unwrap();
        drop(archive);
        assert!(fetch(pieces).await.is_err());
    }

    #[tokio::test]
    async fn when_nobody_fetches_the_writer_is_told_and_the_turn_comes_back() {
        let (turns, held) = held();
        let (archive, pieces) = begin(held);
        drop(pieces);
        let noise: Vec<u8> = (0..=255).cycle().take(PIECE).collect();
        archive.file("a").await.unwrap();
        while archive.bytes(noise.clone()).await.is_ok() {}
        let _turn = turns.acquire().await.unwrap();
    }
}
