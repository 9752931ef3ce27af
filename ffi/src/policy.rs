//! Where settings of the policy go: what is done with answers, by a manager's options or by a request's.

use engine::{Policy, PolicyOverrides, Result};

use crate::handle::{trunk_manager_options, trunk_request_options};
use crate::status::trunk_status;
use crate::{options, request_options};

/// The policy that options hold.
pub(crate) enum PolicyMut<'a> {
    /// The defaults of a manager.
    Defaults(&'a mut Policy),
    /// What a request does otherwise.
    Overrides(&'a mut PolicyOverrides),
}

/// Options that hold a policy.
pub(crate) trait PolicyHolder {
    /// Changes it. What `change` gives back is dropped without a lock.
    fn change_policy<T>(
        options: *mut Self,
        change: impl FnOnce(PolicyMut<'_>) -> Result<T>,
    ) -> trunk_status;
}

impl PolicyHolder for trunk_manager_options {
    fn change_policy<T>(
        options: *mut Self,
        change: impl FnOnce(PolicyMut<'_>) -> Result<T>,
    ) -> trunk_status {
        options::change(options, |options| {
            change(PolicyMut::Defaults(&mut options.policy))
        })
    }
}

impl PolicyHolder for trunk_request_options {
    fn change_policy<T>(
        options: *mut Self,
        change: impl FnOnce(PolicyMut<'_>) -> Result<T>,
    ) -> trunk_status {
        request_options::change(options, |request| {
            change(PolicyMut::Overrides(request.policy()))
        })
    }
}

/// Sets one field of the policy that options hold. The value is made once the handle is known to be live, and may fail.
macro_rules! set_policy {
    ($options:expr, $field:ident, $value:expr) => {
        $crate::policy::PolicyHolder::change_policy($options, |policy| {
            let value = $value;
            Ok(match policy {
                $crate::policy::PolicyMut::Defaults(policy) => {
                    Some(std::mem::replace(&mut policy.$field, value))
                }
                $crate::policy::PolicyMut::Overrides(policy) => policy.$field.replace(value),
            })
        })
    };
}

pub(crate) use set_policy;
