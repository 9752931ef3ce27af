//! The HTTP/2 steps that wait for something.

use std::collections::HashSet;

use bytes::Bytes;

use super::{Event, Http2};
use crate::bytes::shown;
use crate::fields;
use crate::script::{
    H2ExpectData, H2ExpectGoaway, H2ExpectHeaders, H2ExpectRst, H2ExpectTrailers, OneOrMore,
    StreamRef,
};
use crate::wire::{Fault, Wire};

impl Http2 {
    pub(crate) async fn expect_headers(
        &mut self,
        wire: &mut Wire,
        expected: &H2ExpectHeaders,
    ) -> Result<(), Fault> {
        let fits = |event: &Event| match event {
            Event::Headers { fields, .. } => {
                let is = |name, wanted: &Option<String>| {
                    wanted.is_none() || fields::value(fields, name) == *wanted
                };
                is(":method", &expected.method) && is(":path", &expected.path)
            }
            _ => false,
        };
        let bound: HashSet<u32> = self.names.values().copied().collect();
        let (stream, event) = match &expected.stream {
            StreamRef::Number(number) => self.next(wire, |stream, _| stream == *number).await?,
            StreamRef::Name(name) if self.names.contains_key(name) => {
                return Err(format!("the stream {name:?} is open already"));
            }
            StreamRef::Name(_) => {
                self.next(wire, |stream, event| {
                    !bound.contains(&stream) && fits(event)
                })
                .await?
            }
        };
        if let StreamRef::Name(name) = &expected.stream {
            self.names.insert(name.clone(), stream);
        }
        let Event::Headers {
            fields: arrived,
            end,
        } = event
        else {
            return Err(format!(
                "expected HEADERS on stream {stream}, got {event:?}"
            ));
        };
        fields::same(
            ":method",
            expected.method.as_deref(),
            &fields::value(&arrived, ":method").unwrap_or_default(),
        )?;
        fields::same(
            ":path",
            expected.path.as_deref(),
            &fields::value(&arrived, ":path").unwrap_or_default(),
        )?;
        fields::check(&expected.headers, &arrived)?;
        match expected.end_stream {
            Some(wanted) if wanted != end => Err(format!(
                "expected HEADERS with end_stream {wanted}, got {end}"
            )),
            _ => Ok(()),
        }
    }

    pub(crate) async fn expect_data(
        &mut self,
        wire: &mut Wire,
        expected: &H2ExpectData,
    ) -> Result<(), Fault> {
        let number = self.number(&expected.stream)?;
        let mut all: Vec<u8> = Vec::new();
        let mut ended = false;
        loop {
            if let Some(body) = &expected.body {
                if !body.as_slice().starts_with(&all) {
                    return Err(format!(
                        "expected DATA {}, got {}",
                        shown(body.as_slice()),
                        shown(&all)
                    ));
                }
                if all.len() == body.len() && (ended || expected.end_stream != Some(true)) {
                    break;
                }
            }
            if ended {
                break;
            }
            match self.next(wire, |stream, _| stream == number).await? {
                (_, Event::Data { octets, end }) => {
                    all.extend_from_slice(&octets);
                    ended = end;
                }
                (_, other) => {
                    return Err(format!("expected DATA on stream {number}, got {other:?}"));
                }
            }
        }
        if let Some(body) = &expected.body
            && body.as_slice() != all
        {
            return Err(format!(
                "expected DATA {}, got {}",
                shown(body.as_slice()),
                shown(&all)
            ));
        }
        match expected.end_stream {
            Some(wanted) if wanted != ended => Err(format!(
                "expected DATA with end_stream {wanted}, got {ended}"
            )),
            _ => Ok(()),
        }
    }

    /// So many octets of the DATA of a stream, however they are cut into frames.
    pub(crate) async fn read_octets(
        &mut self,
        wire: &mut Wire,
        number: u32,
        count: usize,
    ) -> Result<Bytes, Fault> {
        loop {
            let begun = self.begun.entry(number).or_default();
            if begun.len() >= count {
                return Ok(begun.drain(..count).collect());
            }
            match self.next(wire, |stream, _| stream == number).await?.1 {
                Event::Data { octets, .. } if !octets.is_empty() => {
                    self.begun.entry(number).or_default().extend(octets);
                }
                other => {
                    return Err(format!(
                        "expected a WebSocket frame on stream {number}, got {other:?}"
                    ));
                }
            }
        }
    }

