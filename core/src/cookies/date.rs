//! The lenient date of the `Expires` attribute (RFC 6265bis, 5.1.1), token by token, for servers write it in many ways.

use std::time::SystemTime;

use time::{Date, Month};

const MONTHS: [&[u8; 3]; 12] = [
    b"jan", b"feb", b"mar", b"apr", b"may", b"jun", b"jul", b"aug", b"sep", b"oct", b"nov", b"dec",
];

/// The point in time that a cookie date names; none where the algorithm fails.
pub(super) fn cookie_date(text: &[u8]) -> Option<SystemTime> {
    let (mut time, mut day, mut month, mut year) = (None, None, None, None);
    for token in text
        .split(|byte| is_delimiter(*byte))
        .filter(|token| !token.is_empty())
    {
        // The order of the attempts is the RFC's: `08` is a day first, and a year only where the day is known.
        if time.is_none() && take(&mut time, clock(token)) {
            continue;
        }
        if day.is_none() && take(&mut day, number(token, 1, 2).map(|(day, _)| day)) {
            continue;
        }
        if month.is_none() && take(&mut month, month_of(token)) {
            continue;
        }
        if year.is_none() {
            year = number(token, 2, 4).map(|(year, _)| year);
        }
    }
    let year = match year? {
        year @ 70..=99 => year + 1900,
        year @ 0..=69 => year + 2000,
        100..=1600 => return None,
        year => year,
    };
    let (hour, minute, second) = time?;
    let date = Date::from_calendar_date(i32::from(year), month?, u8::try_from(day?).ok()?).ok()?;
    let moment = date.with_hms(hour, minute, second).ok()?.assume_utc();
    Some(SystemTime::from(moment))
}

fn is_delimiter(byte: u8) -> bool {
    matches!(byte, 0x09 | 0x20..=0x2F | 0x3B..=0x40 | 0x5B..=0x60 | 0x7B..=0x7E)
}

/// Keeps what was found, and says whether something was.
fn take<T>(place: &mut Option<T>, found: Option<T>) -> bool {
    *place = found;
    place.is_some()
}

/// The number of `least` to `most` digits that the token begins with, and what follows. More digits are no match.
fn number(token: &[u8], least: usize, most: usize) -> Option<(u16, &[u8])> {
    let length = token
        .iter()
        .take_while(|byte| byte.is_ascii_digit())
        .count();
    if !(least..=most).contains(&length) {
        return None;
    }
    let (digits, rest) = token.split_at(length);
    let value = digits
        .iter()
        .fold(0, |value, digit| value * 10 + u16::from(digit - b'0'));
    Some((value, rest))
}

/// Hour, minute and second of `hh:mm:ss`; whether they exist is seen later.
fn clock(token: &[u8]) -> Option<(u8, u8, u8)> {
    let (hour, rest) = number(token, 1, 2)?;
    let (minute, rest) = number(rest.strip_prefix(b":")?, 1, 2)?;
    let (second, _) = number(rest.strip_prefix(b":")?, 1, 2)?;
    Some((hour as u8, minute as u8, second as u8))
}

fn month_of(token: &[u8]) -> Option<Month> {
    let name = token.get(..3)?;
    let index = MONTHS
        .iter()
        .position(|month| name.eq_ignore_ascii_case(*month))?;
    Month::try_from(index as u8 + 1).ok()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn seconds(text: &str) -> Option<u64> {
        let date = cookie_date(text.as_bytes())?;
        date.duration_since(SystemTime::UNIX_EPOCH)
            .ok()
            .map(|since| since.as_secs())
    }

    #[test]
    fn every_usual_way_to_write_one_moment_is_understood() {
        for text in [
            "Sun, 06 Nov 1994 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
            "6 nov 1994 8:49:37",
            "1994 Nov 06 08:49:37",
            "08:49:37 06 November 1994 UTC",
            "Sun,06-NOV-1994\t08:49:37.123 GMT+0000 (some zone)",
        ] {
            assert_eq!(seconds(text), Some(784_111_777), "{text}");
        }
    }

    #[test]
    fn two_digits_of_a_year_mean_1970_to_2069() {
        assert_eq!(seconds("01 Jan 70 00:00:00"), Some(0));
        assert_eq!(seconds("01 Jan 69 00:00:00"), Some(3_124_224_000));
        assert_eq!(seconds("01 Jan 00 00:00:00"), Some(946_684_800));
    }

    #[test]
    fn dates_that_do_not_exist_or_lack_a_piece_fail() {
        for text in [
            "",
            "Thu",
            "06 Nov 1994",
            "Nov 1994 08:49:37",
            "06 1994 08:49:37",
            "06 Nov 08:49:37",
            "31 Feb 2030 00:00:00",
            "29 Feb 2029 00:00:00",
            "00 Jan 2030 00:00:00",
            "32 Jan 2030 00:00:00",
            "01 Jan 1600 00:00:00",
            "01 Jan 100 00:00:00",
            "01 Jan 2030 24:00:00",
            "01 Jan 2030 00:60:00",
            "01 Jan 2030 00:00:60",
            "01 Jan 20300 00:00:00",
            "01 Jan 2030 00:00:000",
            "01 Jan 2030 00:00",
        ] {
            assert_eq!(seconds(text), None, "{text}");
        }
    }

    #[test]
    fn the_first_and_last_years_are_represented() {
        let first = cookie_date(b"01 Jan 1601 00:00:00").unwrap();
        assert_eq!(
            SystemTime::UNIX_EPOCH.duration_since(first).unwrap(),
            Duration::from_secs(11_644_473_600)
        );
        assert_eq!(seconds("31 Dec 9999 23:59:59"), Some(253_402_300_799));
    }

    #[test]
    fn no_beginning_of_a_date_and_no_byte_in_it_breaks_the_parser() {
        let text = b"Sun, 06 Nov 1994 08:49:37 GMT";
        // Up to the first digit of the seconds it is not a time of day; from there on it is a whole date.
        for length in 0..=text.len() {
            assert_eq!(
                cookie_date(&text[..length]).is_some(),
                length > "Sun, 06 Nov 1994 08:49:".len(),
                "{length}"
            );
        }
        for position in 0..text.len() {
            for byte in 0..=255 {
                let mut broken = *text;
                broken[position] = byte;
                if let Some(date) = cookie_date(&broken) {
                    assert!(date < SystemTime::UNIX_EPOCH + Duration::from_secs(300_000_000_000));
                }
            }
        }
    }
}
