//! The rows that a projection works on, in memory: those that it said its events touch. What it reads or changes beside
//! them is a defect, remembered here and told to the runner, since it would make the outcome depend on the batch.

use std::collections::{BTreeMap, BTreeSet};

use crate::table::{Key, Record, Row, Table};

/// Rows by key, as they were loaded and as they are now.
#[derive(Clone, Debug, Default)]
pub struct Rows {
    entries: BTreeMap<Key, Entry>,
    /// Whether every key counts as loaded: history starts from nothing.
    complete: bool,
    fault: Option<String>,
}

#[derive(Clone, Debug, Default)]
struct Entry {
    before: Option<Row>,
    now: Option<Row>,
}

/// What became of the rows: each at most once.
#[derive(Debug, Default)]
pub struct Changes {
    /// New and changed rows, by table.
    pub upserts: BTreeMap<&'static str, (&'static Table, Vec<Row>)>,
    /// Rows that are gone, by table.
    pub deletes: BTreeMap<&'static str, (&'static Table, Vec<Key>)>,
}

impl Changes {
    fn upsert(&mut self, table: &'static Table, row: Row) {
        let of_table = self.upserts.entry(table.name).or_insert((table, Vec::new()));
        of_table.1.push(row);
    }

    fn delete(&mut self, key: Key) {
        let of_table = self
            .deletes
            .entry(key.table.name)
            .or_insert((key.table, Vec::new()));
        of_table.1.push(key);
    }

    /// What follows from a row as it is now, and not from what it was, comes; what followed from that alone goes.
    fn follow(&mut self, derived: fn(&Row) -> Vec<Key>, before: Option<&Row>, now: Option<&Row>) {
        let keys = |row: Option<&Row>| row.map(derived).into_iter().flatten().collect::<BTreeSet<_>>();
        let (before, now) = (keys(before), keys(now));
        for key in now.difference(&before) {
            self.upsert(key.table, key.values.clone());
        }
        for key in before.difference(&now) {
            self.delete(key.clone());
        }
    }
}

impl Rows {
    /// These rows, of which those not found are absent.
    pub fn loaded(keys: impl IntoIterator<Item = Key>, found: impl IntoIterator<Item = (Key, Row)>) -> Self {
        let mut entries: BTreeMap<_, _> = keys.into_iter().map(|key| (key, Entry::default())).collect();
        for (key, row) in found {
            entries.insert(
                key,
                Entry {
                    before: Some(row.clone()),
                    now: Some(row),
                },
            );
        }
        Self {
            entries,
            complete: false,
            fault: None,
        }
    }

    /// Nothing yet, and nothing elsewhere: for folding a history from its start.
    pub fn from_nothing() -> Self {
        Self {
            complete: true,
            ..Self::default()
        }
    }

    /// The row of this key.
    pub fn get<R: Record>(&mut self, key: &Key) -> Option<R> {
        match self.entries.get(key) {
            Some(entry) => match R::from_row(entry.now.as_ref()?) {
                Ok(record) => Some(record),
                Err(column) => {
                    self.fault(format!("{column} holds what it cannot"));
                    None
                }
            },
            None if self.complete => None,
            None => {
                self.fault(format!("a row of {} was read undeclared", key.table.name));
                None
            }
        }
    }

    /// Makes or replaces a row.
    pub fn put<R: Record>(&mut self, record: &R) {
        self.set(record.key(), Some(record.to_row()));
    }

    /// Changes a row, if there is one.
    pub fn update<R: Record>(&mut self, key: &Key, change: impl FnOnce(&mut R)) {
        if let Some(mut record) = self.get::<R>(key) {
            change(&mut record);
            self.set(key.clone(), Some(record.to_row()));
        }
    }

    /// Makes a row that no other event ever touches (its key names the event): it need not be declared.
    pub fn insert<R: Record>(&mut self, record: &R) {
        self.entries.insert(
            record.key(),
            Entry {
                before: None,
                now: Some(record.to_row()),
            },
        );
    }

    /// Deletes a row.
    pub fn remove(&mut self, key: &Key) {
        self.set(key.clone(), None);
    }

    /// All rows of a table, in the order of their keys.
    pub fn all<R: Record>(&self) -> Vec<R> {
        let of_table = self
            .entries
            .iter()
            .filter(|(key, _)| key.table.name == R::table().name);
        of_table
            .filter_map(|(_, entry)| R::from_row(entry.now.as_ref()?).ok())
            .collect()
    }

    /// What was done against the rules, if anything.
    pub fn take_fault(&mut self) -> Option<String> {
        self.fault.take()
    }

    /// Adds the net changes, and those that follow from them: what ends as it began is not among them.
    pub fn drain_into(self, changes: &mut Changes) {
        for (key, Entry { before, now }) in self.entries {
            if before == now {
                continue;
            }
            if let Some(derived) = key.table.derived {
                changes.follow(derived, before.as_ref(), now.as_ref());
            }
            match now {
                Some(row) => changes.upsert(key.table, row),
                None => changes.delete(key),
            }
        }
    }

    fn set(&mut self, key: Key, row: Option<Row>) {
        if self.complete {
            self.entries.entry(key).or_default().now = row;
        } else if let Some(entry) = self.entries.get_mut(&key) {
            entry.now = row;
        } else {
            self.fault(format!("a row of {} was written undeclared", key.table.name));
        }
    }

    fn fault(&mut self, fault: String) {
        self.fault.get_or_insert(fault);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::record;

    record! {
        /// A row for tests.
        struct Count in "count"
        key {
            /// Which.
            name: String,
        }
        row {
            /// How many.
            number: i64,
        }
        indexes []
    }

    fn key(name: &str) -> Key {
        Count::key(name.to_owned())
    }

    fn count(name: &str, number: i64) -> Count {
        Count {
            name: name.to_owned(),
            number,
        }
    }

    #[test]
    fn what_ends_as_it_began_is_not_written() {
        let found = [
            (key("a"), count("a", 1).to_row()),
            (key("b"), count("b", 1).to_row()),
        ];
        let mut rows = Rows::loaded([key("a"), key("b"), key("c"), key("d")], found);
        rows.update(&key("a"), |row: &mut Count| row.number = 2);
        rows.update(&key("a"), |row: &mut Count| row.number = 1);
        rows.remove(&key("b"));
        rows.put(&count("c", 1));
        rows.remove(&key("c"));
        rows.put(&count("d", 4));
        rows.update(&key("nobody"), |row: &mut Count| row.number = 2);
        assert_eq!(
            rows.take_fault().as_deref(),
            Some("a row of count was read undeclared")
        );

        let mut changes = Changes::default();
        rows.drain_into(&mut changes);
        assert_eq!(changes.upserts["count"].1, vec![count("d", 4).to_row()]);
        assert_eq!(changes.deletes["count"].1, vec![key("b")]);
    }

    #[test]
    fn what_was_not_declared_is_a_fault_except_in_a_history() {
        let mut rows = Rows::loaded([], []);
        rows.put(&count("a", 1));
        assert!(rows.take_fault().is_some());
        assert!(rows.all::<Count>().is_empty());

        let mut history = Rows::from_nothing();
        assert_eq!(history.get::<Count>(&key("a")), None);
        history.put(&count("a", 1));
        assert_eq!(history.all::<Count>(), vec![count("a", 1)]);
        assert_eq!(history.take_fault(), None);
    }
}
