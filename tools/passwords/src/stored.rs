//! A stored hash, read from its PHC string before anything is computed from it. What it asks for is bounded
//! here: the string comes from a store, an import, a backup, and is not trusted with the machine.

use argon2::password_hash::phc::{Output, PasswordHash, Salt};
use argon2::{Algorithm, Argon2, Params, Version};

use crate::HashError;
use crate::parameters::{OUTPUT_BYTES, Parameters, SALT_BYTES, is_absurd};

/// A password hash with all that is needed to compute it again.
pub(crate) struct Stored {
    pub(crate) argon2: Argon2<'static>,
    pub(crate) salt: Salt,
    pub(crate) output: Output,
    /// Whether a new hash of the same password would be made otherwise.
    pub(crate) outdated: bool,
}

impl Stored {
    /// Reads a PHC string: `$argon2id$v=19$m=19456,t=2,p=1$<salt>$<hash>`.
    ///
    /// Argon2i, Argon2d and version 1.0 are read as well, so that users can be brought along from elsewhere;
    /// they are outdated.
    pub(crate) fn parse(phc: &str, current: &Parameters) -> Result<Self, HashError> {
        let malformed = HashError::MalformedHash;
        let hash = PasswordHash::new(phc).map_err(|_| malformed)?;
        let algorithm = Algorithm::try_from(hash.algorithm.as_str()).map_err(|_| malformed)?;
        // The reference implementation writes no version for 1.0.
        let version = hash
            .version
            .map_or(Ok(Version::V0x10), Version::try_from)
            .map_err(|_| malformed)?;
        // The library would fill in its defaults for parameters that are absent.
        if ["m", "t", "p"]
            .iter()
            .any(|name| hash.params.get_decimal(*name).is_none())
        {
            return Err(malformed);
        }
        let params = Params::try_from(&hash).map_err(|_| malformed)?;
        if is_absurd(&params) {
            return Err(HashError::ExcessiveParameters);
        }
        let (Some(salt), Some(output)) = (hash.salt, hash.hash) else {
            return Err(malformed);
        };
        let outdated = algorithm != Algorithm::Argon2id
            || version != Version::V0x13
            || params.m_cost() != current.memory_kib
            || params.t_cost() != current.iterations
            || params.p_cost() != current.parallelism
            || output.len() != OUTPUT_BYTES
            || salt.len() < SALT_BYTES;
        Ok(Self {
            argon2: Argon2::new(algorithm, version, params),
            salt,
            output,
            outdated,
        })
    }
}
