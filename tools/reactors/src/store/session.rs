//! Statements on whichever engine: values in, rows out. The SQL is written once.

use events::postgres::{ANSWER, answered};
use sqlx::{
    AssertSqlSafe, PgConnection, Postgres, Row as _, Sqlite, SqliteConnection, postgres::PgRow, query::Query,
    sqlite::SqliteRow,
};

use super::StoreError;

/// A value that is bound.
#[derive(Clone, Debug)]
pub enum Arg {
    Text(String),
    Int(i64),
    Bytes(Vec<u8>),
}

impl From<&str> for Arg {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Arg {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<i64> for Arg {
    fn from(number: i64) -> Self {
        Self::Int(number)
    }
}

/// A row that was found.
#[derive(Debug)]
pub enum Row {
    Sqlite(SqliteRow),
    Postgres(PgRow),
}

impl Row {
    pub fn text(&self, column: usize) -> Result<String, StoreError> {
        self.get(column)
    }

    pub fn maybe_text(&self, column: usize) -> Result<Option<String>, StoreError> {
        self.get(column)
    }

    pub fn int(&self, column: usize) -> Result<i64, StoreError> {
        self.get(column)
    }

    pub fn bytes(&self, column: usize) -> Result<Vec<u8>, StoreError> {
        self.get(column)
    }

    fn get<T>(&self, column: usize) -> Result<T, StoreError>
    where
        T: for<'r> sqlx::Decode<'r, Sqlite> + sqlx::Type<Sqlite>,
        T: for<'r> sqlx::Decode<'r, Postgres> + sqlx::Type<Postgres>,
    {
        Ok(match self {
            Row::Sqlite(row) => row.try_get(column)?,
            Row::Postgres(row) => row.try_get(column)?,
        })
    }
}

macro_rules! bind {
    ($name:ident, $database:ty) => {
        fn $name<'q>(
            sql: &str,
            args: Vec<Arg>,
        ) -> Query<'q, $database, <$database as sqlx::Database>::Arguments> {
            args.into_iter().fold(
                sqlx::query(AssertSqlSafe(sql.to_owned())),
                |query, arg| match arg {
                    Arg::Text(text) => query.bind(text),
                    Arg::Int(number) => query.bind(number),
                    Arg::Bytes(bytes) => query.bind(bytes),
                },
            )
        }
    };
}

bind!(bind_sqlite, Sqlite);
bind!(bind_postgres, Postgres);

/// A connection of either engine.
pub enum Session<'a> {
    Sqlite(&'a mut SqliteConnection),
    Postgres(&'a mut PgConnection),
}

impl Session<'_> {
    /// Executes one statement; how many rows it changed.
    pub async fn execute(&mut self, sql: &str, args: Vec<Arg>) -> Result<u64, StoreError> {
        Ok(match self {
            Session::Sqlite(session) => bind_sqlite(sql, args)
                .execute(&mut **session)
                .await?
                .rows_affected(),
            Session::Postgres(session) => {
                let statement = bind_postgres(sql, args).execute(&mut **session);
                answered(ANSWER, statement).await?.rows_affected()
            }
        })
    }

    /// The rows of one statement.
    pub async fn fetch(&mut self, sql: &str, args: Vec<Arg>) -> Result<Vec<Row>, StoreError> {
        Ok(match self {
            Session::Sqlite(session) => {
                let rows = bind_sqlite(sql, args).fetch_all(&mut **session).await?;
                rows.into_iter().map(Row::Sqlite).collect()
            }
            Session::Postgres(session) => {
                let statement = bind_postgres(sql, args).fetch_all(&mut **session);
                answered(ANSWER, statement)
                    .await?
                    .into_iter()
                    .map(Row::Postgres)
                    .collect()
            }
        })
    }
}
