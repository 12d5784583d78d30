//! How figures are told: a table for people, JSON for machines.
//!
//! The JSON is one object; its shape changes only by additions:
//!
//! ```text
//! version, commit?            of this program, and of the repository it ran in
//! machine                     { cores, cpu?, memory_mib? }
//! store                       the engine and its version
//! seconds, rounds             how long each measurement lasted, and how often it was repeated
//! figures[]
//!   workload, case            what was done
//!   unit                      per_second | ms | mib
//!   value                     { median, min, max } over the rounds, in that unit
//!   p50_ms?, p99_ms?          { median, min, max } of the time that an answer took
//!   ceiling?                  { name, value: { median, min, max } }, in the same unit, measured in turns with it
//!   ratio?                    { median, min, max }: value / ceiling of the same round
//!   mark?                     { of: value | p99_ms | ratio, at_least?, at_most?, met }
//!   cpu_us?                   processor time for each operation: { own, server? }, in microseconds
//!   peak_mib?                 most memory resident: the server's where there is one, else this process's
//! ```

use std::fmt::Write as _;

use serde::Serialize;

use crate::Outcome;

/// Over the rounds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Spread {
    /// The middle one.
    pub median: f64,
    /// The least.
    pub min: f64,
    /// The most.
    pub max: f64,
}

impl Spread {
    /// Of at least one value.
    pub fn of(values: impl IntoIterator<Item = f64>) -> Self {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_unstable_by(f64::total_cmp);
        let at = |index: usize| values.get(index).copied().unwrap_or(f64::NAN);
        Self {
            median: f64::midpoint(at(values.len().saturating_sub(1) / 2), at(values.len() / 2)),
            min: at(0),
            max: at(values.len().saturating_sub(1)),
        }
    }
}

/// In what a figure is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Operations a second.
    PerSecond,
    /// Milliseconds.
    Ms,
    /// Mebibytes.
    Mib,
}

/// What the same machine allows at most (or, where the figure is a time or a size, at least).
#[derive(Clone, Debug, Serialize)]
pub struct Ceiling {
    /// What it is.
    pub name: String,
    /// In the figure's unit.
    pub value: Spread,
}

/// What a mark speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Of {
    /// The figure itself.
    Value,
    /// All but one answer in a hundred.
    P99Ms,
    /// The figure as a share of its ceiling.
    Ratio,
}

/// What the figure shall be.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Mark {
    /// What of it.
    pub of: Of,
    /// No less than this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at_least: Option<f64>,
    /// No more than this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at_most: Option<f64>,
    /// Whether the median is so.
    pub met: bool,
}

/// Processor time for each operation, in microseconds.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct CpuUs {
    /// Of this process: the generator, and the workload itself where there is no server.
    pub own: f64,
    /// Of the server's process. A database server's is not in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server: Option<f64>,
}

/// What a workload achieved.
#[derive(Clone, Debug, Serialize)]
pub struct Figure {
    /// Which workload.
    pub workload: &'static str,
    /// What was done.
    pub case: String,
    /// The unit of value and ceiling.
    pub unit: Unit,
    /// The figure.
    pub value: Spread,
    /// Half of the answers came within this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p50_ms: Option<Spread>,
    /// All but one in a hundred came within this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p99_ms: Option<Spread>,
    /// What was possible.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ceiling: Option<Ceiling>,
    /// The one divided by the other.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ratio: Option<Spread>,
    /// What it shall be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mark: Option<Mark>,
    /// What it took of the processors.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu_us: Option<CpuUs>,
    /// What it took of the memory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peak_mib: Option<f64>,
}

impl Figure {
    /// A figure that stands alone.
    pub fn bare(workload: &'static str, case: impl Into<String>, unit: Unit, value: Spread) -> Self {
        Self {
            workload,
            case: case.into(),
            unit,
            value,
            p50_ms: None,
            p99_ms: None,
            ceiling: None,
            ratio: None,
            mark: None,
            cpu_us: None,
            peak_mib: None,
        }
    }

    fn told(&self, of: Of) -> Option<f64> {
        match of {
            Of::Value => Some(self.value.median),
            Of::P99Ms => self.p99_ms.map(|spread| spread.median),
            Of::Ratio => self.ratio.map(|spread| spread.median),
        }
    }

    /// It shall be at least this.
    #[must_use]
    pub fn at_least(mut self, of: Of, bound: f64) -> Self {
        self.mark = Some(Mark {
            of,
            at_least: Some(bound),
            at_most: None,
            met: self.told(of).is_some_and(|told| told >= bound),
        });
        self
    }

    /// It shall be at most this.
    #[must_use]
    pub fn at_most(mut self, of: Of, bound: f64) -> Self {
        self.mark = Some(Mark {
            of,
            at_least: None,
            at_most: Some(bound),
            met: self.told(of).is_some_and(|told| told <= bound),
        });
        self
    }
}

/// The machine that it was measured on.
#[derive(Clone, Debug, Serialize)]
pub struct Machine {
    /// Cores that may be used.
    pub cores: usize,
    /// What they are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu: Option<String>,
    /// Memory in all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_mib: Option<u64>,
}

