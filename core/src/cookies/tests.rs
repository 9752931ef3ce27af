//! What the jar promises as a whole. Time is an argument of the store; the jar itself is asked only what needs none.

use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, SystemTime};

use http::header::{HeaderMap, HeaderValue, SET_COOKIE};
use url::Url;

use super::scope::Origin;
use super::store::{Refusal, Store};
use super::{Cookie, CookieJar, parse};
use crate::error::ErrorCode;
use crate::limits;

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000 + seconds)
}

fn receive(store: &mut Store, url: &str, line: &str, seconds: u64) -> Result<(), Refusal> {
    let url = Url::parse(url).unwrap();
    let received = parse::set_cookie(line.as_bytes(), at(seconds))?;
    store.receive(received, &Origin::of(&url).unwrap(), at(seconds))
}

fn sent_at(store: &Store, url: &str, seconds: u64) -> String {
    let url = Url::parse(url).unwrap();
    let field = store.header(&Origin::of(&url).unwrap(), true, at(seconds));
    String::from_utf8(field.unwrap_or_default()).unwrap()
}

/// A store that took these lines from these URLs.
fn filled(lines: &[(&str, &str)]) -> Store {
    let mut store = Store::default();
    for (url, line) in lines {
        receive(&mut store, url, line, 0).unwrap_or_else(|why| panic!("{line}: {why}"));
    }
    store
}

/// What goes to `url` of a store that took these lines.
fn sent(lines: &[(&str, &str)], url: &str) -> String {
    sent_at(&filled(lines), url, 0)
}

fn refused(url: &str, line: &str) -> bool {
    receive(&mut Store::default(), url, line, 0).is_err()
}

const SITE: &str = "https://www.example.com/a/b";

#[test]
fn the_examples_of_the_rfc_hold() {
    // RFC 6265, 3.1.
    let host = [(SITE, "SID=31d4d96e407aad42")];
    assert_eq!(sent(&host, SITE), "SID=31d4d96e407aad42");
    let wide = [(SITE, "SID=31d4d96e407aad42; Path=/; Domain=example.com")];
    assert_eq!(sent(&wide, "http://example.com/"), "SID=31d4d96e407aad42");
    let two = [
        (
            SITE,
            "SID=31d4d96e407aad42; Path=/; Domain=example.com; Secure; HttpOnly",
        ),
        (SITE, "lang=en-US; Path=/; Domain=example.com"),
    ];
    assert_eq!(sent(&two, SITE), "SID=31d4d96e407aad42; lang=en-US");
    let mut store = filled(&two);
    let gone = "lang=; Path=/; Domain=example.com; Expires=Sun, 06 Nov 1994 08:49:37 GMT";
    receive(&mut store, SITE, gone, 1).unwrap();
    assert_eq!(sent_at(&store, SITE, 1), "SID=31d4d96e407aad42");
    assert_eq!(store.count(), 1);
}

#[test]
fn a_cookie_goes_where_it_belongs_and_nowhere_else() {
    for (line, url, goes) in [
        ("a=b", "https://www.example.com/a/", true),
        ("a=b", "https://www.example.com:8443/a", true),
        ("a=b", "http://www.example.com/a/x", true),
        ("a=b", "wss://www.example.com/a/x", true),
        ("a=b", "https://www.example.com/", false),
        ("a=b", "https://www.example.com/ab", false),
        ("a=b", "https://example.com/a", false),
        ("a=b", "https://x.www.example.com/a", false),
        ("a=b; Path=/", "https://www.example.com/", true),
        ("a=b; Path=relative", "https://www.example.com/a", true),
        (
            "a=b; Domain=example.com",
            "https://other.example.com/a",
            true,
        ),
        ("a=b; Domain=.EXAMPLE.com", "https://example.com/a", true),
        ("a=b; Domain=example.com", "https://badexample.com/a", false),
        ("a=b; Domain=", "https://www.example.com/a", true),
        ("a=b; Domain=", "https://x.www.example.com/a", false),
        ("a=b; Secure", "https://www.example.com/a", true),
        ("a=b; Secure", "wss://www.example.com/a", true),
        ("a=b; Secure", "http://www.example.com/a", false),
        ("a=b; Secure", "ws://www.example.com/a", false),
    ] {
        let expected = if goes { "a=b" } else { "" };
        assert_eq!(sent(&[(SITE, line)], url), expected, "{line} to {url}");
    }
}

