//! gzip under limits, in pieces.
//!
//! Inflating is bounded twice: by an absolute size and by the ratio to what was transported, so that a small part
//! cannot cost a large disk or much time. A part may have several members (RFC 1952, 2.2): the limits count all.
//! Deflating is deterministic: no time stamp, no name. Implements RFC 1951 and 1952 on flate2.

use std::cell::Cell;
use std::io::{self, Write};

use flate2::write::MultiGzDecoder;
use flate2::{Compress, Compression, Crc, FlushCompress, Status};

use crate::Limits;

/// Why bytes were refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GzipError {
    /// Not gzip, or damaged: header, block or checksum, a checksum that is cut short included.
    #[error("gzip is corrupt")]
    Corrupt,
    /// The bytes end inside a member's header or blocks.
    #[error("gzip is cut short")]
    Truncated,
    /// No byte at all.
    #[error("gzip is empty")]
    Empty,
    /// More bytes than the absolute limit.
    #[error("gzip inflates to more than {limit} bytes")]
    TooLarge {
        /// Bytes allowed.
        limit: u64,
    },
    /// More bytes than the ratio allows.
    #[error("gzip inflates to more than {limit} times its size")]
    Ratio {
        /// Inflated bytes allowed per transported byte.
        limit: u32,
    },
    /// The receiver of the inflated bytes failed.
    #[error("inflated bytes could not be taken")]
    Sink,
}

/// Inflates pieces of a gzip part and hands the bytes to `W`; [`io::sink`] when they need only be counted.
pub struct Inflate<W: Write> {
    decoder: MultiGzDecoder<Gauge<W>>,
    /// The first bytes, to tell damage from a cut: the decoder waits for a whole header before it looks.
    magic: Vec<u8>,
}

const MAGIC: [u8; 3] = [0x1f, 0x8b, 8];

impl<W: Write> Inflate<W> {
    /// Starts a part; the limits used are `inflated`, `ratio`, `ratio_floor`.
    pub fn new(limits: &Limits, sink: W) -> Self {
        let gauge = Gauge {
            sink,
            taken: 0,
            given: 0,
            absolute: limits.inflated,
            ratio: limits.ratio,
            floor: limits.ratio_floor,
            refused: None,
        };
        Self { decoder: MultiGzDecoder::new(gauge), magic: Vec::with_capacity(MAGIC.len()) }
    }

    /// Takes the next transported bytes.
    ///
    /// # Errors
    /// See [`GzipError`]; after an error the part is refused as a whole.
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), GzipError> {
        let gauge = self.decoder.get_mut();
        gauge.taken = gauge.taken.saturating_add(bytes.len() as u64);
        self.magic.extend(bytes.iter().take(MAGIC.len() - self.magic.len()));
        if !MAGIC.starts_with(&self.magic) {
            return Err(GzipError::Corrupt);
        }
        self.decoder.write_all(bytes).map_err(|e| self.reason(&e))
    }

    /// Ends the part: how many bytes it inflated to, and the sink.
    ///
    /// # Errors
    /// [`GzipError::Truncated`] when a member is not complete, and what [`Inflate::push`] gives.
    pub fn finish(mut self) -> Result<(u64, W), GzipError> {
        if self.decoder.get_ref().taken == 0 {
            return Err(GzipError::Empty);
        }
        if let Err(e) = self.decoder.try_finish() {
            return Err(self.reason(&e));
        }
        let gauge = self.decoder.finish().map_err(|_| GzipError::Truncated)?;
        Ok((gauge.given, gauge.sink))
    }

    fn reason(&self, error: &io::Error) -> GzipError {
        if let Some(refused) = self.decoder.get_ref().refused {
            return refused;
        }
        match error.kind() {
            io::ErrorKind::UnexpectedEof | io::ErrorKind::WriteZero => GzipError::Truncated,
            _ => GzipError::Corrupt,
        }
    }
}

/// Inflates a whole part in memory.
///
/// # Errors
/// See [`GzipError`].
pub fn inflate(bytes: &[u8], limits: &Limits) -> Result<Vec<u8>, GzipError> {
    let mut inflate = Inflate::new(limits, Vec::new());
    inflate.push(bytes)?;
    inflate.finish().map(|(_, bytes)| bytes)
}

