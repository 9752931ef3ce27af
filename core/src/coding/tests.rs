//! Tests of all codings together. The vectors were made by the reference encoders: gzip 1.12, zlib, Google's brotli, zstd.

use std::io::Write;

use flate2::Compression;
use http::HeaderValue;
use http::header::CONTENT_ENCODING;

use super::*;

const GZIP: &str = "1f8b08000000000002034b54484b2d5728cf2f4a29d6514844e1e4a5289464a4e6218b2ae4e617a55aa3a91bd534aa6954d330d604003d5d10f924040000";
/// With the name of a file in its header.
const GZIP_NAMED: &str = "1f8b0808ac99016b0203776f726473004b54484b2d5728cf2f4a29d6514844e1e4a5289464a4e6218b2ae4e617a55aa3a91bd534aa6954d330d604003d5d10f924040000";
const ZLIB: &str = "78da4b54484b2d5728cf2f4a29d6514844e1e4a5289464a4e6218b2ae4e617a55aa3a91bd534aa6954d330d6040004696a68";
const RAW_DEFLATE: &str =
    "4b54484b2d5728cf2f4a29d6514844e1e4a5289464a4e6218b2ae4e617a55aa3a91bd534aa6954d330d60400";
const BROTLI: &str = "1b2304308c946edeb406092b339b3b6e77b001076e41a40b8d13c03091030a308be1f327df7f8886753289f2531300";
const ZSTD: &str = "28b52ffd0468450100d8612066657720776f7264732c206e64207468656e206d6f72653b200300ecb1aa4c4ece00797e011288c762";
const ALL: [(&str, &str); 6] = [
    ("gzip", GZIP),
    ("x-gzip", GZIP_NAMED),
    ("deflate", ZLIB),
    ("deflate", RAW_DEFLATE),
    ("br", BROTLI),
    ("zstd", ZSTD),
];
/// 64 MiB of zeros.
const BROTLI_ZEROS: &str = "cfffff7ff82700e2b14020f7fe9ffffffff04f00c4610180eefd3fffffffe19f0088c32200ddfb7ffeffffc33f0110870500baf7ff03";

const NO_LIMITS: Limits = Limits { bytes: 0, ratio: 0 };

fn text() -> Vec<u8> {
    b"a few words, a few words, and then a few words more; ".repeat(20)
}

fn unhex(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex
        .chars()
        .map(|digit| digit.to_digit(16).unwrap() as u8)
        .collect();
    digits
        .chunks(2)
        .map(|pair| pair[0] * 16 + pair[1])
        .collect()
}

/// Numbers that are the same in each run (xorshift).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| (self.next() >> 24) as u8).collect()
    }
}

/// Bytes that can be made smaller, but not by much.
fn mixed(count: usize) -> Vec<u8> {
    Random(7)
        .bytes(count)
        .into_iter()
        .map(|byte| byte & 15)
        .collect()
}

fn gzip(data: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

fn zlib(data: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

fn raw_deflate(data: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

fn zstd(data: &[u8]) -> Vec<u8> {
    let mut encoded = vec![0; zstd_safe::compress_bound(data.len())];
    let count = zstd_safe::compress(&mut encoded[..], data, 1).unwrap();
    encoded.truncate(count);
    encoded
}

fn decoder(encoding: &str, limits: Limits) -> Decoder {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_ENCODING, HeaderValue::from_str(encoding).unwrap());
    Decoder::new(&headers, limits).unwrap().unwrap()
}

impl Decoder {
    /// Bytes held, the codecs' own states not counted.
    fn held(&self) -> usize {
        let layers = self.layers.iter().map(|layer| layer.output.capacity());
        self.wire.data.len() + layers.sum::<usize>()
    }
}

/// Pulls all there is into `out`.
fn drain(decoder: &mut Decoder, out: &mut Vec<u8>) -> Result<()> {
    while let Some(piece) = decoder.pull()? {
        assert!(piece.len() <= DECODE_PIECE);
        out.extend_from_slice(&piece);
    }
    Ok(())
}

/// What came out, and the error it ended with.
fn decode<'a>(
    encoding: &str,
    limits: Limits,
    pieces: impl IntoIterator<Item = &'a [u8]>,
) -> (Vec<u8>, Option<ErrorCode>) {
    let mut decoder = decoder(encoding, limits);
    let mut out = Vec::new();
    for piece in pieces {
        assert!(!decoder.is_done());
        decoder.push(Bytes::copy_from_slice(piece));
        if let Err(error) = drain(&mut decoder, &mut out) {
            assert_eq!(decoder.pull().unwrap_err().code(), error.code());
            assert!(!decoder.is_done());
            return (out, Some(error.code()));
        }
    }
    decoder.finish();
    let end = drain(&mut decoder, &mut out);
    assert_eq!(decoder.is_done(), end.is_ok());
    (out, end.err().map(|error| error.code()))
}

fn whole(encoding: &str, data: &[u8]) -> (Vec<u8>, Option<ErrorCode>) {
    decode(encoding, NO_LIMITS, [data])
}

#[test]
fn a_decoder_moves_between_threads() {
    fn moves<T: Send>() {}
    moves::<Decoder>();
}

#[test]
fn nothing_is_decoded_that_is_not_coded_or_not_known() {
    let mut headers = HeaderMap::new();
    assert!(Decoder::new(&headers, NO_LIMITS).unwrap().is_none());
    for encoding in ["identity", "compress", "gzip, aes"] {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_str(encoding).unwrap());
        assert!(Decoder::new(&headers, NO_LIMITS).unwrap().is_none());
    }
}

