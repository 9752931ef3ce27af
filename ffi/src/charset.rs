//! Text of an answer by its charset.

use std::sync::Mutex;

use engine::{Result, TextDecoder};

use crate::boundary::{Out, call};
use crate::handle::{self, trunk_text_decoder};
use crate::status::trunk_status;
use crate::text::{Engine, change, make};
use crate::view::trunk_view;

pub(crate) type TextEngine = Engine<TextDecoder, String>;

/// Makes a decoder of text in this charset, by the labels of the WHATWG Encoding standard, for example `iso-8859-1`; it is
/// UTF-8 where the label is none of them, and for the empty view. A byte order mark goes before it.
///
/// Ownership: the caller frees `*decoder`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trunk_text_decoder_new(
    label: trunk_view,
    decoder: *mut *mut trunk_text_decoder,
) -> trunk_status {
    // SAFETY: the contract: an out-parameter is NULL or may be written, a view that is an argument may be read.
    unsafe { new(label, decoder, TextDecoder::new) }
}

/// As `trunk_text_decoder_new`, with the charset that this value of the field `content-type` names; UTF-8 where it names
/// none.
///
/// Ownership: the caller frees `*decoder`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trunk_text_decoder_new_for_content_type(
    content_type: trunk_view,
    decoder: *mut *mut trunk_text_decoder,
) -> trunk_status {
    // SAFETY: as above.
    unsafe { new(content_type, decoder, TextDecoder::for_content_type) }
}

/// # Safety
/// `decoder` is NULL or may be written, `name` may be read.
unsafe fn new(
    name: trunk_view,
    decoder: *mut *mut trunk_text_decoder,
    of: fn(&str) -> TextDecoder,
) -> trunk_status {
    // What is not UTF-8 names no charset.
    call(|| {
        // SAFETY: the caller's promise.
        let name = String::from_utf8_lossy(unsafe { name.bytes() }?);
        // SAFETY: the caller's promise.
        unsafe { make::<_, String, _>(of(&name), decoder, "decoder") }
    })
}

/// Gives it back. NULL is let pass.
///
/// Errors: `TRUNK_ERROR_INVALID_HANDLE`.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_text_decoder_free(decoder: *mut trunk_text_decoder) -> trunk_status {
    call(|| handle::free::<Mutex<TextEngine>>(decoder.addr()).map(drop))
}

/// Runs a decoder, and gives what it answers.
///
/// # Safety
/// `text` is NULL or may be written.
unsafe fn run(
    decoder: *mut trunk_text_decoder,
    text: *mut trunk_view,
    run: impl FnOnce(&mut TextDecoder) -> Result<String>,
) -> trunk_status {
    change(decoder.addr(), |decoder: &mut TextEngine| {
        // SAFETY: the caller's promise.
        let out = unsafe { Out::new(text, "text") }?;
        let text = decoder.last.insert(run(&mut decoder.engine)?);
        out.set(trunk_view::of_text(text));
        Ok(())
    })
}

/// The text of the next piece, in UTF-8. A character that is cut waits for its rest, and what is malformed becomes U+FFFD.
/// It is empty after `trunk_text_decoder_finish`.
///
/// Valid until: `*text` lives until the next call of this function or of `trunk_text_decoder_finish` for the same decoder,
/// or until that is freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trunk_text_decoder_decode(
    decoder: *mut trunk_text_decoder,
    data: trunk_view,
    text: *mut trunk_view,
) -> trunk_status {
    // SAFETY: the contract: an out-parameter is NULL or may be written, a view that is an argument may be read.
    unsafe { run(decoder, text, |decoder| Ok(decoder.decode(data.bytes()?))) }
}

/// Says that nothing follows: a character that is still cut becomes U+FFFD.
///
/// Valid until: as for `trunk_text_decoder_decode`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trunk_text_decoder_finish(
    decoder: *mut trunk_text_decoder,
    text: *mut trunk_view,
) -> trunk_status {
    // SAFETY: the contract: an out-parameter is NULL or may be written.
    unsafe { run(decoder, text, |decoder| Ok(decoder.finish())) }
}

/// The standard's name of the encoding, for example `windows-1252`. A byte order mark may change it with the first bytes.
///
/// Valid until: the process ends.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trunk_text_decoder_encoding(
    decoder: *mut trunk_text_decoder,
    encoding: *mut trunk_view,
) -> trunk_status {
    change(decoder.addr(), |decoder: &mut TextEngine| {
        // SAFETY: the contract: an out-parameter is NULL or may be written.
        let out = unsafe { Out::new(encoding, "encoding") }?;
        out.set(trunk_view::of_text(decoder.engine.encoding()));
        Ok(())
    })
}
