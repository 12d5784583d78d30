//! Devices on which their users let no second factor be asked for. The rule: such a device proves nothing; what the realm wants of everybody is
//! not asked on it for a while, whatever an application wants is; and it is asked of the log each time, so that trust that is taken away is gone
//! within a second.

use events::{
    devices::{Device, Devices},
    ids::UserId,
    kernel::KernelError,
    users::{User, last_ending},
};

use super::methods::Held;
use crate::auth::{known_device, sessions::SignedIn, visit::Visit};

/// Whether somebody is on a device that they trust.
pub async fn is_on_trusted(
    visit: &Visit,
    user: UserId,
    state: &User,
    held: &Held,
) -> Result<bool, KernelError> {
    let Some(device) = known_device::of(visit, user).await? else {
        return Ok(false);
    };
    let devices = devices(visit, user).await?;
    stands(visit, devices.device(device), state, held).await
}

/// Whether a session began on a device that its user trusts.
pub async fn began_on_trusted(visit: &Visit, signed_in: &SignedIn, held: &Held) -> Result<bool, KernelError> {
    let devices = devices(visit, signed_in.user).await?;
    stands(visit, devices.of_session(signed_in.id), &signed_in.state, held).await
}

async fn devices(visit: &Visit, user: UserId) -> Result<Devices, KernelError> {
    let kernel = visit.edge.kernel();
    Ok(kernel.current::<Devices>(visit.realm.id, user.0).await?.state)
}

/// Whether a device is trusted now, where the realm lets people trust any.
async fn stands(
    visit: &Visit,
    device: Option<&Device>,
    state: &User,
    held: &Held,
) -> Result<bool, KernelError> {
    let now = visit.edge.kernel().now();
    let ending = last_ending(state, &held.password);
    if !device.is_some_and(|device| device.is_trusted(now, ending)) {
        return Ok(false);
    }
    let settings = visit.edge.settings(visit.realm.id).await?;
    Ok(settings.mfa.trust_days > 0)
}
