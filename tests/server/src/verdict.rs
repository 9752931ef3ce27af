//! How far the script of a case has come, and what is to be said of it.

use std::time::Duration;

use tokio::sync::watch;

/// How long a verdict waits for scripts to end.
const PATIENCE: Duration = Duration::from_secs(10);

/// One connection of a case.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
enum Place {
    #[default]
    Unopened,
    At(usize),
    Ended,
}

#[derive(Clone, Debug, Default)]
struct Progress {
    places: Vec<Place>,
    opened: usize,
    faults: Vec<String>,
    asked: bool,
}

impl Progress {
    fn settled(&self) -> bool {
        !self.faults.is_empty() || self.places.iter().all(|place| *place == Place::Ended)
    }

    fn verdict(&self) -> Result<(), String> {
        if !self.faults.is_empty() {
            return Err(self.faults.join("; "));
        }
        for (index, place) in self.places.iter().enumerate() {
            match place {
                Place::Unopened => return Err(format!("connection {index}: was never opened")),
                Place::At(step) => {
                    return Err(format!("connection {index} step {step}: has not ended"));
                }
                Place::Ended => {}
            }
        }
        Ok(())
    }
}

/// The record of one case.
pub(crate) struct Record(watch::Sender<Progress>);

impl Record {
    pub(crate) fn new(connections: usize) -> Self {
        let places = vec![Place::default(); connections];
        Self(watch::Sender::new(Progress {
            places,
            ..Progress::default()
        }))
    }

    /// Counts a connection and gives its index.
    pub(crate) fn open(&self) -> usize {
        let mut index = 0;
        self.0.send_modify(|progress| {
            index = progress.opened;
            progress.opened += 1;
        });
        index
    }

    pub(crate) fn at(&self, connection: usize, step: usize) {
        self.0
            .send_modify(|progress| progress.places[connection] = Place::At(step));
    }

    pub(crate) fn ended(&self, connection: usize) {
        self.0
            .send_modify(|progress| progress.places[connection] = Place::Ended);
    }

    pub(crate) fn fault(&self, why: String) {
        self.0.send_modify(|progress| progress.faults.push(why));
    }

    /// Returns once somebody has asked for the verdict.
    pub(crate) async fn asked(&self) {
        // The sender lives as long as `self`, so that the wait cannot fail.
        let _ = self.0.subscribe().wait_for(|progress| progress.asked).await;
    }

    /// Waits until all scripts have ended, or one has failed.
    pub(crate) async fn verdict(&self) -> Result<(), String> {
        self.0.send_modify(|progress| progress.asked = true);
        let mut receiver = self.0.subscribe();
        let _ = tokio::time::timeout(PATIENCE, receiver.wait_for(Progress::settled)).await;
        self.0.borrow().verdict()
    }

    /// The verdict if there is one already.
    pub(crate) fn settled(&self) -> Option<Result<(), String>> {
        let progress = self.0.borrow();
        progress.settled().then(|| progress.verdict())
    }
}

#[cfg(test)]
mod tests {
    use super::Record;

    #[test]
    fn a_verdict_needs_every_connection() {
        let record = Record::new(2);
        assert_eq!(record.settled(), None);
        assert_eq!(record.open(), 0);
        record.at(0, 1);
        record.ended(0);
        assert_eq!(record.settled(), None);
        assert_eq!(record.open(), 1);
        record.ended(1);
        assert_eq!(record.settled(), Some(Ok(())));
        record.fault("late".to_owned());
        assert_eq!(record.settled(), Some(Err("late".to_owned())));
    }
}