#[test]
fn vectors_are_decoded_however_they_are_cut() {
    for (encoding, vector) in ALL {
        let data = unhex(vector);
        for at in 0..=data.len() {
            let pieces = [&data[..at], &data[at..]];
            assert_eq!(decode(encoding, NO_LIMITS, pieces), (text(), None), "{at}");
        }
        assert_eq!(decode(encoding, NO_LIMITS, data.chunks(1)), (text(), None));
    }
}

#[test]
fn large_bodies_go_round() {
    let data = mixed(300_000);
    let cases = [
        ("gzip", gzip(&data)),
        ("deflate", zlib(&data)),
        ("deflate", raw_deflate(&data)),
        ("zstd", zstd(&data)),
        ("deflate, gzip", gzip(&zlib(&data))),
        ("zstd, identity, deflate", raw_deflate(&zstd(&data))),
        (
            "gzip, zstd, gzip, deflate",
            zlib(&gzip(&zstd(&gzip(&data)))),
        ),
    ];
    for (encoding, body) in &cases {
        for size in [1000, 65_536, body.len()] {
            let (out, error) = decode(encoding, NO_LIMITS, body.chunks(size));
            assert!(
                out == data && error.is_none(),
                "{encoding} {size} {error:?}"
            );
        }
    }
}

#[test]
fn two_layers_are_decoded_however_they_are_cut() {
    let cases = [
        ("br, gzip", gzip(&unhex(BROTLI))),
        ("zstd, deflate", zlib(&unhex(ZSTD))),
        ("gzip, zstd", zstd(&unhex(GZIP))),
    ];
    for (encoding, data) in cases {
        for at in 0..=data.len() {
            let pieces = [&data[..at], &data[at..]];
            assert_eq!(decode(encoding, NO_LIMITS, pieces), (text(), None), "{at}");
        }
        assert_eq!(decode(encoding, NO_LIMITS, data.chunks(1)), (text(), None));
    }
}

#[test]
fn what_is_pushed_without_pulling_is_kept() {
    let mut decoder = decoder("gzip", NO_LIMITS);
    for piece in unhex(GZIP).chunks(5) {
        decoder.push(Bytes::copy_from_slice(piece));
    }
    decoder.finish();
    decoder.push(Bytes::from_static(b"nothing comes after the end"));
    let mut out = Vec::new();
    drain(&mut decoder, &mut out).unwrap();
    assert!(decoder.is_done());
    assert_eq!(out, text());
    assert!(decoder.pull().unwrap().is_none());
    assert_eq!(decoder.held(), 0);
}

#[test]
fn an_empty_body_is_whole() {
    for encoding in ["gzip", "deflate", "br", "zstd", "gzip, br"] {
        assert_eq!(decode(encoding, NO_LIMITS, []), (Vec::new(), None));
        assert_eq!(whole(encoding, b""), (Vec::new(), None));
    }
}

#[test]
fn a_body_that_is_cut_short_fails() {
    for (encoding, vector) in ALL {
        let data = unhex(vector);
        for end in 1..data.len() {
            let (out, error) = whole(encoding, &data[..end]);
            assert_eq!(error, Some(ErrorCode::DecodeFailed), "{encoding} {end}");
            assert!(text().starts_with(&out), "what came before stands");
        }
    }
    let data = gzip(&unhex(ZSTD)[..30]);
    assert_eq!(whole("zstd, gzip", &data).1, Some(ErrorCode::DecodeFailed));
}

