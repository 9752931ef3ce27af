//! Received bytes as a `memoryview`: nothing is copied, and the view keeps the bytes.
//!
//! The stable interface of Python knows exporters of buffers since 3.11 only. The slot itself has been there under the same
//! number, and the structure with the same members, since 3.9 (PEP 3118; `PyType_Slot`, "Changed in version 3.9"), so the
//! type is made by hand here.

use std::ffi::{c_char, c_int, c_void};
use std::mem::MaybeUninit;
use std::ptr;

use bytes::Bytes;
use pyo3::exceptions::PyBufferError;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBytes, PyMemoryView, PyType};

/// Bytes from which on a view keeps what was received.
const LEAST: usize = 4 * 1024;
/// The number of the slot (`CPython`, `typeslots.h`).
const GET_BUFFER: c_int = 1;
/// What is asked of a buffer (`CPython`, `pybuffer.h`).
const WRITABLE: c_int = 0x1;
const FORMAT: c_int = 0x4;
const SHAPE: c_int = 0x8;
const STRIDES: c_int = 0x10 | SHAPE;

/// `CPython`'s `Py_buffer`.
#[repr(C)]
struct Buffer {
    start: *mut c_void,
    owner: *mut ffi::PyObject,
    length: ffi::Py_ssize_t,
    item_size: ffi::Py_ssize_t,
    read_only: c_int,
    dimensions: c_int,
    format: *const c_char,
    shape: *mut ffi::Py_ssize_t,
    strides: *mut ffi::Py_ssize_t,
    sub_offsets: *mut ffi::Py_ssize_t,
    internal: *mut c_void,
}

/// An object of the type. Python makes it of zeros.
#[repr(C)]
struct Kept {
    base: ffi::PyObject,
    filled: bool,
    bytes: MaybeUninit<Bytes>,
}

impl Kept {
    /// What it keeps; one that Python code has made by itself keeps nothing.
    fn bytes(&self) -> &[u8] {
        if !self.filled {
            return &[];
        }
        // SAFETY: it is filled, and stays so until it is freed.
        unsafe { self.bytes.assume_init_ref() }
    }
}

/// `bf_getbuffer`
unsafe extern "C" fn get_buffer(
    object: *mut ffi::PyObject,
    buffer: *mut Buffer,
    flags: c_int,
) -> c_int {
    // SAFETY: Python calls this with an object of the type, a buffer to fill, and the interpreter held.
    unsafe {
        (*buffer).owner = ptr::null_mut();
        if flags & WRITABLE != 0 {
            PyBufferError::new_err("received bytes cannot be written to")
                .restore(Python::assume_attached());
            return -1;
        }
        let bytes = (*object.cast::<Kept>()).bytes();
        let when = |wanted: c_int| flags & wanted == wanted;
        buffer.write(Buffer {
            start: bytes.as_ptr().cast_mut().cast(),
            owner: object,
            // A slice is never longer than this type can tell.
            length: bytes.len() as ffi::Py_ssize_t,
            item_size: 1,
            read_only: 1,
            dimensions: 1,
            format: if when(FORMAT) {
                c"B".as_ptr()
            } else {
                ptr::null()
            },
            shape: ptr::null_mut(),
            strides: ptr::null_mut(),
            sub_offsets: ptr::null_mut(),
            internal: ptr::null_mut(),
        });
        if when(SHAPE) {
            (*buffer).shape = &raw mut (*buffer).length;
        }
        if when(STRIDES) {
            (*buffer).strides = &raw mut (*buffer).item_size;
        }
        ffi::Py_INCREF(object);
    }
    0
}

/// `tp_dealloc`
unsafe extern "C" fn free(object: *mut ffi::PyObject) {
    // SAFETY: the last reference is gone; `tp_free` belongs to the type that allocated it, which its objects hold.
    unsafe {
        let kept = object.cast::<Kept>();
        if (*kept).filled {
            (*kept).bytes.assume_init_drop();
        }
        let kind = ffi::Py_TYPE(object);
        let free = ffi::PyType_GetSlot(kind, ffi::Py_tp_free);
        let free: ffi::freefunc = std::mem::transmute(free);
        free(object.cast());
        ffi::Py_DECREF(kind.cast());
    }
}

fn kind(py: Python<'_>) -> PyResult<&Bound<'_, PyType>> {
    static KIND: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    KIND.get_or_try_init(py, || {
        let slot = |slot, pfunc| ffi::PyType_Slot { slot, pfunc };
        let mut slots = [
            slot(GET_BUFFER, get_buffer as *mut c_void),
            slot(ffi::Py_tp_dealloc, free as *mut c_void),
            slot(0, ptr::null_mut()),
        ];
        let mut spec = ffi::PyType_Spec {
            name: c"trunkline._native.Received".as_ptr(),
            basicsize: size_of::<Kept>() as c_int,
            itemsize: 0,
            flags: ffi::Py_TPFLAGS_DEFAULT as _,
            slots: slots.as_mut_ptr(),
        };
        // SAFETY: the specification and its slots live through the call; the name is static. The result is a new reference
        // to a type, or null with an exception set.
        let kind = unsafe {
            Bound::from_owned_ptr_or_err(py, ffi::PyType_FromSpec(&raw mut spec))?
                .cast_into_unchecked::<PyType>()
        };
        Ok::<_, PyErr>(kind.unbind())
    })
    .map(|kind| kind.bind(py))
}

/// A view of these bytes. So few that a copy costs less are copied, and keep nothing else.
pub(crate) fn view(py: Python<'_>, bytes: Bytes) -> PyResult<Bound<'_, PyMemoryView>> {
    if bytes.len() < LEAST {
        return PyMemoryView::from(&PyBytes::new(py, &bytes));
    }
    let kind = kind(py)?;
    // SAFETY: the type is one of ours, so that its objects are `Kept`s, made of zeros; nobody else has this one yet.
    let kept = unsafe {
        let object = ffi::PyType_GenericAlloc(kind.as_type_ptr(), 0);
        let object = Bound::from_owned_ptr_or_err(py, object)?;
        let kept = object.as_ptr().cast::<Kept>();
        (*kept).bytes.write(bytes);
        (*kept).filled = true;
        object
    };
    PyMemoryView::from(&kept)
}
