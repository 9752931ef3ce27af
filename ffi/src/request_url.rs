//! Options of a request: where it goes, by a URL that may lack its base and its parameters.

use engine::{Request, Result};

use crate::auth::NOWHERE;
use crate::boundary::call;
use crate::handle::{self, trunk_manager_options, trunk_request_options};
use crate::options::ManagerSettings;
use crate::status::trunk_status;
use crate::url::{UrlPieces, pair, path_style, trunk_path_style};
use crate::view::trunk_view;

/// A request, and what its URL is made of.
pub(crate) struct RequestSettings {
    pub(crate) request: Request,
    url: UrlPieces,
    is_relative: bool,
}

impl RequestSettings {
    /// # Errors
    /// As [`Request::new`].
    pub(crate) fn new(method: &str, url: &str) -> Result<RequestSettings> {
        let is_relative = url.starts_with('/');
        // Where a relative one leads is known when it is submitted.
        let request = Request::new(method, if is_relative { NOWHERE } else { url })?;
        Ok(RequestSettings {
            is_relative,
            ..RequestSettings::of(request, url)
        })
    }

    /// A request that was made of this absolute URL.
    pub(crate) fn of(request: Request, url: &str) -> RequestSettings {
        RequestSettings {
            request,
            url: UrlPieces::of(url),
            is_relative: false,
        }
    }

    /// The request, for a manager with this base URL.
    ///
    /// # Errors
    /// As [`engine::UrlTemplate::build`].
    pub(crate) fn to_request(&self, base: Option<&str>) -> Result<Request> {
        let mut request = self.request.clone();
        if self.is_relative || !self.url.is_plain() {
            request.url(&self.url.build(base)?)?;
        }
        Ok(request)
    }
}

fn change(
    options: *mut trunk_request_options,
    change: impl FnOnce(&mut UrlPieces) -> Result<()>,
) -> trunk_status {
    call(|| {
        handle::change::<RequestSettings, ()>(options.addr(), |settings| change(&mut settings.url))
    })
}

/// What a request's URL is appended to that begins with `/`: an absolute URL. There is one `/` between them, and its query
/// parameters come first. The empty view takes it back; by default there is none.
///
/// Ownership: `url` is copied.
/// Errors: `TRUNK_ERROR_INVALID_URL`, as for `trunk_request_options_new`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trunk_manager_options_set_base_url(
    options: *mut trunk_manager_options,
    url: trunk_view,
) -> trunk_status {
    call(|| {
        handle::change::<ManagerSettings, _>(options.addr(), |settings| {
            // SAFETY: the contract: a view that is an argument may be read during the call.
            let url = unsafe { url.optional("the url") }?;
            if let Some(url) = url {
                Request::get(url)?;
            }
            settings.base_url = url.map(str::to_owned);
            Ok(())
        })
    })
}

/// Appends a query parameter to the URL, as `trunk_url_add_param` does.
///
/// Ownership: the views are copied.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trunk_request_options_add_param(
    options: *mut trunk_request_options,
    name: trunk_view,
    value: trunk_view,
) -> trunk_status {
    change(options, |url| {
        // SAFETY: the contract: a view that is an argument may be read during the call.
        url.params.push(unsafe { pair(name, value) }?);
        Ok(())
    })
}

/// Gives a path parameter of the URL its value, as `trunk_url_add_path_param` does.
///
/// Ownership: the views are copied.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trunk_request_options_add_path_param(
    options: *mut trunk_request_options,
    name: trunk_view,
    value: trunk_view,
) -> trunk_status {
    change(options, |url| {
        // SAFETY: the contract: a view that is an argument may be read during the call.
        url.path_params.push(unsafe { pair(name, value) }?);
        Ok(())
    })
}

/// How path parameters are written in the URL. The default is `TRUNK_PATH_LITERAL`.
///
/// Errors: `TRUNK_ERROR_INVALID_ARGUMENT`.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_request_options_set_path_style(
    options: *mut trunk_request_options,
    style: trunk_path_style,
) -> trunk_status {
    change(options, |url| {
        url.path_style = path_style(style)?;
        Ok(())
    })
}
