//! The digest challenges that were met, so that later requests bring their proof with them.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::digest::DigestChallenge;
use crate::limits;

/// Digest challenges by origin and realm, at most [`limits::DIGEST_CHALLENGES`]; one for each manager.
#[derive(Default)]
pub(crate) struct Challenges(Mutex<Vec<Met>>);

/// One challenge; the youngest used is the last of them.
struct Met {
    origin: String,
    proxy: bool,
    challenge: Arc<DigestChallenge>,
    cnonce: String,
    count: u32,
}

/// One use of a nonce.
pub(super) struct Turn {
    pub(super) challenge: Arc<DigestChallenge>,
    /// The client's nonce of the session, for the algorithms that have one.
    pub(super) cnonce: String,
    /// How often the nonce has been used, this time included.
    pub(super) count: u32,
}

impl Met {
    fn turn(&mut self) -> Option<Turn> {
        self.count = self.count.checked_add(1)?;
        Some(Turn {
            challenge: self.challenge.clone(),
            cnonce: self.cnonce.clone(),
            count: self.count,
        })
    }
}

impl Challenges {
    /// Another use of the challenge that `origin` was last met with.
    pub(super) fn next(&self, origin: &str, proxy: bool) -> Option<Turn> {
        let mut all = self.lock();
        let place = all
            .iter()
            .rposition(|met| met.origin == origin && met.proxy == proxy)?;
        all[place..].rotate_left(1);
        all.last_mut()?.turn()
    }

    /// Remembers a challenge for its realm and uses it. A nonce that is known already is counted on.
    pub(super) fn learn(
        &self,
        origin: &str,
        proxy: bool,
        challenge: DigestChallenge,
        cnonce: String,
    ) -> Turn {
        let mut all = self.lock();
        let known = all.iter().position(|met| {
            met.origin == origin && met.proxy == proxy && met.challenge.realm == challenge.realm
        });
        let former = known.map(|place| all.remove(place));
        if all.len() >= limits::DIGEST_CHALLENGES {
            all.remove(0);
        }
        let mut met = match former {
            Some(met) if met.challenge.nonce == challenge.nonce => Met {
                // Whether it is stale was told of another request; what is asked for may have changed.
                challenge: Arc::new(challenge),
                ..met
            },
            _ => Met {
                origin: origin.to_owned(),
                proxy,
                challenge: Arc::new(challenge),
                cnonce,
                count: 0,
            },
        };
        let turn = met.turn();
        let challenge = met.challenge.clone();
        let cnonce = met.cnonce.clone();
        all.push(met);
        // A nonce whose counter is used up is offered once more: the peer will call it stale.
        turn.unwrap_or(Turn {
            challenge,
            cnonce,
            count: u32::MAX,
        })
    }

    /// Replaces the nonce of the challenge that `origin` was last met with.
    pub(super) fn renew(&self, origin: &str, proxy: bool, nonce: Vec<u8>) {
        let mut all = self.lock();
        let met = all
            .iter_mut()
            .rfind(|met| met.origin == origin && met.proxy == proxy);
        if let Some(met) = met
            && met.challenge.nonce != nonce
        {
            met.challenge = Arc::new(met.challenge.with_nonce(nonce));
            met.count = 0;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Met>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Challenges {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Challenges({})", self.lock().len())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use http::HeaderMap;
    use http::header::WWW_AUTHENTICATE;

    use super::*;

    fn challenge(realm: &str, nonce: &str) -> DigestChallenge {
        let mut fields = HeaderMap::new();
        let text = format!("Digest realm=\"{realm}\", nonce=\"{nonce}\", qop=auth");
        fields.append(WWW_AUTHENTICATE, text.parse().unwrap());
        DigestChallenge::strongest(&fields.get_all(WWW_AUTHENTICATE), true).unwrap()
    }

    fn nonce(turn: &Turn) -> String {
        String::from_utf8(turn.challenge.nonce.clone()).unwrap()
    }

    #[test]
    fn a_nonce_is_counted_and_kept_apart() {
        let memory = Challenges::default();
        assert!(memory.next("o", false).is_none());
        assert_eq!(
            memory
                .learn("o", false, challenge("r", "n"), "c".into())
                .count,
            1
        );
        let turn = memory.next("o", false).unwrap();
        assert_eq!((turn.count, turn.cnonce.as_str()), (2, "c"));
        assert!(memory.next("o", true).is_none());
        assert!(memory.next("p", false).is_none());
        let turn = memory.learn("o", false, challenge("r", "n"), "d".into());
        assert_eq!((turn.count, turn.cnonce.as_str()), (3, "c"));
        let turn = memory.learn("o", false, challenge("r", "m"), "d".into());
        assert_eq!((turn.count, turn.cnonce.as_str()), (1, "d"));
    }

    #[test]
    fn two_realms_of_an_origin_keep_their_counts() {
        let memory = Challenges::default();
        memory.learn("o", false, challenge("a", "x"), String::new());
        memory.learn("o", false, challenge("b", "y"), String::new());
        assert_eq!(nonce(&memory.next("o", false).unwrap()), "y");
        assert_eq!(
            memory
                .learn("o", false, challenge("a", "x"), String::new())
                .count,
            2
        );
        assert_eq!(nonce(&memory.next("o", false).unwrap()), "x");
    }

    #[test]
    fn a_next_nonce_begins_a_new_count() {
        let memory = Challenges::default();
        memory.renew("o", false, b"nobody".to_vec());
        memory.learn("o", false, challenge("r", "n"), String::new());
        memory.renew("o", true, b"other".to_vec());
        memory.renew("o", false, b"n".to_vec());
        assert_eq!(memory.next("o", false).unwrap().count, 2);
        memory.renew("o", false, b"m".to_vec());
        let turn = memory.next("o", false).unwrap();
        assert_eq!((nonce(&turn).as_str(), turn.count), ("m", 1));
    }

    #[test]
    fn what_was_not_used_for_longest_is_forgotten() {
        let memory = Challenges::default();
        for number in 0..limits::DIGEST_CHALLENGES {
            memory.learn(
                &format!("o{number}"),
                false,
                challenge("r", "n"),
                String::new(),
            );
        }
        assert!(memory.next("o0", false).is_some());
        memory.learn("more", false, challenge("r", "n"), String::new());
        assert_eq!(memory.lock().len(), limits::DIGEST_CHALLENGES);
        assert!(memory.next("o0", false).is_some());
        assert!(memory.next("o1", false).is_none());
    }

    #[test]
    fn a_counter_is_never_given_twice() {
        let memory = Challenges::default();
        memory.learn("o", false, challenge("r", "n"), String::new());
        let counts: Vec<u32> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4)
                .map(|_| {
                    scope.spawn(|| {
                        (0..250)
                            .map(|_| memory.next("o", false).unwrap().count)
                            .collect()
                    })
                })
                .collect();
            let each = threads.into_iter().map(|thread| thread.join().unwrap());
            each.collect::<Vec<Vec<u32>>>().concat()
        });
        assert_eq!(counts.len(), 1000);
        assert_eq!(counts.into_iter().collect::<HashSet<u32>>().len(), 1000);
        memory.lock()[0].count = u32::MAX;
        assert!(memory.next("o", false).is_none());
    }
}