#[test]
fn a_site_sets_cookies_for_itself_and_its_own_domain_only() {
    for (url, line) in [
        (SITE, "a=b; Domain=other.com"),
        (SITE, "a=b; Domain=x.www.example.com"),
        (SITE, "a=b; Domain=com"),
        (SITE, "a=b; Domain=.com"),
        (SITE, "a=b; Domain=com."),
        (SITE, "a=b; Domain=ample.com"),
        ("https://a.co.uk/", "a=b; Domain=co.uk"),
        ("https://a.github.io/", "a=b; Domain=github.io"),
        ("http://192.0.2.1/", "a=b; Domain=2.1"),
        ("http://192.0.2.1/", "a=b; Domain=0.2.1"),
        ("http://www.example.com/", "a=b; Secure"),
    ] {
        assert!(refused(url, line), "{line} from {url}");
    }
    // On a public suffix itself, and for an address, a domain that names the host means the host.
    for url in ["https://github.io/", "http://localhost/"] {
        let host = Url::parse(url).unwrap().host_str().unwrap().to_owned();
        let lines = [(url, &*format!("a=b; Domain={host}"))];
        assert_eq!(sent(&lines, url), "a=b");
        assert_eq!(sent(&lines, &format!("https://x.{host}/")), "");
    }
    let address = "http://192.0.2.1/";
    assert_eq!(sent(&[(address, "a=b; Domain=192.0.2.1")], address), "a=b");
    let local = "http://[::1]:8080/";
    assert_eq!(sent(&[(local, "a=b; Secure")], local), "a=b");
}

#[test]
fn longer_paths_come_first_then_older_cookies() {
    let mut store = filled(&[
        (SITE, "short=1; Path=/"),
        (SITE, "older=1"),
        (SITE, "newer=1"),
        (SITE, "longest=1; Path=/a/b"),
    ]);
    let url = "https://www.example.com/a/b/c";
    assert_eq!(
        sent_at(&store, url, 0),
        "longest=1; older=1; newer=1; short=1"
    );
    // A new value keeps the place of the old one.
    receive(&mut store, SITE, "older=2", 5).unwrap();
    assert_eq!(
        sent_at(&store, url, 5),
        "longest=1; older=2; newer=1; short=1"
    );
    assert_eq!(store.count(), 4);
}

#[test]
fn domain_host_and_path_make_different_cookies_of_one_name() {
    let store = filled(&[
        (SITE, "a=host"),
        (SITE, "a=domain; Domain=www.example.com"),
        (SITE, "a=above; Domain=example.com"),
        (SITE, "a=root; Path=/"),
    ]);
    assert_eq!(
        sent_at(&store, SITE, 0),
        "a=host; a=domain; a=above; a=root"
    );
}

#[test]
fn nameless_cookies_and_bytes_are_sent_as_they_came() {
    let lines = [(SITE, "=x=y"), (SITE, "plain"), (SITE, "empty=")];
    // Both of the first have the empty name: the second takes the place of the first.
    assert_eq!(sent(&lines, SITE), "plain; empty=");
    assert_eq!(sent(&lines[..1], SITE), "x=y");
    let jar = CookieJar::new();
    let url = Url::parse(SITE).unwrap();
    let mut headers = HeaderMap::new();
    headers.insert(
        SET_COOKIE,
        HeaderValue::from_bytes(b"a=\xE9\xFF; Path=/").unwrap(),
    );
    jar.store(&url, &headers);
    let field = jar.header(&url, true).unwrap();
    assert_eq!(field.as_bytes(), b"a=\xE9\xFF");
    assert!(field.is_sensitive());
}

