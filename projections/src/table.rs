//! Tables and their rows. A table is declared once, as the struct of its row (`record!`): from it follow the columns,
//! the key, and the way between the struct and the stored values.

use std::cmp::Ordering;

use crate::cell::{ColumnType, Value};

/// One column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: &'static str,
    /// What it holds.
    pub kind: ColumnType,
    /// Whether it is part of the key. Key columns come first.
    pub key: bool,
    /// Whether it may hold nothing.
    pub nullable: bool,
}

/// One table of the read models.
#[derive(Debug)]
pub struct Table {
    /// Its name.
    pub name: &'static str,
    /// Its columns, those of the key first.
    pub columns: &'static [Column],
    /// The columns of each further index.
    pub indexes: &'static [&'static [&'static str]],
    /// The keys of the rows of another table, of keys alone, that follow from a row of this one: they come and go with it.
    pub derived: Option<fn(&Row) -> Vec<Key>>,
}

impl Table {
    /// The columns of the key.
    pub fn key_columns(&self) -> impl Iterator<Item = &'static Column> {
        self.columns.iter().take_while(|column| column.key)
    }

    /// The key of one of its rows.
    pub fn key_of(&'static self, row: &Row) -> Key {
        Key {
            table: self,
            values: row.iter().take(self.key_columns().count()).cloned().collect(),
        }
    }
}

/// The values of one row, in the order of the table's columns.
pub type Row = Vec<Value>;

/// Which row of which table.
#[derive(Clone, Debug)]
pub struct Key {
    /// The table.
    pub table: &'static Table,
    /// The values of its key columns.
    pub values: Vec<Value>,
}

impl Ord for Key {
    fn cmp(&self, other: &Self) -> Ordering {
        self.table
            .name
            .cmp(other.table.name)
            .then_with(|| self.values.cmp(&other.values))
    }
}

impl PartialOrd for Key {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Key {}

/// A row as a struct.
pub trait Record: Sized + Clone + Send + 'static {
    /// Its table.
    fn table() -> &'static Table;
    /// Its values, in the order of the columns.
    fn to_row(&self) -> Row;
    /// The struct again; the name of the column that does not hold what it should.
    fn from_row(row: &Row) -> Result<Self, &'static str>;
    /// Its key.
    fn key(&self) -> Key;
}

/// Declares a table and the struct of its rows.
macro_rules! record {
    (
        $(#[$about:meta])*
        $vis:vis struct $record:ident in $table:literal
        key { $( $(#[$key_about:meta])* $key:ident: $key_type:ty, )+ }
        row { $( $(#[$about_column:meta])* $column:ident: $type:ty, )* }
        indexes [ $( [ $($indexed:literal),+ ] ),* $(,)? ]
        $(derived $derived:path)?
    ) => {
        $(#[$about])*
        #[derive(Clone, Debug, PartialEq)]
        $vis struct $record {
            $( $(#[$key_about])* pub $key: $key_type, )+
            $( $(#[$about_column])* pub $column: $type, )*
        }

        impl $record {
            /// The key of the row with these.
            pub fn key($($key: $key_type),+) -> $crate::table::Key {
                $crate::table::Key {
                    table: <Self as $crate::table::Record>::table(),
                    values: vec![$($crate::cell::Cell::to_value(&$key)),+],
                }
            }
        }

        impl $crate::table::Record for $record {
            fn table() -> &'static $crate::table::Table {
                static TABLE: $crate::table::Table = $crate::table::Table {
                    name: $table,
                    columns: &[
                        $($crate::table::Column {
                            name: stringify!($key),
                            kind: <$key_type as $crate::cell::Cell>::TYPE,
                            key: true,
                            nullable: false,
                        },)+
                        $($crate::table::Column {
                            name: stringify!($column),
                            kind: <$type as $crate::cell::Cell>::TYPE,
                            key: false,
                            nullable: <$type as $crate::cell::Cell>::NULLABLE,
                        },)*
                    ],
                    indexes: &[$(&[$($indexed),+]),*],
                    derived: [$(Some($derived as fn(&$crate::table::Row) -> Vec<$crate::table::Key>),)? None][0],
                };
                &TABLE
            }

            fn key(&self) -> $crate::table::Key {
                Self::key($(self.$key.clone()),+)
            }

            fn to_row(&self) -> $crate::table::Row {
                vec![
                    $($crate::cell::Cell::to_value(&self.$key),)+
                    $($crate::cell::Cell::to_value(&self.$column),)*
                ]
            }

            fn from_row(row: &$crate::table::Row) -> Result<Self, &'static str> {
                let mut values = row.iter();
                Ok(Self {
                    $($key: values
                        .next()
                        .and_then($crate::cell::Cell::from_value)
                        .ok_or(concat!($table, ".", stringify!($key)))?,)+
                    $($column: values
                        .next()
                        .and_then($crate::cell::Cell::from_value)
                        .ok_or(concat!($table, ".", stringify!($column)))?,)*
                })
            }
        }
    };
}
pub(crate) use record;
