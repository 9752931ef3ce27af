//! Handles: the one file that knows how opaque pointers are cast.
//!
//! A handle is never an address. It is the place of its object in a table, with the place's generation, the kind of the
//! object and the process that made it; so NULL, dead, foreign and wrong handles are told apart without touching memory.
//! A look-up takes the lock of that one place only.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use engine::{CookieJar, Error, ErrorCode, Multipart, Result};

use crate::auth::AuthRequestObject;
use crate::charset::TextEngine;
use crate::fork::{self, PROCESS_BITS};
use crate::har::HarObject;
use crate::manager::ManagerObject;
use crate::options::ManagerSettings;
use crate::pages::{CAPACITY, Pages};
use crate::request::RequestObject;
use crate::request_url::RequestSettings;
use crate::resolver::ResolveObject;
use crate::retry::AttemptObject;
use crate::sansio::{AnswerObject, EngineObject, HandshakeObject, UploadObject};
use crate::statistics::StatisticsObject;
use crate::tag::Tag;
use crate::text::{LinesEngine, SseEngine};
use crate::url::UrlPieces;

pub use crate::opaque::*;

const INDEX_BITS: u32 = 26;
const GENERATION_BITS: u32 = 27;
const GENERATIONS: u32 = 1 << GENERATION_BITS;
/// What of a generation a handle shows.
pub(crate) const GENERATION_MASK: u32 = GENERATIONS - 1;
const PROCESS_SHIFT: u32 = INDEX_BITS + GENERATION_BITS;
const KIND_SHIFT: u32 = PROCESS_SHIFT + PROCESS_BITS;
const _: () = assert!(CAPACITY < 1 << INDEX_BITS && KIND_SHIFT == 59);

/// A handle, taken apart.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Place {
    pub(crate) index: u32,
    pub(crate) generation: u32,
}

impl Place {
    /// The handle of this place, for an object of this process.
    pub(crate) fn encode(self, tag: Tag, process: u8) -> usize {
        self.index as usize
            | ((self.generation & GENERATION_MASK) as usize) << INDEX_BITS
            | (process as usize) << PROCESS_SHIFT
            | (tag as usize) << KIND_SHIFT
    }

    /// Takes a handle apart.
    ///
    /// # Errors
    /// `null_pointer`, `invalid_handle` for another kind, `forked` for one of the parent process.
    pub(crate) fn decode(handle: usize, tag: Tag) -> Result<Place> {
        if handle == 0 {
            return Err(Error::new(
                ErrorCode::NullPointer,
                format!("the {} is NULL", tag.name()),
            ));
        }
        if handle >> KIND_SHIFT != tag as usize {
            return Err(dead(tag));
        }
        if (handle >> PROCESS_SHIFT) & ((1 << PROCESS_BITS) - 1) != fork::process() as usize {
            return Err(Error::new(
                ErrorCode::Forked,
                format!(
                    "the {} belongs to the process that this one was forked from",
                    tag.name()
                ),
            ));
        }
        Ok(Place {
            index: (handle & ((1 << INDEX_BITS) - 1)) as u32,
            generation: (handle >> INDEX_BITS) as u32 & GENERATION_MASK,
        })
    }
}

pub(crate) fn dead(tag: Tag) -> Error {
    Error::new(
        ErrorCode::InvalidHandle,
        format!("this is not, or no longer, a live {}", tag.name()),
    )
}

/// An object that a handle leads to.
pub(crate) enum Object {
    ManagerOptions(Arc<Mutex<ManagerSettings>>),
    Manager(Arc<ManagerObject>),
    RequestOptions(Arc<Mutex<RequestSettings>>),
    Request(Arc<RequestObject>),
    Statistics(Arc<StatisticsObject>),
    Attempt(Arc<AttemptObject>),
    AuthRequest(Arc<AuthRequestObject>),
    CookieJar(Arc<CookieJar>),
    Url(Arc<Mutex<UrlPieces>>),
    Multipart(Arc<Mutex<Multipart>>),
    Lines(Arc<Mutex<LinesEngine>>),
    Sse(Arc<Mutex<SseEngine>>),
    Har(Arc<HarObject>),
    Resolve(Arc<ResolveObject>),
    TextDecoder(Arc<Mutex<TextEngine>>),
    Engine(Arc<EngineObject>),
    Upload(Arc<UploadObject>),
    Answer(Arc<AnswerObject>),
    Handshake(Arc<HandshakeObject>),
}

/// A type of which there are handles.
pub(crate) trait Handled: Sized {
    /// Its kind.
    const TAG: Tag;

    /// It, where `object` is one.
    fn of(object: &Object) -> Option<&Arc<Self>>;

