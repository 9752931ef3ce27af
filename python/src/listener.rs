//! What takes the messages of a WebSocket as they come, and answers them.

use std::collections::VecDeque;

use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyList, PyString, PyTuple};
use trunkline::{Event, Frame, Part};

use crate::frames::{self, Binary};
use crate::parts::Head;

/// What a listener has answered to a batch.
#[derive(Default)]
pub(crate) struct Says {
    /// What is to be sent.
    pub(crate) frames: VecDeque<Frame>,
    /// It wants no more: the WebSocket is to be closed.
    pub(crate) halt: bool,
}

impl Says {
    /// None or "continue", "halt", a list of messages, or a word and messages.
    fn add(&mut self, answer: &Bound<'_, PyAny>) -> PyResult<()> {
        if answer.is_none() {
            return Ok(());
        }
        if let Ok(word) = answer.cast::<PyString>() {
            return self.word(word);
        }
        if answer.is_instance_of::<PyList>() {
            return self.send(answer);
        }
        if let Ok(pair) = answer.cast::<PyTuple>()
            && pair.len() == 2
        {
            let word = pair.get_item(0)?;
            let word = word.cast::<PyString>().map_err(|_| wrong())?;
            self.send(&pair.get_item(1)?)?;
            return self.word(word);
        }
        Err(wrong())
    }

    fn send(&mut self, messages: &Bound<'_, PyAny>) -> PyResult<()> {
        self.frames.append(&mut frames::several(messages)?);
        Ok(())
    }

    fn word(&mut self, word: &Bound<'_, PyString>) -> PyResult<()> {
        match &*word.to_cow()? {
            "continue" => {}
            "halt" => self.halt = true,
            other => {
                return Err(PyValueError::new_err(format!(
                    "a listener says 'continue' or 'halt', not {other:?}"
                )));
            }
        }
        Ok(())
    }
}

fn wrong() -> PyErr {
    PyTypeError::new_err(
        "a listener answers None, 'continue', 'halt', a list of messages, or a word and messages; it does not wait",
    )
}

/// How a listener takes messages.
enum Takes {
    /// Those that came together, in a list.
    Batch(Py<PyAny>),
    /// One by one.
    Each(Py<PyAny>),
}

/// A function that takes batches of messages, or an object with methods of these names.
pub(crate) struct Listener {
    websocket: Py<PyAny>,
    takes: Takes,
    binary: Binary,
    reconnected: Option<Py<PyAny>>,
    closed: Option<Py<PyAny>>,
}

impl Listener {
    pub(crate) fn new(
        websocket: &Bound<'_, PyAny>,
        given: &Bound<'_, PyAny>,
        binary: Binary,
    ) -> PyResult<Listener> {
        let method = |name: &str| {
            given
                .getattr_opt(name)
                .map(|method| method.filter(|method| !method.is_none()).map(Bound::unbind))
        };
        let takes = match (method("on_messages")?, method("on_message")?) {
            (Some(batch), _) => Takes::Batch(batch),
            (None, Some(each)) => Takes::Each(each),
            (None, None) if given.is_callable() => Takes::Batch(given.clone().unbind()),
            _ => {
                return Err(PyTypeError::new_err(
                    "a listener is a function, or has a method on_messages or on_message",
                ));
            }
        };
        Ok(Listener {
            websocket: websocket.clone().unbind(),
            takes,
            binary,
            reconnected: method("on_reconnect")?,
            closed: method("on_close")?,
        })
    }

    fn take(&self, py: Python<'_>, messages: Vec<Py<PyAny>>, says: &mut Says) -> PyResult<()> {
        match &self.takes {
            _ if messages.is_empty() || says.halt => Ok(()),
            Takes::Batch(function) => {
                let batch = PyList::new(py, messages)?;
                says.add(&function.bind(py).call1((&self.websocket, batch))?)
            }
            Takes::Each(function) => {
                let function = function.bind(py);
                for message in messages {
                    says.add(&function.call1((&self.websocket, message))?)?;
                    if says.halt {
                        break;
                    }
                }
                Ok(())
            }
        }
    }

    /// Hands events over, in their order. `ended` is what the end of the WebSocket raises where it was not a clean one.
    pub(crate) fn hand_over<'e>(
        &self,
        py: Python<'_>,
        events: impl Iterator<Item = &'e Event>,
        says: &mut Says,
        ended: impl FnOnce() -> Option<PyErr>,
    ) -> PyResult<()> {
        let mut messages = Vec::new();
        let mut is_over = false;
        for event in events {
            if let Some(message) = frames::message(py, event, self.binary) {
                messages.push(message);
                continue;
            }
            is_over |= event.is_terminal();
            if let (Part::Reconnected(head), Some(function)) = (event.part(), &self.reconnected) {
                self.take(py, std::mem::take(&mut messages), says)?;
                let head = Head::new((**head).clone(), false);
                says.add(&function.bind(py).call1((&self.websocket, head))?)?;
            }
        }
        let taken = self.take(py, messages, says);
        if is_over && let Some(function) = &self.closed {
            let error = ended().map(|error| error.into_value(py));
            function.bind(py).call1((&self.websocket, error))?;
        }
        taken
    }
}
