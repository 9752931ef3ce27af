//! As much of gRPC and protobuf as a unary call needs.

use trunkline::{HttpVersions, Manager, Request};

use crate::kit::fetch;

/// A protobuf field of bytes, shorter than 128.
pub fn field(number: u8, value: &[u8]) -> Vec<u8> {
    let mut bytes = vec![number << 3 | 2, value.len() as u8];
    bytes.extend_from_slice(value);
    bytes
}

/// Calls a method; the status, and the message without its prefix.
pub fn call(manager: &Manager, url: &str, message: &[u8]) -> (String, Vec<u8>) {
    let mut request = Request::new("POST", url).unwrap();
    request.http(HttpVersions::Http2);
    request.header("content-type", b"application/grpc").unwrap();
    request.header("te", b"trailers").unwrap();
    let mut body = vec![0];
    body.extend((message.len() as u32).to_be_bytes());
    body.extend_from_slice(message);
    request.body(body);
    let answer = fetch(manager, request).good();
    let fields = answer.trailers.clone();
    let fields = fields.unwrap_or_else(|| answer.head.as_ref().unwrap().headers.clone());
    let status = fields["grpc-status"].to_str().unwrap().to_owned();
    let mut message = answer.body;
    message.drain(..message.len().min(5));
    (status, message)
}
