//! Amazon's vectors: the published "aws-sig-v4-test-suite", and the examples of S3's reference.

use std::time::Duration;

use http::{HeaderMap, Method};

use super::*;

const UNRESERVED: &str = "-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// The whole suite, but for get-header-value-multiline: no field can hold a line break. Host and date are the same in all.
/// A row has name, method, path and query, fields with `~` between them, body, names that are signed, signature.
const SUITE: &str = r#"
get-header-key-duplicate|GET|/|my-header1:value2~my-header1:value2~my-header1:value1||host;my-header1;x-amz-date|c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea
get-header-value-order|GET|/|my-header1:value4~my-header1:value1~my-header1:value3~my-header1:value2||host;my-header1;x-amz-date|08c7e5a9acfcfeb3ab6b2185e75ce8b1deb5e634ec47601a50643f830c755c01
get-header-value-trim|GET|/|my-header1:value1~my-header2:"a   b   c"||host;my-header1;my-header2;x-amz-date|acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736
get-utf8|GET|/ሴ|||host;x-amz-date|8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85
get-vanilla-empty-query-key|GET|/?Param1=value1|||host;x-amz-date|a67d582fa61cc504c4bae71f336f98b97f1ea3c7a6bfe1b6e45aec72011b9aeb
get-vanilla-query-order-encoded|GET|/?Param-3=Value3&Param=Value2&%E1%88%B4=Value1|||host;x-amz-date|371d3713e185cc334048618a97f809c9ffe339c62934c032af5a0e595648fcac
get-vanilla-query-order-key-case|GET|/?Param2=value2&Param1=value1|||host;x-amz-date|b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500
get-vanilla-query-order-key|GET|/?Param1=value2&Param1=Value1|||host;x-amz-date|eedbc4e291e521cf13422ffca22be7d2eb8146eecf653089df300a15b2382bd1
get-vanilla-query-order-value|GET|/?Param1=value2&Param1=value1|||host;x-amz-date|5772eed61e12b33fae39ee5e7012498b51d56abc0abb7c60486157bd471c4694
get-vanilla-query|GET|/|||host;x-amz-date|5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31
get-vanilla-utf8-query|GET|/?ሴ=bar|||host;x-amz-date|2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04
get-vanilla|GET|/|||host;x-amz-date|5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31
get-relative-relative|GET|/example1/example2/../..|||host;x-amz-date|5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31
get-relative|GET|/example/..|||host;x-amz-date|5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31
get-slash-dot-slash|GET|/./|||host;x-amz-date|5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31
get-slash-pointless-dot|GET|/./example|||host;x-amz-date|ef75d96142cf21edca26f06005da7988e4f8dc83a165a80865db7089db637ec5
get-slash|GET|//|||host;x-amz-date|5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31
get-slashes|GET|//example//|||host;x-amz-date|9a624bd73a37c9a373b5312afbebe7a714a789de108f0bdfe846570885f57e84
get-space|GET|/example space/|||host;x-amz-date|652487583200325589f1fba4c7e578f72c47cb61beeca81406b39ddec1366741
get-special-character|GET|/example/$delete|||host;x-amz-date|a853c9b21b528b19643d00910d35b83a10c366a10833ceefb45edd6c80e40f27
post-header-key-case|POST|/|||host;x-amz-date|5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b
post-header-key-sort|POST|/|my-header1:value1||host;my-header1;x-amz-date|c5410059b04c1ee005303aed430f6e6645f61f4dc9e1461ec8f8916fdf18852c
post-header-value-case|POST|/|my-header1:VALUE1||host;my-header1;x-amz-date|cdbc9802e29d2942e5e10b5bccfdd67c5f22c7c4e8ae67b53629efa58b974b7d
post-sts-header-after|POST|/|||host;x-amz-date|5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b
post-vanilla-empty-query-value|POST|/?Param1=value1|||host;x-amz-date|28038455d6de14eafc1f9222cf5aa6f1a96197d7deb8263271d420d138af7f11
post-vanilla-query|POST|/?Param1=value1|||host;x-amz-date|28038455d6de14eafc1f9222cf5aa6f1a96197d7deb8263271d420d138af7f11
post-vanilla|POST|/|||host;x-amz-date|5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b
post-x-www-form-urlencoded-parameters|POST|/|content-type:application/x-www-form-urlencoded; charset=utf8|Param1=value1|content-type;host;x-amz-date|1a72ec8f64bd914b0e42e42607c7fbce7fb2c7465f63e3092b3b0d39fa77a6fe
post-x-www-form-urlencoded|POST|/|content-type:application/x-www-form-urlencoded|Param1=value1|content-type;host;x-amz-date|ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a
"#;

