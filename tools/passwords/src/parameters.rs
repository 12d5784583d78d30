//! How costly a hash is made, and how costly a stored one may ask to be.
//! The default is OWASP's least recommendation for Argon2id; what lies below it is for tests only.

use argon2::{Algorithm, Argon2, Params, Version};
use serde::{Deserialize, Serialize};

use crate::HashError;

/// Length of a hash in bytes: 256 bits (RFC 9106 section 4).
pub(crate) const OUTPUT_BYTES: usize = 32;
/// Length of a salt in bytes: 128 bits (RFC 9106 section 4).
pub(crate) const SALT_BYTES: usize = 16;

/// No hash, stored or new, gets more memory than this: 1 GiB.
const MOST_MEMORY_KIB: u32 = 1024 * 1024;
/// Nor passes over more than this in all: 4 GiB, some seconds of one core.
const MOST_WORK_KIB: u64 = 4 * 1024 * 1024;
/// Nor more lanes. They are computed one after the other here, so that more of them buy nothing.
const MOST_LANES: u32 = 255;

/// The cost of new hashes (Argon2id, version 1.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Parameters {
    /// Memory, in KiB.
    pub memory_kib: u32,
    /// Passes over the memory.
    pub iterations: u32,
    /// Lanes.
    pub parallelism: u32,
}

impl Default for Parameters {
    /// 19 MiB, two passes, one lane: some 20 ms.
    fn default() -> Self {
        Self {
            memory_kib: 19 * 1024,
            iterations: 2,
            parallelism: 1,
        }
    }
}

impl Parameters {
    /// Whether this is at least what the OWASP Password Storage Cheat Sheet asks for. To be demanded of a
    /// configuration; tests may go below.
    pub fn meets_recommendation(&self) -> bool {
        let least = Self::default();
        self.memory_kib >= least.memory_kib && self.iterations >= least.iterations
    }

    /// Argon2id with these parameters, if they are possible and not absurd.
    pub(crate) fn argon2(&self) -> Result<Argon2<'static>, HashError> {
        let params = Params::new(
            self.memory_kib,
            self.iterations,
            self.parallelism,
            Some(OUTPUT_BYTES),
        )
        .map_err(|_| HashError::InvalidParameters)?;
        if is_absurd(&params) {
            return Err(HashError::InvalidParameters);
        }
        Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
    }
}

/// Whether a hash asks for more than any honest one would, so that computing it would be an attack on
/// ourselves.
pub(crate) fn is_absurd(params: &Params) -> bool {
    params.m_cost() > MOST_MEMORY_KIB
        || u64::from(params.m_cost()) * u64::from(params.t_cost()) > MOST_WORK_KIB
        || params.p_cost() > MOST_LANES
}