#[test]
fn members_and_frames_follow_each_other() {
    // The last frame is one to be skipped (RFC 8878, 3.1.2).
    let skipped = "502a4d1803000000aabbcc";
    let cases = [
        ("gzip", unhex(&[GZIP, GZIP_NAMED].concat())),
        ("zstd", unhex(&[ZSTD, ZSTD, skipped].concat())),
    ];
    for (encoding, data) in cases {
        let expected = (text().repeat(2), None);
        for at in 0..=data.len() {
            let pieces = [&data[..at], &data[at..]];
            assert_eq!(decode(encoding, NO_LIMITS, pieces), expected, "{at}");
        }
        assert_eq!(decode(encoding, NO_LIMITS, data.chunks(1)), expected);
    }
}

#[test]
fn what_follows_the_end_is_ignored() {
    let garbage: [&[u8]; 5] = [b"\0", b"\x1f", b"\x1f\x8b", b"\x1f\x8b\x07rest", b"garbage"];
    for (encoding, vector) in ALL {
        for garbage in garbage.iter().filter(|_| encoding != "zstd") {
            let data = [&unhex(vector)[..], garbage].concat();
            assert_eq!(whole(encoding, &data), (text(), None));
            assert_eq!(decode(encoding, NO_LIMITS, data.chunks(1)), (text(), None));
        }
    }
    let data = [&unhex(ZSTD)[..], b"garbage"].concat();
    assert_eq!(
        whole("zstd", &data),
        (text(), Some(ErrorCode::DecodeFailed))
    );
    let data = [&unhex(GZIP)[..], &unhex(GZIP)[..20]].concat();
    assert_eq!(whole("gzip", &data).1, Some(ErrorCode::DecodeFailed));
}

#[test]
fn checksums_are_compared() {
    for (encoding, vector, from_end) in [("gzip", GZIP, 8), ("deflate", ZLIB, 4), ("zstd", ZSTD, 4)]
    {
        let mut data = unhex(vector);
        let at = data.len() - from_end;
        data[at] ^= 1;
        let (_, error) = whole(encoding, &data);
        assert_eq!(error, Some(ErrorCode::DecodeFailed), "{encoding}");
    }
}

#[test]
fn windows_are_bounded() {
    // A frame with a window descriptor and one raw block, "abc" (RFC 8878, 3.1.1).
    let frame = |window: &str| unhex(&["28b52ffd00", window, "190000616263"].concat());
    assert_eq!(whole("zstd", &frame("68")), (b"abc".to_vec(), None));
    for window in ["69", "70", "f8"] {
        let (_, error) = whole("zstd", &frame(window));
        assert_eq!(error, Some(ErrorCode::DecodeFailed), "{window}");
    }
    // The beginning of a brotli stream with a "large window" of 30 bits, no part of RFC 7932.
    let (_, error) = whole("br", &[0x11, 0x1e, 0x03, 0x03]);
    assert_eq!(error, Some(ErrorCode::DecodeFailed));
}

/// A gzip of zeros without an end, in pieces of its own: each gives 1 MiB and needs none before it.
fn endless_zeros() -> impl Iterator<Item = Bytes> {
    let mut compress = flate2::Compress::new(Compression::best(), false);
    let mut block = Vec::with_capacity(1 << 20);
    let zeros = vec![0; 1 << 20];
    let flush = flate2::FlushCompress::Full;
    compress.compress_vec(&zeros, &mut block, flush).unwrap();
    let head = Bytes::from_static(b"\x1f\x8b\x08\0\0\0\0\0\0\x03");
    std::iter::once(head).chain(std::iter::repeat(Bytes::from(block)))
}

/// Feeds pieces until it fails; gives the bytes that came out, and the most that it held.
fn feed(decoder: &mut Decoder, pieces: impl Iterator<Item = Bytes>) -> (u64, usize, Error) {
    let (mut out, mut held) = (0, 0);
    for piece in pieces {
        decoder.push(piece);
        loop {
            held = held.max(decoder.held());
            match decoder.pull() {
                Ok(Some(piece)) => out += piece.len() as u64,
                Ok(None) => break,
                Err(error) => return (out, held, error),
            }
        }
    }
    panic!("it never failed");
}

#[test]
fn a_bomb_stops_at_the_limit_of_bytes() {
    let bytes = 8 << 20;
    let mut decoder = decoder("gzip", Limits { bytes, ratio: 0 });
    let gibibyte = endless_zeros().take(1025);
    let (out, held, error) = feed(&mut decoder, gibibyte);
    assert_eq!(error.code(), ErrorCode::DecodedTooLarge);
    assert_eq!(out, bytes);
    assert!(held < 2 * DECODE_PIECE, "{held}");
    assert_eq!(decoder.held(), 0, "what failed holds nothing");
}