impl Machine {
    /// This one.
    pub fn this() -> Outcome<Self> {
        let told = |file: &str, name: &str| {
            let text = std::fs::read_to_string(file).ok()?;
            let line = text.lines().find(|line| line.starts_with(name))?;
            line.split_once(':').map(|(_, value)| value.trim().to_owned())
        };
        let kib = told("/proc/meminfo", "MemTotal")
            .and_then(|value| value.strip_suffix(" kB")?.parse::<u64>().ok());
        Ok(Self {
            cores: std::thread::available_parallelism()?.get(),
            cpu: told("/proc/cpuinfo", "model name"),
            memory_mib: kib.map(|kib| kib / 1_024),
        })
    }
}

/// A run.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Of this program.
    pub version: &'static str,
    /// Of the repository in whose tree it runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// Where it ran.
    pub machine: Machine,
    /// On what it stored.
    pub store: String,
    /// How long each measurement lasted.
    pub seconds: u64,
    /// How often each was made.
    pub rounds: usize,
    /// What came of it.
    pub figures: Vec<Figure>,
}

/// The commit that is checked out here, if this is a repository.
pub fn commit() -> Option<String> {
    let asked = std::process::Command::new("git")
        .args(["rev-parse", "--short=12", "HEAD"])
        .output()
        .ok()?;
    let said = String::from_utf8(asked.stdout).ok()?;
    asked.status.success().then(|| said.trim().to_owned())
}

impl Report {
    /// To standard output.
    pub fn print(&self, json: bool) -> Outcome<()> {
        if json {
            println!("{}", serde_json::to_string_pretty(self)?);
        } else {
            print!("{}", self.table()?);
        }
        Ok(())
    }

    fn table(&self) -> Outcome<String> {
        let mut text = String::new();
        writeln!(
            text,
            "{} cores, {}, {} rounds of {} s; medians (lowest - highest)\n",
            self.machine.cores, self.store, self.rounds, self.seconds
        )?;
        let titles = [
            "workload", "figure", "p50 ms", "p99 ms", "ratio", "mark", "CPU us", "peak MiB", "ceiling",
        ];
        let mut rows = vec![titles.map(str::to_owned)];
        rows.extend(self.figures.iter().map(row));
        let widths: Vec<usize> = (0..titles.len())
            .map(|column| {
                rows.iter()
                    .map(|row| row[column].chars().count())
                    .max()
                    .unwrap_or(0)
            })
            .collect();
        for row in rows {
            for (index, (cell, width)) in row.iter().zip(&widths).enumerate() {
                // Words to the left, numbers to the right.
                if index == 0 || index == titles.len() - 1 {
                    write!(text, "{cell:width$}  ")?;
                } else {
                    write!(text, "{cell:>width$}  ")?;
                }
            }
            text.truncate(text.trim_end().len());
            text.push('\n');
        }
        Ok(text)
    }
}

fn row(figure: &Figure) -> [String; 9] {
    let suffix = match figure.unit {
        Unit::PerSecond => "/s",
        Unit::Ms => " ms",
        Unit::Mib => " MiB",
    };
    let digits = |value: f64| if value < 100.0 { 2 } else { 0 };
    let plain = |value: f64| format!("{value:.*}", digits(value));
    let spread = |spread: Spread| {
        let median = plain(spread.median);
        format!("{median}{suffix} ({} - {})", plain(spread.min), plain(spread.max))
    };
    let optional = |value: Option<f64>| value.map_or_else(String::new, plain);
    let mark = figure.mark.map_or_else(String::new, |mark| {
        let (sign, bound) = match (mark.at_least, mark.at_most) {
            (Some(bound), _) => (">=", bound),
            (None, bound) => ("<=", bound.unwrap_or_default()),
        };
        let bound = match mark.of {
            Of::Value => format!("{sign} {bound:.0}"),
            Of::P99Ms => format!("p99 {sign} {bound:.0}"),
            Of::Ratio => format!("{sign} {:.0}%", bound * 100.0),
        };
        format!("{bound} {}", if mark.met { "met" } else { "MISSED" })
    });
    [
        format!("{}: {}", figure.workload, figure.case),
        spread(figure.value),
        optional(figure.p50_ms.map(|spread| spread.median)),
        optional(figure.p99_ms.map(|spread| spread.median)),
        figure
            .ratio
            .map_or_else(String::new, |ratio| format!("{:.1}%", ratio.median * 100.0)),
        mark,
        optional(figure.cpu_us.map(|cpu| cpu.server.unwrap_or(cpu.own))),
        optional(figure.peak_mib),
        figure.ceiling.as_ref().map_or_else(String::new, |ceiling| {
            format!("{}{suffix} {}", plain(ceiling.value.median), ceiling.name)
        }),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_is_the_middle() {
        let spread = Spread::of([3.0, 1.0, 2.0]);
        assert_eq!((spread.median, spread.min, spread.max), (2.0, 1.0, 3.0));
        assert!((Spread::of([1.0, 2.0]).median - 1.5).abs() < f64::EPSILON);
    }

    #[test]
    fn a_mark_is_judged_by_the_median() {
        let figure = Figure::bare("start", "empty", Unit::Ms, Spread::of([100.0, 200.0, 900.0]));
        assert!(figure.clone().at_most(Of::Value, 300.0).mark.unwrap().met);
        assert!(!figure.clone().at_most(Of::Value, 150.0).mark.unwrap().met);
        assert!(
            !figure.at_least(Of::Ratio, 0.1).mark.unwrap().met,
            "it has no ratio"
        );
    }
}