    /// Wraps it.
    fn into_object(object: Arc<Self>) -> Object;

    /// Whether its handle still answers.
    fn is_live(&self) -> bool {
        true
    }
}

macro_rules! handled {
    ($type:ty, $tag:ident) => {
        impl Handled for $type {
            const TAG: Tag = Tag::$tag;

            fn of(object: &Object) -> Option<&Arc<Self>> {
                match object {
                    Object::$tag(object) => Some(object),
                    _ => None,
                }
            }

            fn into_object(object: Arc<Self>) -> Object {
                Object::$tag(object)
            }
        }
    };
}

handled!(Mutex<ManagerSettings>, ManagerOptions);
handled!(ManagerObject, Manager);
handled!(Mutex<RequestSettings>, RequestOptions);
handled!(StatisticsObject, Statistics);
handled!(AttemptObject, Attempt);
handled!(AuthRequestObject, AuthRequest);
handled!(CookieJar, CookieJar);
handled!(Mutex<UrlPieces>, Url);
handled!(Mutex<Multipart>, Multipart);
handled!(Mutex<LinesEngine>, Lines);
handled!(Mutex<SseEngine>, Sse);
handled!(HarObject, Har);
handled!(ResolveObject, Resolve);
handled!(Mutex<TextEngine>, TextDecoder);
handled!(EngineObject, Engine);
handled!(UploadObject, Upload);
handled!(AnswerObject, Answer);
handled!(HandshakeObject, Handshake);

impl Handled for RequestObject {
    const TAG: Tag = Tag::Request;

    fn of(object: &Object) -> Option<&Arc<Self>> {
        match object {
            Object::Request(object) => Some(object),
            _ => None,
        }
    }

    fn into_object(object: Arc<Self>) -> Object {
        Object::Request(object)
    }

    fn is_live(&self) -> bool {
        !self.is_freed()
    }
}

#[derive(Default)]
struct Slot {
    generation: u32,
    object: Option<Object>,
}

#[derive(Default)]
struct Free {
    unused: Vec<u32>,
    next: u32,
}

/// The objects of one process.
#[derive(Default)]
pub(crate) struct Table {
    slots: Pages<Mutex<Slot>>,
    free: Mutex<Free>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Table {
    fn slot(&self, index: u32) -> Option<MutexGuard<'_, Slot>> {
        self.slots.get(index).map(lock)
    }

    fn reserve(&self) -> Result<u32> {
        let mut free = lock(&self.free);
        if let Some(index) = free.unused.pop() {
            return Ok(index);
        }
        let index = free.next;
        if self.slots.get_or_make(index).is_none() {
            return Err(Error::new(
                ErrorCode::Busy,
                "there are too many live handles",
            ));
        }
        free.next += 1;
        Ok(index)
    }
}

/// Makes an object and its handle; `make` is told the handle.
///
/// # Errors
/// `busy` when there are tens of millions of live handles.
pub(crate) fn insert_with<T: Handled>(
    make: impl FnOnce(usize) -> Arc<T>,
) -> Result<(usize, Arc<T>)> {
    let registry = fork::registry();
    let index = registry.objects.reserve()?;
    let Some(mut slot) = registry.objects.slot(index) else {
        return Err(dead(T::TAG));
    };
    let handle = Place {
        index,
        generation: slot.generation,
    }
    .encode(T::TAG, registry.process);
    let object = make(handle);
    slot.object = Some(T::into_object(Arc::clone(&object)));
    Ok((handle, object))
}

/// Makes the handle of an object.
///
/// # Errors
/// As [`insert_with`].
pub(crate) fn insert<T: Handled>(object: T) -> Result<usize> {
    insert_with(|_| Arc::new(object)).map(|(handle, _)| handle)
}

/// The live object of a handle.
///
/// # Errors
/// `null_pointer`, `invalid_handle`, `forked`.
pub(crate) fn get<T: Handled>(handle: usize) -> Result<Arc<T>> {
    find::<T>(handle).and_then(|object| {
        if object.is_live() {
            Ok(object)
        } else {
            Err(dead(T::TAG))
        }
    })
}

/// The object of a handle, also where the handle no longer answers.
///
/// # Errors
/// As [`get`].
pub(crate) fn find<T: Handled>(handle: usize) -> Result<Arc<T>> {
    let place = Place::decode(handle, T::TAG)?;
    let slot = fork::registry()
        .objects
        .slot(place.index)
        .ok_or_else(|| dead(T::TAG))?;
    match &slot.object {
        Some(object) if slot.generation == place.generation => {
            T::of(object).cloned().ok_or_else(|| dead(T::TAG))
        }
        _ => Err(dead(T::TAG)),
    }
}