/// Deflates pieces into `W`; the same bytes give the same result.
pub struct Deflate<W: Write> {
    sink: W,
    engine: Engine,
    checksum: Crc,
    begun: bool,
}

/// Of nine: a document of 5 KB comes out a tenth larger than at the usual six, and sooner.
const LEVEL: u32 = 2;

/// The compressor's tables and what it gave last: 300 KiB that a thread uses again instead of asking the system anew.
struct Engine {
    compress: Compress,
    given: Vec<u8>,
}

thread_local! {
    static IDLE: Cell<Option<Engine>> = const { Cell::new(None) };
}

/// Member header: deflate, no flags, no time, no hint, operating system unknown, so that the bytes do not tell where
/// they were made.
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];

impl<W: Write> Deflate<W> {
    /// Starts a part.
    pub fn new(sink: W) -> Self {
        let engine = IDLE.take().unwrap_or_else(|| Engine {
            compress: Compress::new(Compression::new(LEVEL), false),
            given: Vec::with_capacity(32 * 1024),
        });
        Self { sink, engine, checksum: Crc::new(), begun: false }
    }

    /// Takes the next bytes.
    ///
    /// # Errors
    /// What the sink gives.
    pub fn push(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.checksum.update(bytes);
        self.run(bytes, FlushCompress::None)
    }

    /// Writes the end of the member and gives the sink back.
    ///
    /// # Errors
    /// What the sink gives.
    pub fn finish(mut self) -> io::Result<W> {
        self.run(&[], FlushCompress::Finish)?;
        self.sink.write_all(&self.checksum.sum().to_le_bytes())?;
        self.sink.write_all(&self.checksum.amount().to_le_bytes())?;
        let Self { sink, mut engine, .. } = self;
        engine.compress.reset();
        IDLE.set(Some(engine));
        Ok(sink)
    }

    fn run(&mut self, mut bytes: &[u8], flush: FlushCompress) -> io::Result<()> {
        if !self.begun {
            self.begun = true;
            self.sink.write_all(&HEADER)?;
        }
        let Engine { compress, given } = &mut self.engine;
        loop {
            let before = compress.total_in();
            given.clear();
            let status = compress.compress_vec(bytes, given, flush).map_err(io::Error::other)?;
            let taken = usize::try_from(compress.total_in() - before).unwrap_or(usize::MAX);
            bytes = bytes.get(taken..).unwrap_or_default();
            self.sink.write_all(given)?;
            let done = match flush {
                FlushCompress::Finish => status == Status::StreamEnd,
                _ => bytes.is_empty(),
            };
            if done {
                return Ok(());
            }
        }
    }
}

/// Deflates a whole part in memory.
pub fn deflate(bytes: &[u8]) -> Vec<u8> {
    let mut deflate = Deflate::new(Vec::with_capacity(bytes.len() / 4 + 32));
    // A vector takes every byte, so neither step can fail.
    let pushed = deflate.push(bytes);
    debug_assert!(pushed.is_ok());
    deflate.finish().unwrap_or_default()
}

/// Counts what comes out and stops at the limits.
struct Gauge<W> {
    sink: W,
    taken: u64,
    given: u64,
    absolute: u64,
    ratio: u32,
    floor: u64,
    refused: Option<GzipError>,
}

impl<W: Write> Gauge<W> {
    fn refuse(&mut self, reason: GzipError) -> io::Error {
        self.refused = Some(reason);
        io::Error::other(reason)
    }
}

//= CARNET-INFLATE-01
impl<W: Write> Write for Gauge<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let given = self.given.saturating_add(bytes.len() as u64);
        if given > self.absolute {
            return Err(self.refuse(GzipError::TooLarge { limit: self.absolute }));
        }
        if given > self.floor && given > self.taken.saturating_mul(u64::from(self.ratio)) {
            return Err(self.refuse(GzipError::Ratio { limit: self.ratio }));
        }
        if self.sink.write_all(bytes).is_err() {
            return Err(self.refuse(GzipError::Sink));
        }
        self.given = given;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests;
