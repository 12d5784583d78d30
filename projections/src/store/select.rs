//! A question to one table: conditions that hold together, an order, a limit.

use std::marker::PhantomData;

use super::dialect;
use crate::{
    cell::{Cell, Value},
    table::{Key, Record},
};

/// A question whose answer is rows of one table.
#[derive(Debug)]
pub struct Select<R> {
    conditions: Vec<String>,
    order: String,
    limit: String,
    pub(super) args: Vec<Value>,
    record: PhantomData<fn() -> R>,
}

impl<R: Record> Select<R> {
    /// All rows.
    pub fn from() -> Self {
        Self {
            conditions: Vec::new(),
            order: String::new(),
            limit: String::new(),
            args: Vec::new(),
            record: PhantomData,
        }
    }

    /// The row of a key.
    pub fn by_key(key: Key) -> Self {
        let columns: Vec<_> = key
            .table
            .key_columns()
            .map(|column| format!("{} = ?", column.name))
            .collect();
        Self::from().and(&columns.join(" AND "), key.values)
    }

    /// Only those of which this holds; each `?` stands for one of `args`.
    pub fn and(mut self, condition: &str, args: impl IntoIterator<Item = Value>) -> Self {
        self.conditions
            .push(dialect::numbered(condition, self.args.len() + 1));
        self.args.extend(args);
        self
    }

    /// In this order.
    pub fn order(mut self, columns: &str) -> Self {
        self.order = format!(" ORDER BY {columns}");
        self
    }

    /// At most so many.
    pub fn limit(mut self, limit: u32) -> Self {
        // A bare parameter would have SQLite prepare the statement anew each time: it plans with the limit's value.
        self.limit = format!(" LIMIT CAST(${} AS BIGINT)", self.args.len() + 1);
        self.args.push(Value::Integer(i64::from(limit)));
        self
    }

    /// A page of a list in the order of a column: at most so many, after the one where the page before ended.
    pub fn page(mut self, column: &str, after: Option<&impl Cell>, limit: u32) -> Self {
        if let Some(after) = after {
            self = self.and(&format!("{column} > ?"), [after.to_value()]);
        }
        self.order(column).limit(limit)
    }

    pub(super) fn sql(&self) -> String {
        let conditions = self.conditions.join(" AND ");
        let conditions = if conditions.is_empty() {
            conditions
        } else {
            format!(" WHERE {conditions}")
        };
        format!(
            "{}{conditions}{}{}",
            dialect::select(R::table()),
            self.order,
            self.limit
        )
    }
}

/// The pattern (escaped by `\`) of what contains a text, normalised as the searched columns are.
pub fn containing(text: &str) -> Value {
    pattern(&events::users::login_name(text))
}

/// The pattern of what has a line that begins with a text, which is normalised already.
pub fn with_a_line(beginning: &str) -> Value {
    pattern(&format!("\n{beginning}"))
}

fn pattern(text: &str) -> Value {
    let mut pattern = String::with_capacity(text.len() + 2);
    pattern.push('%');
    for letter in text.chars() {
        if matches!(letter, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(letter);
    }
    pattern.push('%');
    Value::Text(pattern)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{cell::Cell, users::UserRow};

    #[test]
    fn conditions_and_arguments_stay_together() {
        let select = Select::<UserRow>::from()
            .and("realm = ?", ["r".to_owned().to_value()])
            .and("(locked = 0 OR locked_until <= ?)", [Value::Integer(7)])
            .order("id")
            .limit(3);
        let sql = select.sql();
        assert!(sql.ends_with(
            " FROM users WHERE realm = $1 AND (locked = 0 OR locked_until <= $2) ORDER BY id LIMIT CAST($3 AS BIGINT)"
        ));
        assert_eq!(select.args.len(), 3);
    }

    #[test]
    fn what_is_searched_is_never_a_pattern() {
        assert_eq!(containing(" 100%_Ä\\ "), Value::Text("%100\\%\\_ä\\\\%".into()));
        assert_eq!(with_a_line("a_"), Value::Text("%\na\\_%".into()));
    }
}