#[test]
fn a_cookie_ends_at_its_time() {
    let mut store = filled(&[(SITE, "a=b; Max-Age=10"), (SITE, "session=1")]);
    assert_eq!(sent_at(&store, SITE, 9), "a=b; session=1");
    assert_eq!(sent_at(&store, SITE, 10), "session=1");
    assert_eq!(store.cookies(at(10)).len(), 1);
    store.purge(at(10));
    assert_eq!(store.count(), 1);
    receive(&mut store, SITE, "session=; Max-Age=0", 11).unwrap();
    assert_eq!(store.count(), 0);
    receive(&mut store, SITE, "never=1; Max-Age=-1", 12).unwrap();
    assert_eq!(store.count(), 0);
}

#[test]
fn prefixes_keep_what_they_promise() {
    for (line, taken) in [
        ("__Secure-a=b; Secure", true),
        ("__Secure-a=b", false),
        ("__SECURE-a=b", false),
        ("__Host-a=b; Secure; Path=/", true),
        ("__Host-a=b; Secure; Path=/; Domain=", true),
        ("__Host-a=b; Secure", false),
        ("__Host-a=b; Path=/", false),
        ("__hOST-a=b; Path=/", false),
        ("__Host-a=b; Secure; Path=/a", false),
        ("__Host-a=b; Secure; Path=/; Domain=www.example.com", false),
        ("=__Secure-a=b; Secure", false),
        ("__Host-a; Secure; Path=/", false),
        ("__Hosta=b", true),
    ] {
        assert_eq!(!refused(SITE, line), taken, "{line}");
    }
}

#[test]
fn clear_text_leaves_secure_cookies_alone() {
    let clear = "http://www.example.com/login/x";
    for (secure, insecure, taken) in [
        ("a=1; Secure; Path=/login", "a=2; Path=/login", false),
        ("a=1; Secure; Path=/login", "a=2; Path=/login/en", false),
        ("a=1; Secure; Path=/login", "a=2; Path=/", true),
        ("a=1; Secure; Path=/login", "a=2; Path=/other", true),
        ("a=1; Secure; Path=/", "a=2; Domain=example.com", false),
        ("a=1; Secure; Path=/; Domain=example.com", "a=2", false),
        ("a=1; Secure; Path=/", "a=; Path=/; Max-Age=0", false),
        ("a=1; Secure; Path=/", "b=2", true),
        ("a=1; Path=/", "a=2; Path=/", true),
    ] {
        let mut store = filled(&[(SITE, secure)]);
        let result = receive(&mut store, clear, insecure, 0);
        assert_eq!(result.is_ok(), taken, "{secure} then {insecure}");
        let mut store = filled(&[(SITE, secure)]);
        let secured = clear.replace("http:", "https:");
        assert_eq!(receive(&mut store, &secured, insecure, 0), Ok(()));
    }
}

#[test]
fn another_site_gets_only_what_is_meant_for_others() {
    let jar = CookieJar::new();
    for line in [
        "none=1; SameSite=None; Secure",
        "lax=1; SameSite=Lax",
        "strict=1; SameSite=Strict",
        "default=1",
    ] {
        jar.set(SITE, line).unwrap();
    }
    let url = Url::parse(SITE).unwrap();
    assert_eq!(
        jar.header(&url, true).unwrap(),
        "none=1; lax=1; strict=1; default=1"
    );
    assert_eq!(jar.header(&url, false).unwrap(), "none=1");
}

#[test]
fn a_domain_keeps_fifty_and_the_secure_ones_longest() {
    let mut store = Store::default();
    receive(&mut store, SITE, "secure=1; Secure", 0).unwrap();
    receive(&mut store, SITE, "mortal=1; Max-Age=5", 0).unwrap();
    for index in 0..limits::COOKIES_PER_DOMAIN - 2 {
        receive(&mut store, SITE, &format!("c{index}=1"), 0).unwrap();
    }
    assert_eq!(store.count(), limits::COOKIES_PER_DOMAIN);
    // First goes what is over, then what is not secure and unused for longest.
    receive(&mut store, SITE, "new=1", 6).unwrap();
    assert!(sent_at(&store, SITE, 6).contains("c0=1"));
    receive(&mut store, SITE, "c0=2", 6).unwrap();
    receive(&mut store, SITE, "newer=1", 6).unwrap();
    let field = sent_at(&store, SITE, 6);
    assert!(field.contains("secure=1") && field.contains("c0=2") && !field.contains("c1=1"));
    for index in 0..10_000 {
        receive(&mut store, SITE, &format!("flood{index}=1"), 6).unwrap();
    }
    assert_eq!(store.count(), limits::COOKIES_PER_DOMAIN);
    assert!(sent_at(&store, SITE, 6).contains("secure=1"));
}