fn headers(fields: &[(&str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in fields {
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        headers.append(name, HeaderValue::from_str(value).unwrap());
    }
    headers
}

fn signed(
    aws: &AwsSigV4,
    method: &str,
    url: &str,
    headers: &HeaderMap,
    body: Option<&[u8]>,
) -> HeaderMap {
    let request = AuthRequest {
        method: &Method::from_bytes(method.as_bytes()).unwrap(),
        url,
        host: "",
        headers,
        body,
        source: None,
    };
    aws.sign(&request).unwrap().fields.into_iter().collect()
}

fn suite() -> AwsSigV4 {
    AwsSigV4 {
        date: Some(UNIX_EPOCH + Duration::from_secs(1_440_938_160)),
        ..AwsSigV4::new(
            "AKIDEXAMPLE",
            "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
            "service",
        )
    }
}

fn expect(name: &str, all: &HeaderMap, names: &str, signature: &str) {
    let expected = format!(
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, \
         SignedHeaders={names}, Signature={signature}"
    );
    assert_eq!(all[AUTHORIZATION], expected, "{name}");
    assert_eq!(all[DATE], "20150830T123600Z", "{name}");
    assert!(all[AUTHORIZATION].is_sensitive());
}

#[test]
fn the_suite_passes() {
    let mut passed = 0;
    for row in SUITE.trim().lines() {
        let cells: Vec<&str> = row.split('|').collect();
        let [name, method, target, fields, body, names, signature] = cells[..] else {
            panic!("{row}");
        };
        let fields: Vec<_> = fields
            .split('~')
            .filter_map(|field| field.split_once(':'))
            .collect();
        let url = format!("https://example.amazonaws.com{target}");
        let all = signed(
            &suite(),
            method,
            &url,
            &headers(&fields),
            Some(body.as_bytes()),
        );
        expect(name, &all, names, signature);
        assert!(!all.contains_key(CONTENT), "{name}");
        passed += 1;
    }
    assert_eq!(passed, 29);
}

/// get-unreserved and get-vanilla-query-unreserved, which are longer than a row.
#[test]
fn unreserved_characters_stay() {
    let none = HeaderMap::new();
    let url = format!("https://example.amazonaws.com/{UNRESERVED}");
    let all = signed(&suite(), "GET", &url, &none, Some(b""));
    let signature = "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f";
    expect("path", &all, "host;x-amz-date", signature);
    let url = format!("https://example.amazonaws.com/?{UNRESERVED}={UNRESERVED}");
    let all = signed(&suite(), "GET", &url, &none, Some(b""));
    let signature = "9c3e54bfcdf0b19771a7f523ee5669cdf59bc7cc0884027167c21bb143a40197";
    expect("query", &all, "host;x-amz-date", signature);
}

/// post-sts-header-before and get-vanilla-with-session-token.
#[test]
fn a_token_is_sent_and_signed() {
    let long = "AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpSPfIeoIYRqTfl\
                fKD8YUuwthAx7mSEI/qkPpKPi/kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDYwT7WZ0wq5VSXDvp75YU9HFvl\
                Rd8Tx6q6fE8YQcHNVXAkiY9q6d+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+scqKmlzm8FDrypNC9Yjc8fPOLn9FX9KSYvKTr4rv\
                x3iSIlTJabIQwj2ICCR/oLxBA==";
    for (method, token, signature) in [
        (
            "POST",
            long,
            "85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead",
        ),
        (
            "GET",
            "6e86291e8372ff2a2260956d9b8aae1d763fbf315fa00fa31553b73ebf194267",
            "07ec1639c89043aa0e3e2de82b96708f198cceab042d4a97044c66dd9f74e7f8",
        ),
    ] {
        let aws = AwsSigV4 {
            session_token: Some(token.to_owned()),
            ..suite()
        };
        let url = "https://example.amazonaws.com/";
        // A stale token of an earlier attempt is not signed.
        let old = headers(&[("x-amz-security-token", "old"), ("x-amz-date", "old")]);
        let all = signed(&aws, method, url, &old, Some(b""));
        expect(
            method,
            &all,
            "host;x-amz-date;x-amz-security-token",
            signature,
        );
        assert_eq!(all[TOKEN], token);
        assert!(all[TOKEN].is_sensitive());
    }
}

/// "Signature Calculations for the Authorization Header", examples of Amazon S3.
#[test]
fn the_examples_of_s3_pass() {
    let aws = AwsSigV4 {
        date: Some(UNIX_EPOCH + Duration::from_secs(1_369_353_600)),
        ..AwsSigV4::new(
            "AKIAIOSFODNN7EXAMPLE",
            "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
            "s3",
        )
    };
    let put = [
        ("date", "Fri, 24 May 2013 00:00:00 GMT"),
        ("x-amz-storage-class", "REDUCED_REDUNDANCY"),
    ];
    for (method, target, fields, body, signature) in [
        (
            "GET",
            "/test.txt",
            [("range", "bytes=0-9")].as_slice(),
            "",
            "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
        ),
        (
            "PUT",
            "/test$file.text",
            &put,
            "Welcome to Amazon S3.",
            "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
        ),
        (
            "GET",
            "/?lifecycle",
            &[],
            "",
            "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543",
        ),
        (
            "GET",
            "/?max-keys=2&prefix=J",
            &[],
            "",
            "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
        ),
    ] {
        let url = format!("https://examplebucket.s3.amazonaws.com{target}");
        let all = signed(&aws, method, &url, &headers(fields), Some(body.as_bytes()));
        let value = all[AUTHORIZATION].to_str().unwrap();
        assert!(value.ends_with(signature), "{target}: {value}");
        assert_eq!(all[CONTENT], sha256(body.as_bytes()));
    }
}

#[test]
fn a_body_that_is_not_known_is_not_signed() {
    let aws = suite();
    let unsigned = AwsSigV4 {
        payload: AwsPayload::Unsigned,
        ..aws.clone()
    };
    let (url, none) = ("http://h:81/", HeaderMap::new());
    let streamed = signed(&aws, "PUT", url, &none, None);
    assert_eq!(streamed[CONTENT], "UNSIGNED-PAYLOAD");
    assert_eq!(
        streamed,
        signed(&unsigned, "PUT", url, &none, Some(b"body"))
    );
    // Whoever knows the hash of what is streamed may say so.
    let told = headers(&[("x-amz-content-sha256", &sha256(b"body"))]);
    let all = signed(&aws, "PUT", url, &told, None);
    assert_eq!(all, signed(&unsigned, "PUT", url, &told, Some(b"body")));
    assert_ne!(all[AUTHORIZATION], streamed[AUTHORIZATION]);
}

#[test]
fn what_changes_on_the_way_is_not_signed() {
    let url = "https://example.amazonaws.com/";
    let plain = signed(&suite(), "GET", url, &HeaderMap::new(), Some(b""));
    let more = headers(&[
        ("authorization", "old"),
        ("user-agent", "a"),
        ("connection", "close"),
        ("x-amzn-trace-id", "b"),
    ]);
    assert_eq!(plain, signed(&suite(), "GET", url, &more, Some(b"")));
    let host = headers(&[("host", "other")]);
    assert_ne!(plain, signed(&suite(), "GET", url, &host, Some(b"")));
}

#[test]
fn wrong_credentials_and_dates_are_refused() {
    let method = Method::GET;
    let request = AuthRequest {
        method: &method,
        url: "http://h/",
        host: "h",
        headers: &HeaderMap::new(),
        body: None,
        source: None,
    };
    let mut wrong = vec![suite(); 6];
    wrong[0].access_key.push('\n');
    wrong[1].secret_key.push('\0');
    wrong[2].session_token = Some("a\rb".to_owned());
    wrong[3].service.push('\n');
    wrong[4].region.push('\n');
    wrong[5].date = UNIX_EPOCH.checked_sub(Duration::from_secs(1));
    for aws in wrong {
        let error = aws.sign(&request).err().unwrap();
        assert_eq!(error.code(), ErrorCode::InvalidArgument, "{error}");
        assert!(!error.message().contains("wJalr"), "{error}");
    }
    let far = UNIX_EPOCH + Duration::from_secs(1 << 40);
    assert_eq!(
        timestamp(far).unwrap_err().code(),
        ErrorCode::InvalidArgument
    );
    assert_eq!(timestamp(UNIX_EPOCH).unwrap(), "19700101T000000Z");
    let leap = UNIX_EPOCH + Duration::from_secs(1_709_251_199);
    assert_eq!(timestamp(leap).unwrap(), "20240229T235959Z");
}

/// The example of Amazon's "Signature calculations for the authorization header: transferring payload in multiple chunks".
#[test]
fn chunks_are_signed_one_upon_the_other() {
    let method = Method::PUT;
    let given = headers(&[
        ("content-length", "66824"),
        ("x-amz-storage-class", "REDUCED_REDUNDANCY"),
    ]);
    let aws = AwsSigV4 {
        date: Some(UNIX_EPOCH + Duration::from_secs(1_369_353_600)),
        payload: AwsPayload::Streaming,
        ..AwsSigV4::new(
            "AKIAIOSFODNN7EXAMPLE",
            "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
            "s3",
        )
    };
    let request = AuthRequest {
        method: &method,
        url: "https://s3.amazonaws.com/examplebucket/chunkObject.txt",
        host: "s3.amazonaws.com",
        headers: &given,
        body: None,
        source: Some(66560),
    };
    let authorized = aws.sign(&request).unwrap();
    let all: HeaderMap = authorized.fields.into_iter().collect();
    let names = "content-encoding;content-length;host;x-amz-content-sha256;x-amz-date;\
                 x-amz-decoded-content-length;x-amz-storage-class";
    let signature = "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9";
    let authorization = all[AUTHORIZATION].to_str().unwrap();
    assert!(
        authorization.ends_with(&format!("SignedHeaders={names}, Signature={signature}")),
        "{authorization}"
    );
    let mut signer = authorized.chunks.unwrap();
    assert_eq!(ChunkSigner::encoded_length(66560), 66824);
    for (head, signature, size) in [
        (
            "10000",
            "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648",
            65536,
        ),
        (
            "400",
            "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497",
            1024,
        ),
        (
            "0",
            "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9",
            0,
        ),
    ] {
        let data = "a".repeat(size);
        let expected = format!("{head};chunk-signature={signature}\r\n{data}\r\n");
        assert!(signer.chunk(data.as_bytes()) == expected);
    }
}

#[test]
fn chunks_are_a_coding_more() {
    let aws = AwsSigV4 {
        payload: AwsPayload::Streaming,
        ..suite()
    };
    let mut request = AuthRequest {
        method: &Method::PUT,
        url: "http://h/",
        host: "h",
        headers: &headers(&[("content-encoding", "gzip")]),
        body: None,
        source: Some(10),
    };
    let all: HeaderMap = aws.sign(&request).unwrap().fields.into_iter().collect();
    assert_eq!(all["content-encoding"], "aws-chunked,gzip");
    assert_eq!(all["x-amz-decoded-content-length"], "10");
    // Of a body that is written as it comes only the head is signed.
    request.source = None;
    let authorized = aws.sign(&request).unwrap();
    assert!(authorized.chunks.is_none());
    let all: HeaderMap = authorized.fields.into_iter().collect();
    assert_eq!(all[CONTENT], "UNSIGNED-PAYLOAD");
}