/// Makes a handle die and gives its object back.
///
/// # Errors
/// As [`get`].
pub(crate) fn remove<T: Handled>(handle: usize) -> Result<Arc<T>> {
    let place = Place::decode(handle, T::TAG)?;
    let objects = &fork::registry().objects;
    let mut slot = objects.slot(place.index).ok_or_else(|| dead(T::TAG))?;
    if slot.generation != place.generation {
        return Err(dead(T::TAG));
    }
    let object = slot
        .object
        .as_ref()
        .and_then(T::of)
        .cloned()
        .ok_or_else(|| dead(T::TAG))?;
    let taken = slot.object.take();
    slot.generation += 1;
    // A place whose generations are used up is never used again, so that an old handle cannot come back to life.
    let reusable = slot.generation < GENERATIONS;
    drop(slot);
    drop(taken);
    if reusable {
        lock(&objects.free).unused.push(place.index);
    }
    Ok(object)
}

/// Frees an object: NULL and handles of the parent process are let pass.
///
/// # Errors
/// `invalid_handle`.
pub(crate) fn free<T: Handled>(handle: usize) -> Result<Option<Arc<T>>> {
    match remove(handle) {
        Ok(object) => Ok(Some(object)),
        Err(error) if matches!(error.code(), ErrorCode::NullPointer | ErrorCode::Forked) => {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// Changes what a handle leads to. What `change` gives back is dropped after the lock: it may hold the last of a caller's
/// function, whose destroy hook is called then.
///
/// # Errors
/// As [`get`], and those of `change`.
pub(crate) fn change<T, R>(handle: usize, change: impl FnOnce(&mut T) -> Result<R>) -> Result<()>
where
    Mutex<T>: Handled,
{
    let object = get::<Mutex<T>>(handle)?;
    let changed = change(&mut lock(&object));
    changed.map(drop)
}

/// Lends an object: its handle lives during the call. Answers what the call did, and the object.
///
/// # Errors
/// As [`insert_with`]; `invalid_handle` where the call has freed it.
pub(crate) fn lend<T: Handled, R>(object: T, call: impl FnOnce(usize) -> R) -> Result<(R, Arc<T>)> {
    let handle = insert(object)?;
    let answer = call(handle);
    Ok((answer, remove(handle)?))
}

/// Every object of this kind.
pub(crate) fn all<T: Handled>() -> Vec<Arc<T>> {
    let objects = &fork::registry().objects;
    let end = lock(&objects.free).next;
    let kept = |index| {
        objects
            .slot(index)?
            .object
            .as_ref()
            .and_then(T::of)
            .cloned()
    };
    (0..end).filter_map(kept).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handle_says_what_is_wrong_with_it() {
        let code = |result: Result<Arc<StatisticsObject>>| result.map(|_| ()).unwrap_err().code();
        let handle = insert(StatisticsObject::default()).unwrap();
        assert!(get::<StatisticsObject>(handle).is_ok());
        assert_eq!(code(get(0)), ErrorCode::NullPointer);
        assert_eq!(code(get(0x7fff_1234_5678)), ErrorCode::InvalidHandle);
        assert_eq!(
            get::<ManagerObject>(handle).map(|_| ()).unwrap_err().code(),
            ErrorCode::InvalidHandle
        );
        assert_eq!(code(get(handle ^ (1 << PROCESS_SHIFT))), ErrorCode::Forked);
        assert!(remove::<StatisticsObject>(handle).is_ok());
        assert_eq!(code(get(handle)), ErrorCode::InvalidHandle);
        assert_eq!(code(remove(handle)), ErrorCode::InvalidHandle);
        let next = insert(StatisticsObject::default()).unwrap();
        assert_ne!(next, handle);
        assert_eq!(code(get(handle)), ErrorCode::InvalidHandle);
        assert!(remove::<StatisticsObject>(next).is_ok());
    }

    #[test]
    fn parts_of_a_handle_round_trip() {
        let place = Place {
            index: CAPACITY - 1,
            generation: GENERATION_MASK,
        };
        for tag in [
            Tag::ManagerOptions,
            Tag::Manager,
            Tag::RequestOptions,
            Tag::Request,
            Tag::Statistics,
            Tag::Part,
            Tag::Attempt,
            Tag::AuthRequest,
            Tag::CookieJar,
            Tag::Url,
            Tag::Multipart,
            Tag::Lines,
            Tag::Sse,
            Tag::Har,
            Tag::Resolve,
            Tag::TextDecoder,
            Tag::Engine,
            Tag::Upload,
            Tag::Answer,
            Tag::Handshake,
        ] {
            assert_eq!(
                Place::decode(place.encode(tag, fork::process()), tag).unwrap(),
                place
            );
        }
    }
}
