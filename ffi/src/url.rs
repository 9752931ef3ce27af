//! URLs that are put together from pieces.

use std::ptr;
use std::sync::Mutex;

use engine::{Error, ErrorCode, PathStyle, Result, UrlTemplate};

use crate::boundary::{Out, call};
use crate::handle::{self, trunk_url};
use crate::status::trunk_status;
use crate::view::trunk_view;

/// How path parameters are written in a URL: one of `TRUNK_PATH_*`.
pub type trunk_path_style = i32;

/// There are none; `:` and braces mean themselves.
pub const TRUNK_PATH_LITERAL: trunk_path_style = 0;
/// `/users/:id`: a colon at the start of a segment, or after `-` or `.` in it, and a name of letters, digits and `_`.
pub const TRUNK_PATH_COLON: trunk_path_style = 1;
/// `/users/{id}`.
pub const TRUNK_PATH_CURLY: trunk_path_style = 2;

/// The style of an argument.
///
/// # Errors
/// `invalid_argument`.
pub(crate) fn path_style(style: trunk_path_style) -> Result<PathStyle> {
    match style {
        TRUNK_PATH_LITERAL => Ok(PathStyle::Literal),
        TRUNK_PATH_COLON => Ok(PathStyle::Colon),
        TRUNK_PATH_CURLY => Ok(PathStyle::Curly),
        _ => Err(Error::new(
            ErrorCode::InvalidArgument,
            format!("there is no path style {style}"),
        )),
    }
}

/// The pieces so far.
#[derive(Default)]
pub(crate) struct UrlPieces {
    base: Option<String>,
    url: String,
    pub(crate) path_style: PathStyle,
    pub(crate) path_params: Vec<(String, String)>,
    pub(crate) params: Vec<(String, String)>,
    /// What was built last, for as long as C reads it.
    built: String,
}

impl UrlPieces {
    /// This URL, without a base and parameters.
    pub(crate) fn of(url: &str) -> UrlPieces {
        UrlPieces {
            url: url.to_owned(),
            ..UrlPieces::default()
        }
    }

    /// Whether the URL stands as it was given.
    pub(crate) fn is_plain(&self) -> bool {
        self.path_style == PathStyle::Literal
            && self.path_params.is_empty()
            && self.params.is_empty()
    }

    /// Puts it together.
    ///
    /// # Errors
    /// As [`UrlTemplate::build`].
    pub(crate) fn build(&self, base: Option<&str>) -> Result<String> {
        fn borrow(pairs: &[(String, String)]) -> Vec<(&str, &str)> {
            pairs
                .iter()
                .map(|(name, value)| (name.as_str(), value.as_str()))
                .collect()
        }
        UrlTemplate {
            base,
            url: &self.url,
            path_params: &borrow(&self.path_params),
            path_style: self.path_style,
            params: &borrow(&self.params),
        }
        .build()
    }
}

fn change(url: *mut trunk_url, change: impl FnOnce(&mut UrlPieces) -> Result<()>) -> trunk_status {
    call(|| handle::change::<UrlPieces, ()>(url.addr(), change))
}

/// A pair of arguments.
///
/// # Safety
/// As for [`trunk_view::text`].
pub(crate) unsafe fn pair(name: trunk_view, value: trunk_view) -> Result<(String, String)> {
    // SAFETY: the caller's promise.
    let (name, value) = unsafe { (name.text("the name")?, value.text("the value")?) };
    Ok((name.to_owned(), value.to_owned()))
}

/// Begins a URL. A relative `url` is appended to `base`, with one `/` between them, whether or not it begins with one; an
/// absolute `url` has nothing to do with the base, which may be the empty view.
///
/// Ownership: the views are copied. The caller frees `*pieces`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trunk_url_new(
    base: trunk_view,
    url: trunk_view,
    pieces: *mut *mut trunk_url,
) -> trunk_status {
    call(|| {
        // SAFETY: the contract: an out-parameter is NULL or may be written, a view that is an argument may be read.
        let (out, base, url) = unsafe {
            (
                Out::new(pieces, "pieces")?,
                base.optional("the base")?,
                url.text("the url")?,
            )
        };
        let pieces = UrlPieces {
            base: base.map(str::to_owned),
            ..UrlPieces::of(url)
        };
        out.set(ptr::without_provenance_mut(handle::insert(Mutex::new(
            pieces,
        ))?));
        Ok(())
    })
}

/// Gives it back. NULL is let pass.
///
/// Errors: `TRUNK_ERROR_INVALID_HANDLE`.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_url_free(url: *mut trunk_url) -> trunk_status {
    call(|| handle::free::<Mutex<UrlPieces>>(url.addr()).map(drop))
}

/// How path parameters are written in it. The default is `TRUNK_PATH_LITERAL`.
///
/// Errors: `TRUNK_ERROR_INVALID_ARGUMENT`.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_url_set_path_style(
    url: *mut trunk_url,
    style: trunk_path_style,
) -> trunk_status {
    change(url, |url| {
        url.path_style = path_style(style)?;
        Ok(())
    })
}

/// Gives a path parameter its value, which stays within its segment: `/` in it becomes `%2F`.
///
/// Ownership: the views are copied.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trunk_url_add_path_param(
    url: *mut trunk_url,
    name: trunk_view,
    value: trunk_view,
) -> trunk_status {
    change(url, |url| {
        // SAFETY: the contract: a view that is an argument may be read during the call.
        url.path_params.push(unsafe { pair(name, value) }?);
        Ok(())
    })
}

/// Appends a query parameter, encoded; a space becomes `%20`. Names may repeat, also those in the URL.
///
/// Ownership: the views are copied.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trunk_url_add_param(
    url: *mut trunk_url,
    name: trunk_view,
    value: trunk_view,
) -> trunk_status {
    change(url, |url| {
        // SAFETY: the contract: a view that is an argument may be read during the call.
        url.params.push(unsafe { pair(name, value) }?);
        Ok(())
    })
}

/// Puts the URL together: absolute, as `trunk_request_options_new` takes it. More may be added afterwards.
///
/// Errors: `TRUNK_ERROR_INVALID_URL` for what cannot be parsed, or is relative without a base;
/// `TRUNK_ERROR_INVALID_ARGUMENT` for a path parameter that is missing, unused or given twice, or leaves its segment
/// empty, `.` or `..`.
/// Valid until: `*text` lives until the next build of the same URL, or until that is freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trunk_url_build(
    url: *mut trunk_url,
    text: *mut trunk_view,
) -> trunk_status {
    change(url, |url| {
        // SAFETY: the contract: an out-parameter is NULL or may be written.
        let out = unsafe { Out::new(text, "text") }?;
        url.built = url.build(url.base.as_deref())?;
        out.set(trunk_view::of_text(&url.built));
        Ok(())
    })
}
