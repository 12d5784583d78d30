//! What a process has used, as Linux tells it: processor time and memory. Nothing is estimated: what cannot be read is not
//! reported.

use std::{fs, time::Duration};

use crate::Outcome;

/// The kernel tells processor time in these, whatever its own clock is (`USER_HZ`).
const TICKS_PER_SECOND: u32 = 100;

/// One process of this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Process(String);

impl Process {
    /// This one.
    pub fn own() -> Self {
        Self("self".to_owned())
    }

    /// Another, by its id.
    pub fn of(pid: u32) -> Self {
        Self(pid.to_string())
    }

    fn read(&self, file: &str) -> Outcome<String> {
        Ok(fs::read_to_string(format!("/proc/{}/{file}", self.0))?)
    }

    /// Processor time so far, user and system together, of all its threads.
    pub fn cpu(&self) -> Outcome<Duration> {
        let stat = self.read("stat")?;
        ticks(&stat)
            .map(|ticks| Duration::from_secs(ticks) / TICKS_PER_SECOND)
            .ok_or_else(|| format!("/proc/{}/stat is not understood", self.0).into())
    }

    /// The most memory that was resident since the last [`forget_peak`](Self::forget_peak), in MiB.
    pub fn peak_mib(&self) -> Outcome<f64> {
        self.status("VmHWM:")
    }

    /// The memory that is resident now, in MiB.
    pub fn resident_mib(&self) -> Outcome<f64> {
        self.status("VmRSS:")
    }

    /// From now on the peak is that of what follows.
    pub fn forget_peak(&self) {
        // Where it is not allowed, the peak is that of the whole life: it is a peak still.
        let _ = fs::write(format!("/proc/{}/clear_refs", self.0), "5");
    }

    fn status(&self, name: &str) -> Outcome<f64> {
        let status = self.read("status")?;
        let kib = status
            .lines()
            .find_map(|line| {
                line.strip_prefix(name)?
                    .trim()
                    .strip_suffix(" kB")?
                    .parse::<u32>()
                    .ok()
            })
            .ok_or_else(|| format!("/proc/{}/status does not tell {name}", self.0))?;
        Ok(f64::from(kib) / 1_024.0)
    }
}

/// `utime` and `stime` of proc_pid_stat(5), the 14th and the 15th field. The second field, a name, may hold anything.
fn ticks(stat: &str) -> Option<u64> {
    let (_, rest) = stat.rsplit_once(") ")?;
    let mut fields = rest.split_ascii_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(user + system)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processor_time_is_read_after_a_name_with_anything_in_it() {
        let stat = "7 (a) b (c)) S 1 7 7 0 -1 4194560 100 0 0 0 250 50 0 0 20 0 9 0 100 1 1";
        assert_eq!(ticks(stat), Some(300));
        assert_eq!(ticks("7 (a) S 1"), None);
    }

    #[test]
    fn this_process_uses_memory() {
        let own = Process::own();
        let (resident, peak) = (own.resident_mib().unwrap(), own.peak_mib().unwrap());
        assert!(0.5 < resident && resident <= peak + 1.0, "{resident} {peak}");
        assert!(own.cpu().is_ok());
    }
}
