//! The way of a body that is pulled from a source.

use bytes::Bytes;
use h2::{Reason, SendStream};

use super::Leg;
use crate::error::{Error, Result};
use crate::protocol::http2::failure;
use crate::request::{BodySource, SourceReader};

impl Leg<'_> {
    /// The body's source from its beginning, for one attempt. Opened before anything of the request is sent.
    pub(super) fn open_source(&self, source: &dyn BodySource) -> Result<Box<SourceReader>> {
        {
            let mut upload = self.state.lock_upload();
            (upload.complete, upload.broken) = (false, None);
        }
        SourceReader::open(source).map(Box::new)
    }

    /// Why the caller's side could not give the rest of the body, if that was so.
    pub(super) fn upload_error(&self) -> Option<Error> {
        self.state.lock_upload().broken.take()
    }

    /// Sends a source's bytes: the next piece is read when the one before has been taken.
    pub(super) async fn send_source(
        &self,
        stream: &mut SendStream<Bytes>,
        mut reader: Box<SourceReader>,
    ) -> Result<()> {
        loop {
            match reader.next() {
                Ok(Some(piece)) => {
                    let last = reader.is_ended();
                    self.send_http2(stream, piece, last).await?;
                    if last {
                        return Ok(());
                    }
                }
                Ok(None) => {
                    return stream
                        .send_data(Bytes::new(), true)
                        .map_err(|cause| failure(&cause, "http/2 upload"));
                }
                Err(error) => {
                    stream.send_reset(Reason::CANCEL);
                    return Err(error);
                }
            }
        }
    }
}
