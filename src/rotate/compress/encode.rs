//! One piece of a file to one gzip member or zstd frame. An encoder and its output are used again for the next piece.

use std::io;

use flate2::{Compress, Compression, FlushCompress, Status};

use super::Compressor;

/// Of zlib's window: the largest.
const WINDOW_BITS: u8 = 15;

pub(super) enum Encoder {
    Gzip { level: u32, compress: Compress },
    Zstd { level: i32, compressor: zstd::bulk::Compressor<'static> },
}

impl Encoder {
    /// `None` for a command.
    pub(super) fn of(how: &Compressor) -> io::Result<Option<Encoder>> {
        Ok(match *how {
            Compressor::Gzip(level) => {
                let compress = Compress::new_gzip(Compression::new(level.clamp(1, 9)), WINDOW_BITS);
                Some(Encoder::Gzip { level, compress })
            }
            Compressor::Zstd(level) => {
                let mut compressor = zstd::bulk::Compressor::new(level.clamp(1, 19))?;
                compressor.include_checksum(true)?;
                Some(Encoder::Zstd { level, compressor })
            }
            Compressor::Command { .. } => None,
        })
    }

    pub(super) fn is_of(&self, how: &Compressor) -> bool {
        match (self, how) {
            (Encoder::Gzip { level, .. }, Compressor::Gzip(wanted)) => level == wanted,
            (Encoder::Zstd { level, .. }, Compressor::Zstd(wanted)) => level == wanted,
            _ => false,
        }
    }

    /// Replaces what is in `packed` by all of `plain`, compressed.
    pub(super) fn encode(&mut self, plain: &[u8], packed: &mut Vec<u8>) -> io::Result<()> {
        packed.clear();
        match self {
            Encoder::Gzip { compress, .. } => gzip(compress, plain, packed),
            Encoder::Zstd { compressor, .. } => {
                packed.reserve(zstd::zstd_safe::compress_bound(plain.len()));
                compressor.compress_to_buffer(plain, packed).map(drop)
            }
        }
    }
}

fn gzip(compress: &mut Compress, plain: &[u8], packed: &mut Vec<u8>) -> io::Result<()> {
    compress.reset();
    // Room for the worst from the beginning, of which only what is used takes memory: when it has to stop for more room,
    // the encoder goes on a little differently, and the same file would not always give the same bytes.
    packed.reserve(plain.len() + plain.len() / 8 + 1024);
    loop {
        let taken = compress.total_in() as usize;
        match compress.compress_vec(&plain[taken..], packed, FlushCompress::Finish).map_err(io::Error::other)? {
            Status::StreamEnd => return Ok(()),
            Status::Ok | Status::BufError => packed.reserve(packed.capacity()),
        }
    }
}

/// Puts the time of the file into the header of its first member, as gzip does.
pub(super) fn stamp(packed: &mut [u8], how: &Compressor, seconds: i64) {
    let field = packed.get_mut(4..8).filter(|_| matches!(how, Compressor::Gzip(_)));
    if let (Some(field), Ok(seconds)) = (field, u32::try_from(seconds)) {
        field.copy_from_slice(&seconds.to_le_bytes());
    }
}
