//! An HTTP/2 connection without a socket allocates nothing for a frame that h2 does not allocate by itself, and uses its
//! buffer for output again. What is counted is the difference between many frames and fewer, so that what is made once
//! does not count.

use std::alloc::{GlobalAlloc, Layout, System};
use std::future::Future;
use std::io;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use h2::client::Builder;
use http::Request;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use trunkline::sansio::http2::{BodyPart, Flow, Handlers, Http2Client, Http2Settings};
use trunkline::sansio::{Engine, WriteOperation, WriteResult};

/// The system's allocator, counted.
struct Counting;

static COUNT: AtomicUsize = AtomicUsize::new(0);

// SAFETY: all of it is the system's allocator's.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNT.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        COUNT.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller's promise.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// How often that allocates.
fn allocations(act: impl FnOnce()) -> usize {
    let before = COUNT.load(Ordering::Relaxed);
    act();
    COUNT.load(Ordering::Relaxed) - before
}

const PREFACE: usize = 24;
/// The bytes of a frame's payload: some frames come with one read.
const PAYLOAD: usize = 1000;
/// What a transport carries at once.
const READ: usize = 16 * 1024;
const FEW: usize = 2000;
const MANY: usize = 6000;
/// Both sides of both connections are as wide as the protocol allows.
const WINDOW: u32 = 0x7fff_ffff;

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut frame = length[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

/// SETTINGS with windows that never close, and the connection's own.
fn greeting() -> Vec<u8> {
    let mut settings = 4_u16.to_be_bytes().to_vec();
    settings.extend(WINDOW.to_be_bytes());
    let more = (WINDOW - 65_535).to_be_bytes();
    [frame(4, 0, 0, &settings), frame(8, 0, 0, &more)].concat()
}

/// An answer of as many frames of data (`:status: 200` of the static table).
fn answer(count: usize) -> Vec<u8> {
    let mut bytes = frame(1, 4, 1, &[0x88]);
    for _ in 0..count {
        bytes.extend(frame(0, 0, 1, &[b'x'; PAYLOAD]));
    }
    bytes
}

fn request() -> Request<()> {
    Request::post("http://example.test/").body(()).unwrap()
}

/// One connection of either kind, that has asked and been greeted.
trait Subject {
    fn new() -> Self;
    /// Takes in what was read, to its end.
    fn read(&mut self, bytes: &[u8]);
    /// Appends to the body of the request.
    fn write(&mut self, bytes: Bytes);
    /// Takes what there is to be sent; how much.
    fn sent(&mut self) -> usize;
    /// Bytes of the answer that came.
    fn received(&self) -> usize;
}

struct Ours {
    client: Http2Client,
    body: trunkline::sansio::http2::RequestBody,
    received: Arc<AtomicUsize>,
}

impl Subject for Ours {
    fn new() -> Ours {
        let settings = Http2Settings {
            stream_window: WINDOW,
            ..Http2Settings::default()
        };
        let client = Http2Client::new(&settings, None, |error| panic!("{error}")).unwrap();
        let received = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&received);
        let handlers = Handlers::new(
            move |_, body| {
                body.read(move |part| {
                    if let BodyPart::Data(bytes) = part {
                        count.fetch_add(bytes.len(), Ordering::Relaxed);
                    }
                    Flow::Continue
                });
            },
            |error| panic!("{error}"),
        );
        let body = client.request(request(), handlers).unwrap();
        let mut ours = Ours {
            client,
            body,
            received,
        };
        assert!(ours.sent() > PREFACE);
        ours.read(&greeting());
        ours.sent();
        ours
    }

    fn read(&mut self, bytes: &[u8]) {
        let mut taken = 0;
        while taken < bytes.len() {
            taken += self.client.read(&bytes[taken..]);
        }
    }

    fn write(&mut self, bytes: Bytes) {
        self.body.write(bytes).unwrap();
    }

    fn sent(&mut self) -> usize {
        let mut all = 0;
        while let WriteOperation::Write(vectors) = self.client.next_write_operation() {
            let count = vectors.remaining();
            drop(vectors);
            self.client.report_write_result(WriteResult::Written(count));
            all += count;
        }
        all
    }

    fn received(&self) -> usize {
        self.received.load(Ordering::Relaxed)
    }
}

/// The least that a transport in memory can be.
#[derive(Default)]
struct Wire {
    input: Vec<u8>,
    taken: usize,
    sent: usize,
}

#[derive(Clone, Default)]
struct Pipe(Arc<Mutex<Wire>>);