#[test]
fn a_jar_keeps_three_thousand_and_lets_the_longest_unused_go() {
    let mut store = Store::default();
    for index in 0..limits::COOKIES {
        let url = format!("https://host{index}.example/");
        receive(&mut store, &url, "a=b", 0).unwrap();
    }
    assert_eq!(sent_at(&store, "https://host0.example/", 0), "a=b");
    receive(&mut store, "https://new.example/", "a=b", 0).unwrap();
    assert_eq!(store.count(), limits::COOKIES);
    assert_eq!(sent_at(&store, "https://host0.example/", 0), "a=b");
    assert_eq!(sent_at(&store, "https://host1.example/", 0), "");
    assert_eq!(sent_at(&store, "https://new.example/", 0), "a=b");
}

#[test]
fn the_field_and_the_default_path_are_bounded() {
    let value = "x".repeat(4000);
    let mut store = Store::default();
    for index in 0..limits::COOKIES_PER_DOMAIN {
        receive(&mut store, SITE, &format!("c{index}={value}"), 0).unwrap();
    }
    receive(&mut store, SITE, "deep=1; Path=/a/b", 0).unwrap();
    let field = sent_at(&store, SITE, 0);
    assert!(field.starts_with("deep=1; c1="), "the first had to go");
    assert!(field.len() <= limits::COOKIE_HEADER_BYTES && field.len() > 60_000);
    let deep = |length: usize| format!("https://a.example/{}/x", "y".repeat(length - 1));
    assert!(!refused(&deep(limits::COOKIE_ATTRIBUTE_BYTES), "a=b"));
    assert!(refused(&deep(limits::COOKIE_ATTRIBUTE_BYTES + 1), "a=b"));
}

#[test]
fn a_jar_is_shared_counted_and_silent_about_values() {
    let jar = CookieJar::new();
    let other = jar.clone();
    let url = Url::parse(SITE).unwrap();
    assert_eq!(jar.header(&url, true), None);
    let mut headers = HeaderMap::new();
    headers.append(SET_COOKIE, HeaderValue::from_static("a=hidden; Path=/"));
    headers.append(SET_COOKIE, HeaderValue::from_static("bad=1; Domain=com"));
    headers.append(SET_COOKIE, HeaderValue::from_static("b=2; Path=/"));
    jar.store(&url, &headers);
    assert_eq!(other.header(&url, true).unwrap(), "a=hidden; b=2");
    assert_eq!(format!("{jar:?}"), "CookieJar { count: 2 }");
    assert!(!format!("{:?}", jar.cookies()).contains("hidden"));
    assert!(other.remove(".WWW.example.com", "/", "a"));
    assert!(!other.remove("www.example.com", "/", "a"));
    assert_eq!(jar.header(&url, true).unwrap(), "b=2");
    jar.clear();
    assert_eq!(other.header(&url, true), None);
    assert!(other.cookies().is_empty());
}

#[test]
fn what_the_owner_sets_wrongly_is_told() {
    let jar = CookieJar::new();
    let code = |url, line| jar.set(url, line).unwrap_err().code();
    assert_eq!(code("no url", "a=b"), ErrorCode::InvalidUrl);
    assert_eq!(code("data:x", "a=b"), ErrorCode::InvalidUrl);
    assert_eq!(code(SITE, ""), ErrorCode::InvalidArgument);
    assert_eq!(code(SITE, "a=b\r\nc: d"), ErrorCode::InvalidArgument);
    let error = jar.set(SITE, "a=hidden; Domain=com").unwrap_err();
    assert_eq!(
        error.message(),
        "cookie for www.example.com: its domain is a public suffix"
    );
}

