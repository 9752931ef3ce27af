//! Which library this is.

use crate::view::trunk_view;

/// The version of this ABI, as the header knows it. It grows with every change that breaks a compiled program.
pub const TRUNK_ABI_VERSION: u32 = 1;

/// The version of the ABI, as the library knows it. Compare it with `TRUNK_ABI_VERSION` where the library is loaded at
/// run time.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_abi_version() -> u32 {
    TRUNK_ABI_VERSION
}

/// The version of the library, for example `0.1.0`.
///
/// Valid until: the process ends.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_version() -> trunk_view {
    trunk_view::of_text(env!("CARGO_PKG_VERSION"))
}
