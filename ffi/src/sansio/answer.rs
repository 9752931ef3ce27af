//! The body of an answer on an engine.

use std::sync::{Arc, Mutex, PoisonError};

use engine::sansio::http2::{BodyPart, Flow, ResponseBody};
use engine::{Error, ErrorCode, Result};

use super::exchange::ExchangeHooks;
use crate::boundary::call;
use crate::handle::{self, trunk_answer};
use crate::status::trunk_status;

/// A body, and who takes it once it is read.
pub(crate) struct AnswerObject {
    body: ResponseBody,
    hooks: Mutex<Option<Arc<ExchangeHooks>>>,
}

impl AnswerObject {
    pub(super) fn new(body: ResponseBody, hooks: Arc<ExchangeHooks>) -> AnswerObject {
        AnswerObject {
            body,
            hooks: Mutex::new(Some(hooks)),
        }
    }

    fn take(&self) -> Option<Arc<ExchangeHooks>> {
        self.hooks
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }
}

fn get(answer: *const trunk_answer) -> Result<Arc<AnswerObject>> {
    handle::get(answer.addr())
}

/// Gives it back. One that was not read gives the exchange up, with CANCEL; else the body goes on being delivered. NULL is let
/// pass.
///
/// Errors: `TRUNK_ERROR_INVALID_HANDLE`.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_answer_free(answer: *mut trunk_answer) -> trunk_status {
    call(|| handle::free::<AnswerObject>(answer.addr()).map(drop))
}

/// Has the body delivered to the `data`, `trailers` and `end` of the exchange's handlers. Until then nothing of it is, and the
/// stream's window closes.
///
/// Errors: `TRUNK_ERROR_INVALID_STATE` the second time.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_answer_read(answer: *mut trunk_answer) -> trunk_status {
    call(|| {
        let answer = get(answer)?;
        let hooks = answer.take().ok_or_else(|| {
            Error::new(
                ErrorCode::InvalidState,
                "the body is being read, or was given up",
            )
        })?;
        answer.body.read(move |part| match part {
            BodyPart::Data(bytes) => hooks.data(&bytes),
            BodyPart::End => {
                hooks.end();
                Flow::Continue
            }
        });
        Ok(())
    })
}

/// Goes on after a `TRUNK_FLOW_PAUSE`.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_answer_resume(answer: *mut trunk_answer) -> trunk_status {
    call(|| {
        get(answer)?.body.resume();
        Ok(())
    })
}

/// Gives the answer up, and what is left of the request, as `trunk_upload_cancel` does. No function of the
/// exchange is called any more, but `destroy`.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_answer_cancel(answer: *mut trunk_answer, code: u32) -> trunk_status {
    call(|| {
        let answer = get(answer)?;
        answer.body.cancel(code);
        drop(answer.take());
        Ok(())
    })
}