#[test]
fn a_saved_jar_is_private_and_loads_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cookies.txt");
    std::fs::write(&path, "old").unwrap();
    let jar = CookieJar::new();
    jar.set(SITE, "a=1; Domain=example.com; Secure; HttpOnly")
        .unwrap();
    jar.set(SITE, "b=2; Path=/").unwrap();
    jar.set(SITE, "nameless").unwrap();
    jar.save(&path).unwrap();
    let mode = std::fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    let again = CookieJar::new();
    assert_eq!(again.load(&path).unwrap(), 3);
    assert_eq!(again.cookies(), jar.cookies());
    let error = jar
        .save(&folder.path().join("none/cookies.txt"))
        .unwrap_err();
    assert_eq!(error.code(), ErrorCode::Io);
}

#[test]
fn a_file_is_loaded_as_a_whole_or_not_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cookies.txt");
    let jar = CookieJar::new();
    let load = |text: &str| {
        std::fs::write(&path, text).unwrap();
        jar.load(&path)
    };
    let good = "example.com\tFALSE\t/\tFALSE\t0\ta\tb\n";
    let error = load(&format!("{good}bad\n")).unwrap_err();
    assert_eq!(error.code(), ErrorCode::InvalidArgument);
    assert!(error.message().contains("cookies.txt, line 2: "), "{error}");
    assert!(jar.cookies().is_empty());
    // What is over, what nobody may set, and what is too long is left out.
    let long = "x".repeat(limits::COOKIE_BYTES);
    let text = format!(
        "{good}example.com\tFALSE\t/\tFALSE\t1\tover\tb\n.com\tTRUE\t/\tFALSE\t0\twide\tb\n\
        example.com\tFALSE\t/\tFALSE\t0\tlong\t{long}\n\
        example.com\tFALSE\t/\tFALSE\t0\t__Secure-x\tb\n\
        example.com\tFALSE\t/\tFALSE\t99999999999\tfar\tb\n"
    );
    assert_eq!(load(&text).unwrap(), 2);
    let names: Vec<Vec<u8>> = jar
        .cookies()
        .into_iter()
        .map(|cookie| cookie.name)
        .collect();
    assert_eq!(names, [b"a".to_vec(), b"far".to_vec()]);
    let far: Option<Cookie> = jar.cookies().pop();
    let latest = SystemTime::now() + limits::COOKIE_LIFETIME;
    assert!(far.unwrap().expires.unwrap() <= latest);
    let missing = jar.load(&folder.path().join("none")).unwrap_err();
    assert_eq!(missing.code(), ErrorCode::Io);
}

/// Notes for each event whether the jar could be used meanwhile.
struct Listener(CookieJar, std::sync::Arc<std::sync::Mutex<Vec<bool>>>);

impl tracing::Subscriber for Listener {
    fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }

    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}

    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}

    fn event(&self, _: &tracing::Event<'_>) {
        let free = self.0.0.store.try_lock().is_ok();
        self.1.lock().unwrap().push(free);
    }

    fn enter(&self, _: &tracing::span::Id) {}

    fn exit(&self, _: &tracing::span::Id) {}
}

#[test]
fn whoever_reads_the_log_may_use_the_jar() {
    let jar = CookieJar::new();
    let heard = std::sync::Arc::default();
    let listener = Listener(jar.clone(), std::sync::Arc::clone(&heard));
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(&file, "com\tTRUE\t/\tFALSE\t0\ta\tb\n").unwrap();
    let mut headers = HeaderMap::new();
    for line in ["a=b; domain=com", "c=d; domain=elsewhere.net", "e=f"] {
        headers.append(SET_COOKIE, HeaderValue::from_static(line));
    }
    tracing::subscriber::with_default(listener, || {
        jar.store(&Url::parse(SITE).unwrap(), &headers);
        assert_eq!(jar.load(file.path()).unwrap(), 0);
    });
    assert_eq!(*heard.lock().unwrap(), [true; 3]);
    assert_eq!(jar.cookies().len(), 1);
}
