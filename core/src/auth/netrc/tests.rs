//! Files as people write them, and files that are wrong.

use super::*;

fn found(text: &str, host: &str) -> Option<(String, String)> {
    let entry = search(text, host).unwrap();
    entry.map(|entry| (entry.login, entry.password))
}

fn pair(login: &str, password: &str) -> (String, String) {
    (login.to_owned(), password.to_owned())
}

const FILE: &str = "# accounts\n\
    machine a.example login \"al ice\" password \"s\\\"e\\\\c\\tret\"\n\
    machine b.example\n\tpassword #hash\n\tlogin bob account money # of FTP\n\
    macdef init\nmachine c.example login evil\n\nmachine c.example login carol password c\\d\n\
    machine a.example login second password second\n\
    machine ::1 login six password 6\n\
    machine e.example\n\
    default login any password \u{fc}ber\n";

#[test]
fn each_host_finds_its_entry() {
    for (host, expected) in [
        ("a.example", Some(pair("al ice", "s\"e\\c\tret"))),
        ("A.Example", Some(pair("al ice", "s\"e\\c\tret"))),
        ("b.example", Some(pair("bob", "#hash"))),
        ("c.example", Some(pair("carol", "c\\d"))),
        ("[::1]", Some(pair("six", "6"))),
        ("e.example", Some(pair("any", "\u{fc}ber"))),
        ("elsewhere", Some(pair("any", "\u{fc}ber"))),
    ] {
        assert_eq!(found(FILE, host), expected, "{host}");
    }
}

#[test]
fn the_edges_of_the_grammar_are_read() {
    for (text, expected) in [
        ("", None),
        (" \r\n\t", None),
        ("# nothing", None),
        ("machine other login a password b", None),
        ("machine h", None),
        ("machine h account a", None),
        ("machine h login a", Some(pair("a", ""))),
        ("machine h password b", Some(pair("", "b"))),
        ("machine\nh\nlogin\na\npassword\nb", Some(pair("a", "b"))),
        (
            "machine h\r\nlogin a\r\npassword b\r\n",
            Some(pair("a", "b")),
        ),
        (
            "default login d password d machine h login a password b",
            Some(pair("a", "b")),
        ),
        ("default login d default login e", Some(pair("d", ""))),
        ("machine h login \"\" password \"\"", Some(pair("", ""))),
        ("machine \"h\" login a#b", Some(pair("a#b", ""))),
        ("macdef m", None),
        (
            "macdef m\nlogin x\n \nmachine h login a",
            Some(pair("a", "")),
        ),
    ] {
        assert_eq!(found(text, "h"), expected, "{text:?}");
    }
}

#[test]
fn a_fault_names_its_line_and_no_secret() {
    for (text, line) in [
        ("login a", 1),
        ("\n\nmachine h\nlogin a secret", 4),
        ("machine", 1),
        ("machine h\nlogin", 2),
        ("machine h\npassword \n\n", 2),
        ("machine h password \"secret\nlogin a", 1),
        ("machine h\npassword \"secret\\", 2),
        ("macdef", 1),
    ] {
        let fault = search(text, "x").unwrap_err();
        assert_eq!(fault.line, line, "{text:?}: {}", fault.what);
        assert!(!fault.what.contains("secret"));
    }
}

#[test]
fn every_beginning_of_a_file_is_read_or_refused() {
    let mut faults = 0;
    for (end, _) in FILE.char_indices() {
        match search(&FILE[..end], "b.example") {
            Ok(entry) => assert!(entry.is_none_or(|entry| "bob".starts_with(&entry.login))),
            Err(fault) => {
                assert!(fault.line <= FILE[..end].matches('\n').count() + 1);
                faults += 1;
            }
        }
    }
    assert!(faults > 0);
}

#[test]
fn the_default_file_is_looked_for_in_order() {
    let home = scratch("home");
    let (dot, low) = (home.join(".netrc"), home.join("_netrc"));
    assert_eq!(default_path(None, None), None);
    assert_eq!(default_path(None, Some(home.clone())), None);
    std::fs::write(&low, "").unwrap();
    assert_eq!(default_path(None, Some(home.clone())), Some(low.clone()));
    std::fs::write(&dot, "").unwrap();
    assert_eq!(
        default_path(Some(OsString::new()), Some(home.clone())),
        Some(dot)
    );
    assert_eq!(default_path(Some(low.clone().into()), None), Some(low));
    assert_eq!(
        default_path(Some("/nowhere/netrc".into()), Some(home.clone())),
        None
    );
    std::fs::remove_dir_all(home).unwrap();
}

#[test]
fn a_given_file_must_be_there_and_be_one() {
    let home = scratch("given");
    let path = home.join("netrc");
    let code = |path: &Path| {
        let error = find(Some(path), "h").unwrap_err();
        assert!(error.message().contains(path.to_str().unwrap()), "{error}");
        error.code()
    };
    assert_eq!(code(&path), ErrorCode::Io);
    assert_eq!(code(&home), ErrorCode::Io);
    std::fs::write(&path, "machine h login a password \"b\\nc\"").unwrap();
    assert_eq!(code(&path), ErrorCode::InvalidArgument);
    std::fs::write(&path, b"machine \xff").unwrap();
    assert_eq!(code(&path), ErrorCode::InvalidArgument);
    std::fs::write(&path, " ".repeat(limits::NETRC_BYTES + 1)).unwrap();
    assert_eq!(code(&path), ErrorCode::InvalidArgument);
    std::fs::write(&path, "machine h login a password b nonsense").unwrap();
    let error = find(Some(&path), "h").unwrap_err();
    assert!(error.message().contains("line 1"), "{error}");
    std::fs::write(&path, "machine h login a password b").unwrap();
    let auth = find(Some(&path), "h").unwrap();
    assert!(
        matches!(auth, Auth::Basic { user, password } if (user.as_str(), password.as_str()) == ("a", "b"))
    );
    assert!(matches!(find(Some(&path), "other").unwrap(), Auth::None));
    std::fs::remove_dir_all(home).unwrap();
}

#[test]
fn a_file_that_others_may_read_is_open() {
    assert!(is_open(0o100_640) && is_open(0o100_604) && is_open(0o100_644));
    assert!(!is_open(0o100_600) && !is_open(0o100_700) && !is_open(0o100_622));
}

fn scratch(name: &str) -> PathBuf {
    let path = std::env::temp_dir().join(format!("trunkline-netrc-{name}-{}", std::process::id()));
    std::fs::create_dir_all(&path).unwrap();
    path
}
