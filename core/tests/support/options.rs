//! Options by the names that the case files use.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use serde_json::Value;
use trunkline::{
    Auth, AwsPayload, AwsSigV4, Body, DelayOption, Drive, HttpVersions, ManagerOptions,
    PolicyOverrides, Request, Retry,
};
use trunkline_test_server::script::{self, Case, Protocol};

/// The manager's options of a case.
pub fn manager_options(case: &Case, drive: Drive) -> ManagerOptions {
    let mut options = ManagerOptions {
        drive,
        ..Default::default()
    };
    match case.protocol {
        Protocol::Http2 => options.http = HttpVersions::Http2,
        Protocol::Upgrade => options.http = HttpVersions::Upgrade,
        _ => {}
    }
    let mut policy = PolicyOverrides::default();
    for (name, value) in &case.manager {
        if set_policy(&mut policy, name, value) {
            continue;
        }
        if name == "user_agent" {
            value.as_str().unwrap().clone_into(&mut options.user_agent);
            continue;
        }
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
    options.policy = policy.over(&options.policy);
    options
}

/// A request of a case, to the port that plays it.
pub fn request(case: &Case, script: &script::Request, port: u16) -> Request {
    let scheme = if case.protocol.is_websocket() {
        "ws"
    } else {
        "http"
    };
    let url = format!("{scheme}://127.0.0.1:{port}{}", script.path);
    let mut request = Request::new(&script.method, &url).unwrap();
    if case.protocol == Protocol::WebsocketHttp2 {
        request.http(HttpVersions::Http2);
    }
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
        if set_policy(request.policy(), name, value) {
            continue;
        }
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

/// Options that a manager and a request have alike. False where the name is none of them.
fn set_policy(policy: &mut PolicyOverrides, name: &str, value: &Value) -> bool {
    let number = value.as_u64();
    let text = |index: usize| value[index].as_str().unwrap().to_owned();
    match name {
        "follow_redirects" => policy.follow_redirects = value.as_bool(),
        "max_redirects" => policy.max_redirects = number.map(|number| number as u32),
        "redirect_trusted" => policy.redirect_trusted = value.as_bool(),
        "redirect_downgrade" => policy.redirect_downgrade = value.as_bool(),
        "retry" => {
            policy.retry = Some(match value.as_str() {
                Some("safe_transient") => Retry::SafeTransient,
                Some("transient") => Retry::Transient,
                _ => Retry::Off,
            });
        }
        "max_retries" => policy.max_retries = number.map(|number| number as u32),
        "retry_delay" => {
            let pause = Duration::from_millis(number.unwrap());
            policy.retry_delay = Some(DelayOption(Some(Arc::new(move |_| pause))));
        }
        "auth_basic" => {
            policy.auth = Some(Auth::Basic {
                user: text(0),
                password: text(1),
            });
        }
        "auth_digest" => {
            policy.auth = Some(Auth::Digest {
                user: text(0),
                password: text(1),
            });
        }
        "auth_bearer" => policy.auth = Some(Auth::Bearer(value.as_str().unwrap().to_owned())),
        "auth_literal" => policy.auth = Some(Auth::Literal(value.as_str().unwrap().to_owned())),
        "auth_netrc" => {
            let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/cases");
            policy.auth = Some(Auth::Netrc(Some(folder.join(value.as_str().unwrap()))));
        }
        "auth_aws_sigv4" => {
            let mut signer = AwsSigV4::new(text(0), text(1), text(3));
            signer.session_token = Some(text(2)).filter(|token| !token.is_empty());
            signer.region = text(4);
            policy.auth = Some(Auth::AwsSigV4(signer));
        }
        "aws_sigv4_date" => {
            signer(policy).date =
                Some(SystemTime::UNIX_EPOCH + Duration::from_secs(number.unwrap()));
        }
        "aws_sigv4_payload" => {
            signer(policy).payload = match value.as_str() {
                Some("unsigned") => AwsPayload::Unsigned,
                _ => AwsPayload::Signed,
            };
        }
        "auth_callback" => {
            let mut chosen = PolicyOverrides::default();
            for (name, value) in value.as_object().unwrap() {
                assert!(set_policy(&mut chosen, name, value), "{name}");
            }
            let chosen = chosen.auth.unwrap();
            policy.auth = Some(Auth::Callback(Arc::new(move |_| Ok(chosen.clone()))));
        }
        "status_errors" => policy.status_errors = value.as_bool(),
        "decode" => policy.decode = value.as_bool(),
        "max_decoded_bytes" => policy.max_decoded_bytes = number,
        "cookies" => policy.cookies = value.as_bool(),
        "expect_continue" => policy.expect_continue = Some(number.map(Duration::from_millis)),
        _ => return false,
    }
    true
}

fn signer(policy: &mut PolicyOverrides) -> &mut AwsSigV4 {
    match &mut policy.auth {
        Some(Auth::AwsSigV4(signer)) => signer,
        _ => panic!("auth_aws_sigv4 is set first"),
    }
}
