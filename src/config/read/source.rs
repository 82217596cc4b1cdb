//! Reading a file that someone else names: a regular one, bounded, once.

use std::fs::File;
use std::io::Read;
use std::path::Path;

/// The bytes of a regular file of at most `max` bytes.
///
/// # Errors
///
/// Why not, in words. A device, a pipe or a directory is never opened for reading.
pub(crate) fn read_bounded(path: &Path, max: u64) -> Result<Vec<u8>, String> {
    let reason = |error: std::io::Error| describe(&error);
    let kind = std::fs::metadata(path).map_err(reason)?;
    if kind.is_dir() {
        return Err(String::from("it is a directory"));
    }
    if !kind.is_file() {
        return Err(String::from("it is not a regular file"));
    }
    if kind.len() > max {
        return Err(too_large(max));
    }
    let mut bytes = Vec::new();
    File::open(path).map_err(reason)?.take(max + 1).read_to_end(&mut bytes).map_err(reason)?;
    if bytes.len() as u64 > max {
        return Err(too_large(max));
    }
    Ok(bytes)
}

/// The text of `bytes`, without a byte order mark.
///
/// # Errors
///
/// The line of the first byte that is not UTF-8.
pub(crate) fn text(bytes: &[u8]) -> Result<&str, NotText> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(text.strip_prefix('\u{feff}').unwrap_or(text)),
        Err(error) => {
            let byte = error.valid_up_to();
            let line = bytes[..byte].iter().filter(|byte| **byte == b'\n').count() + 1;
            Err(NotText { byte, line })
        }
    }
}

/// Where a file stops being text.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct NotText {
    pub(crate) byte: usize,
    pub(crate) line: usize,
}

pub(crate) fn too_large(max: u64) -> String {
    if max >= 1024 * 1024 {
        format!("larger than {} MiB", max / (1024 * 1024))
    } else {
        format!("larger than {} KiB", max / 1024)
    }
}

/// The reason without the number that the standard library adds.
fn describe(error: &std::io::Error) -> String {
    let text = error.to_string();
    match text.split_once(" (os error") {
        Some((text, _)) => text.to_lowercase(),
        None => text.to_lowercase(),
    }
}