    pub(crate) async fn expect_trailers(
        &mut self,
        wire: &mut Wire,
        expected: &H2ExpectTrailers,
    ) -> Result<(), Fault> {
        let number = self.number(&expected.stream)?;
        loop {
            match self.next(wire, |stream, _| stream == number).await?.1 {
                Event::Data { octets, end: false } if octets.is_empty() => {}
                Event::Headers { fields, end: true } => {
                    return fields::check(&expected.headers, &fields);
                }
                other => {
                    return Err(format!(
                        "expected trailers on stream {number}, got {other:?}"
                    ));
                }
            }
        }
    }

    pub(crate) async fn expect_rst(
        &mut self,
        wire: &mut Wire,
        expected: &H2ExpectRst,
    ) -> Result<(), Fault> {
        let number = self.number(&expected.stream)?;
        match self
            .next(wire, |stream, event| {
                stream == number && !matches!(event, Event::Data { .. })
            })
            .await?
            .1
        {
            Event::Rst(code) => same_code("RST_STREAM", expected.code.as_ref(), code),
            other => Err(format!(
                "expected RST_STREAM on stream {number}, got {other:?}"
            )),
        }
    }

    pub(crate) async fn expect_goaway(
        &mut self,
        wire: &mut Wire,
        expected: &H2ExpectGoaway,
    ) -> Result<(), Fault> {
        match self
            .next(wire, |_, event| matches!(event, Event::Goaway(_)))
            .await?
            .1
        {
            Event::Goaway(code) => same_code("GOAWAY", expected.code.as_ref(), code),
            other => Err(format!("expected GOAWAY, got {other:?}")),
        }
    }

    pub(crate) async fn expect_ping(
        &mut self,
        wire: &mut Wire,
        payload: &[u8],
    ) -> Result<(), Fault> {
        match self
            .next(wire, |_, event| matches!(event, Event::PingAck(_)))
            .await?
            .1
        {
            Event::PingAck(got) if got == payload => Ok(()),
            other => Err(format!(
                "expected an acknowledged PING with {}, got {other:?}",
                shown(payload)
            )),
        }
    }

    pub(crate) async fn expect_settings_ack(&mut self, wire: &mut Wire) -> Result<(), Fault> {
        self.next(wire, |_, event| matches!(event, Event::SettingsAck))
            .await
            .map(|_| ())
    }

    /// Waits for the end of the connection; new requests and data before it are a fault, unless they are discarded.
    pub(crate) async fn wait_close(&mut self, wire: &mut Wire, discard: bool) -> Result<(), Fault> {
        if discard {
            return wire.wait_close(true).await;
        }
        loop {
            if let Some((stream, event)) = self
                .events
                .iter()
                .find(|(_, event)| matches!(event, Event::Headers { .. } | Event::Data { .. }))
            {
                return Err(format!(
                    "expected the end of the connection, got {event:?} on stream {stream}"
                ));
            }
            if !self.pump(wire).await? {
                return Ok(());
            }
        }
    }

    async fn next(
        &mut self,
        wire: &mut Wire,
        wanted: impl Fn(u32, &Event) -> bool,
    ) -> Result<(u32, Event), Fault> {
        loop {
            if let Some(at) = self
                .events
                .iter()
                .position(|(stream, event)| wanted(*stream, event))
                && let Some(found) = self.events.remove(at)
            {
                return Ok(found);
            }
            if !self.pump(wire).await? {
                return Err(format!(
                    "expected a frame, got the end of the connection after {:?}",
                    self.events
                ));
            }
        }
    }
}

fn same_code(what: &str, wanted: Option<&OneOrMore<u32>>, got: u32) -> Result<(), Fault> {
    match wanted {
        Some(wanted) if !wanted.holds(&got) => {
            Err(format!("expected {what} with code {wanted:?}, got {got}"))
        }
        _ => Ok(()),
    }
}
