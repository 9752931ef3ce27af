//! The HTTP/2 steps that write.

use super::{Http2, settings_payload};
use crate::frame;
use crate::script::{H2Data, H2Frame, H2Goaway, H2Headers, H2Rst, H2WindowUpdate};
use crate::wire::{Fault, Wire};

impl Http2 {
    pub(crate) async fn send_headers(
        &mut self,
        wire: &mut Wire,
        headers: &H2Headers,
    ) -> Result<(), Fault> {
        let stream = self.number(&headers.stream)?;
        let block = frame::header_block(&headers.headers);
        let size = headers.split.unwrap_or(frame::LARGEST - 256).max(1);
        let mut pieces: Vec<&[u8]> = block.chunks(size).collect();
        if pieces.is_empty() {
            pieces.push(&[]);
        }
        let mut out = Vec::new();
        let last = pieces.len() - 1;
        for (index, piece) in pieces.into_iter().enumerate() {
            let ends = index == last && headers.end_headers.unwrap_or(true);
            let mut flags = if ends { frame::END_HEADERS } else { 0 };
            if index > 0 {
                frame::write(&mut out, frame::CONTINUATION, flags, stream, piece);
                continue;
            }
            if headers.end_stream {
                flags |= frame::END_STREAM;
            }
            match headers.pad {
                Some(pad) => {
                    frame::write(
                        &mut out,
                        frame::HEADERS,
                        flags | frame::PADDED,
                        stream,
                        &frame::padded(piece, pad),
                    );
                }
                None => frame::write(&mut out, frame::HEADERS, flags, stream, piece),
            }
        }
        if headers.end_stream {
            self.ended(stream);
        }
        wire.send(&out).await
    }

    pub(crate) async fn send_data(&mut self, wire: &mut Wire, data: &H2Data) -> Result<(), Fault> {
        let stream = self.number(&data.stream)?;
        let largest = data.frame.unwrap_or(frame::LARGEST).max(1);
        let around = data.pad.map_or(0, |pad| usize::from(pad) + 1);
        let mut rest = data.data.as_slice();
        loop {
            let mut size = rest.len().min(largest);
            if !data.ignore_window {
                // Padding counts against the window like content (RFC 9113 section 6.1),
                // and a padded frame is not made smaller, lest it be nothing but padding.
                let whole = size + around;
                let least = if around > 0 { whole } else { size.min(1) };
                size = self.reserve(wire, stream, least, whole).await? - around;
            }
            let (piece, after) = rest.split_at(size);
            rest = after;
            let mut flags = if rest.is_empty() && data.end_stream {
                frame::END_STREAM
            } else {
                0
            };
            let mut out = Vec::new();
            if let Some(pad) = data.pad {
                flags |= frame::PADDED;
                frame::write(
                    &mut out,
                    frame::DATA,
                    flags,
                    stream,
                    &frame::padded(piece, pad),
                );
            } else {
                frame::write(&mut out, frame::DATA, flags, stream, piece);
            }
            wire.send(&out).await?;
            if rest.is_empty() {
                break;
            }
        }
        if data.end_stream {
            self.ended(stream);
        }
        Ok(())
    }

    pub(crate) async fn send_rst(&mut self, wire: &mut Wire, rst: &H2Rst) -> Result<(), Fault> {
        let stream = self.number(&rst.stream)?;
        self.ended(stream);
        send_one(wire, frame::RST_STREAM, 0, stream, &rst.code.to_be_bytes()).await
    }

    pub(crate) async fn send_goaway(
        &self,
        wire: &mut Wire,
        goaway: &H2Goaway,
    ) -> Result<(), Fault> {
        let mut payload = self.number(&goaway.last_stream)?.to_be_bytes().to_vec();
        payload.extend_from_slice(&goaway.code.to_be_bytes());
        payload.extend_from_slice(goaway.debug.as_slice());
        send_one(wire, frame::GOAWAY, 0, 0, &payload).await
    }

    pub(crate) async fn send_ping(&self, wire: &mut Wire, payload: &[u8]) -> Result<(), Fault> {
        send_one(wire, frame::PING, 0, 0, payload).await
    }

    pub(crate) async fn send_window_update(
        &self,
        wire: &mut Wire,
        update: &H2WindowUpdate,
    ) -> Result<(), Fault> {
        let stream = self.number(&update.stream)?;
        send_one(
            wire,
            frame::WINDOW_UPDATE,
            0,
            stream,
            &update.increment.to_be_bytes(),
        )
        .await
    }

    pub(crate) async fn send_settings(
        &self,
        wire: &mut Wire,
        settings: &std::collections::BTreeMap<String, u32>,
    ) -> Result<(), Fault> {
        send_one(wire, frame::SETTINGS, 0, 0, &settings_payload(settings)?).await
    }

    pub(crate) async fn send_frame(&self, wire: &mut Wire, any: &H2Frame) -> Result<(), Fault> {
        let mut out = Vec::new();
        let payload = any.payload.as_slice();
        let length = any.length.unwrap_or(payload.len() as u32);
        frame::write_declaring(
            &mut out,
            length,
            any.r#type,
            any.flags,
            self.number(&any.stream)?,
            payload,
        );
        wire.send(&out).await
    }
}

async fn send_one(
    wire: &mut Wire,
    kind: u8,
    flags: u8,
    stream: u32,
    payload: &[u8],
) -> Result<(), Fault> {
    let mut out = Vec::new();
    frame::write(&mut out, kind, flags, stream, payload);
    wire.send(&out).await
}