#[test]
fn a_bomb_stops_at_the_limit_of_the_ratio() {
    let mut zeros = decoder(
        "gzip",
        Limits {
            bytes: 0,
            ratio: 100,
        },
    );
    let (out, held, error) = feed(&mut zeros, endless_zeros().take(1025));
    assert_eq!(error.code(), ErrorCode::DecodedTooLarge);
    assert!((DECODE_RATIO_FROM..3 << 20).contains(&out), "{out}");
    assert!(held < 2 * DECODE_PIECE, "{held}");
    let mut zeros = decoder(
        "br",
        Limits {
            bytes: 0,
            ratio: 1000,
        },
    );
    let body = Bytes::from(unhex(BROTLI_ZEROS));
    let (out, _, error) = feed(&mut zeros, std::iter::once(body));
    assert_eq!(error.code(), ErrorCode::DecodedTooLarge);
    assert_eq!(out, DECODE_RATIO_FROM);
}

#[test]
fn a_bomb_without_limits_is_decoded_as_it_is_taken() {
    let mut decoder = decoder("br", NO_LIMITS);
    decoder.push(unhex(BROTLI_ZEROS).into());
    for _ in 0..10 {
        assert_eq!(decoder.pull().unwrap().unwrap().len(), DECODE_PIECE);
        assert_eq!(decoder.layers[0].produced % DECODE_PIECE as u64, 0);
        assert!(decoder.held() < 2 * DECODE_PIECE);
    }
    assert_eq!(decoder.layers[0].produced, 10 * DECODE_PIECE as u64);
}

/// The outer coding makes very much, of which the inner one makes nothing: the limits hold there too.
#[test]
fn a_bomb_between_two_layers_is_seen() {
    let nothing = gzip(b"");
    let members = nothing.repeat((4 << 20) / nothing.len());
    let body = Bytes::from(zstd(&members));
    assert!(body.len() < 4096);
    for limits in [
        Limits {
            bytes: 1000,
            ratio: 0,
        },
        Limits {
            bytes: 0,
            ratio: 100,
        },
    ] {
        let (out, held, error) = feed(
            &mut decoder("gzip, zstd", limits),
            [body.clone()].into_iter(),
        );
        assert_eq!(error.code(), ErrorCode::DecodedTooLarge);
        assert_eq!(out, 0);
        assert!(held < 3 * DECODE_PIECE, "{held}");
    }
    let mut decoder = decoder("gzip, zstd", NO_LIMITS);
    decoder.push(body);
    decoder.finish();
    let mut pauses = 0;
    while let Some(piece) = decoder.pull().unwrap() {
        assert!(piece.is_empty());
        pauses += 1;
    }
    assert!(decoder.is_done());
    assert!(pauses > 4, "others have their turn: {pauses}");
}

#[test]
fn a_body_at_its_limits_is_whole() {
    let data = mixed(100_000);
    let limits = |bytes| Limits { bytes, ratio: 1 };
    for (encoding, body) in [("gzip", gzip(&data)), ("zstd, gzip", gzip(&zstd(&data)))] {
        let pieces = || body.chunks(10_000);
        let within = decode(encoding, limits(100_000), pieces());
        assert!(within == (data.clone(), None), "{:?}", within.1);
        let (out, error) = decode(encoding, limits(99_999), pieces());
        assert_eq!(error, Some(ErrorCode::DecodedTooLarge));
        assert!(data.starts_with(&out) && out.len() <= 99_999);
    }
}

#[test]
fn garbage_never_panics() {
    let limits = Limits {
        bytes: 1 << 20,
        ratio: 0,
    };
    let mut random = Random(42);
    for round in 0..200 {
        for (encoding, vector) in ALL {
            let mut data = unhex(vector);
            if round % 4 == 0 {
                let count = random.next() as usize % 300;
                data.truncate(round / 4 % 8);
                data.extend(random.bytes(count));
            } else {
                for _ in 0..=random.next() % 3 {
                    let at = random.next() as usize % data.len();
                    data[at] = random.next() as u8;
                }
            }
            let size = 1 + random.next() as usize % data.len().max(1);
            let once = decode(encoding, limits, data.chunks(size));
            assert!(once.0.len() as u64 <= limits.bytes);
            let (_, error) = decode(encoding, limits, [&data[..]]);
            assert_eq!(once.1, error, "the same end however it is cut");
        }
    }
}
