//! Options by the names that the case files use.

use std::time::Duration;

use trunkline::{Body, Drive, HttpVersions, ManagerOptions, Request};
use trunkline_test_server::script::{self, Case, Protocol};

/// The manager's options of a case.
pub fn manager_options(case: &Case, drive: Drive) -> ManagerOptions {
    let mut options = ManagerOptions {
        drive,
        ..Default::default()
    };
    if case.protocol == Protocol::Http2 {
        options.http = HttpVersions::Http2;
    }
    for (name, value) in &case.manager {
        let number = value
            .as_u64()
            .unwrap_or_else(|| panic!("{}: option {name} is not a number", case.name));
        let size = number as usize;
        match name.as_str() {
            "http2_max_concurrent_streams" => options.http2_max_concurrent_streams = size,
            "max_connections_per_origin" => options.max_connections_per_origin = size,
            "max_connections" => options.max_connections = size,
            "idle_connection_timeout" => {
                options.idle_connection_timeout = Duration::from_millis(number);
            }
            "max_header_bytes" => options.max_header_bytes = size,
            "max_headers" => options.max_headers = size,
            "max_body_bytes" => options.max_body_bytes = number,
            "websocket_max_message_bytes" => options.websocket_max_message_bytes = size,
            "websocket_max_frame_bytes" => options.websocket_max_frame_bytes = size,
            other => panic!("{}: no manager option is named {other}", case.name),
        }
    }
    options
}

/// A request of a case, to the port that plays it.
pub fn request(case: &Case, script: &script::Request, port: u16) -> Request {
    let scheme = if case.protocol == Protocol::Websocket {
        "ws"
    } else {
        "http"
    };
    let url = format!("{scheme}://127.0.0.1:{port}{}", script.path);
    let mut request = Request::new(&script.method, &url).unwrap();
    for (name, value) in &script.headers {
        request.header(name, value.as_bytes()).unwrap();
    }
    if let Some(body) = &script.body {
        request.body(Body::from(body.as_slice().to_vec()));
    }
    if script.body_chunks.is_some() {
        request.streamed_body(None);
    }
    for (name, value) in &script.options {
        let time = value
            .as_u64()
            .map(|millis| (millis > 0).then(|| Duration::from_millis(millis)));
        let timeouts = request.timeouts();
        match name.as_str() {
            "pool_timeout" => timeouts.pool = time,
            "connect_timeout" => timeouts.connect = time,
            "write_timeout" => timeouts.write = time,
            "first_byte_timeout" => timeouts.first_byte = time,
            "idle_timeout" => timeouts.idle = time,
            "total_timeout" => timeouts.total = time,
            "replay" => {
                request.replay(value.as_bool().unwrap());
            }
            "credit" => {
                request.credit(value.as_u64().unwrap() as usize);
            }
            other => panic!("{}: no request option is named {other}", case.name),
        }
    }
    request
}