impl AsyncRead for Pipe {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let mut wire = self.0.lock().unwrap();
        let count = buf.remaining().min(wire.input.len() - wire.taken);
        if count == 0 {
            return Poll::Pending;
        }
        buf.put_slice(&wire.input[wire.taken..wire.taken + count]);
        wire.taken += count;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Pipe {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.0.lock().unwrap().sent += buf.len();
        Poll::Ready(Ok(buf.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

struct H2 {
    pipe: Pipe,
    connection: h2::client::Connection<Pipe, Bytes>,
    response: Option<h2::client::ResponseFuture>,
    body: Option<h2::RecvStream>,
    upload: h2::SendStream<Bytes>,
    _sender: h2::client::SendRequest<Bytes>,
    received: usize,
}

impl H2 {
    fn poll(&mut self) {
        let cx = &mut Context::from_waker(Waker::noop());
        assert!(Pin::new(&mut self.connection).poll(cx).is_pending());
        if let Some(response) = &mut self.response
            && let Poll::Ready(answer) = Pin::new(response).poll(cx)
        {
            self.body = Some(answer.unwrap().into_body());
            self.response = None;
        }
        if let Some(body) = &mut self.body {
            while let Poll::Ready(Some(data)) = body.poll_data(cx) {
                let count = data.unwrap().len();
                self.received += count;
                body.flow_control().release_capacity(count).unwrap();
            }
        }
    }
}

impl Subject for H2 {
    fn new() -> H2 {
        let cx = &mut Context::from_waker(Waker::noop());
        let pipe = Pipe::default();
        let mut builder = Builder::new();
        builder
            .initial_window_size(WINDOW)
            .initial_connection_window_size(WINDOW)
            .max_send_buffer_size(trunkline::limits::UPLOAD_BUFFER);
        let handshake = pin!(builder.handshake::<_, Bytes>(pipe.clone()));
        let Poll::Ready(Ok((mut sender, connection))) = handshake.poll(cx) else {
            panic!("no handshake");
        };
        let (response, upload) = sender.send_request(request(), false).unwrap();
        let mut h2 = H2 {
            pipe,
            connection,
            response: Some(response),
            body: None,
            upload,
            _sender: sender,
            received: 0,
        };
        h2.read(&greeting());
        h2.sent();
        h2
    }

    fn read(&mut self, bytes: &[u8]) {
        let mut wire = self.pipe.0.lock().unwrap();
        wire.taken = 0;
        wire.input.clear();
        wire.input.extend_from_slice(bytes);
        drop(wire);
        self.poll();
        let wire = self.pipe.0.lock().unwrap();
        assert_eq!(wire.taken, wire.input.len());
    }

    fn write(&mut self, bytes: Bytes) {
        self.upload.reserve_capacity(bytes.len());
        self.upload.send_data(bytes, false).unwrap();
    }

    fn sent(&mut self) -> usize {
        self.poll();
        std::mem::take(&mut self.pipe.0.lock().unwrap().sent)
    }

    fn received(&self) -> usize {
        self.received
    }
}

/// Allocations while so many frames of data come in.
fn receiving<S: Subject>(count: usize) -> usize {
    let mut subject = S::new();
    let bytes = answer(count);
    let counted = allocations(|| {
        for piece in bytes.chunks(READ) {
            subject.read(piece);
            subject.sent();
        }
    });
    assert_eq!(subject.received(), count * PAYLOAD);
    counted
}

/// Allocations while so many pieces of a body go out.
fn sending<S: Subject>(count: usize) -> usize {
    static PIECE: [u8; PAYLOAD] = [b'x'; PAYLOAD];
    let mut subject = S::new();
    let mut sent = 0;
    let counted = allocations(|| {
        for _ in 0..count / 10 {
            for _ in 0..10 {
                subject.write(Bytes::from_static(&PIECE));
            }
            sent += subject.sent();
        }
    });
    assert_eq!(sent, count * (PAYLOAD + 9));
    counted
}

/// What further frames cost.
fn further(run: fn(usize) -> usize) -> usize {
    // The first run fills what is made once for a process.
    run(FEW);
    run(MANY).saturating_sub(run(FEW))
}

#[test]
fn a_frame_costs_no_allocation_of_our_own() {
    let (ours, theirs) = (further(receiving::<Ours>), further(receiving::<H2>));
    println!("receiving: {ours}, h2 alone: {theirs}");
    assert!(ours <= theirs, "{ours} allocations, h2 alone {theirs}");
    let (ours, theirs) = (further(sending::<Ours>), further(sending::<H2>));
    println!("sending: {ours}, h2 alone: {theirs}");
    assert!(ours <= theirs, "{ours} allocations, h2 alone {theirs}");

    // Then nothing is allocated at all, for the buffer of what is to be written is used again.
    let mut subject = Ours::new();
    let mut piece_by_piece = || {
        for _ in 0..1000 {
            subject.write(Bytes::from_static(&[b'x'; PAYLOAD]));
            assert_eq!(subject.sent(), PAYLOAD + 9);
        }
    };
    piece_by_piece();
    assert_eq!(allocations(piece_by_piece), 0);
}
