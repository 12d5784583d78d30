//! The store on both engines: two who believe to be the runner never write over one another, and what is stored comes back.

use std::collections::BTreeSet;

use events::{ids::RealmId, subject::Lane};
use tempfile::TempDir;
use uuid::Uuid;

use super::*;
use crate::{
    home::{Home, Shelf},
    users::UserRow,
};

struct Place {
    shelf: Box<dyn Shelf>,
    _folder: TempDir,
    _database: Option<scratch::Database>,
}

/// A home with a generation that nobody follows.
async fn place() -> Place {
    let folder = tempfile::tempdir().unwrap();
    let database = match scratch::engine() {
        scratch::Engine::Sqlite => None,
        scratch::Engine::Postgres => Some(scratch::Database::create().expect("a server")),
    };
    let home = match &database {
        None => Home::Folder(folder.path().to_owned()),
        Some(database) => Home::Database(database.url().parse().unwrap()),
    };
    let shelf = home.open().await.unwrap();
    let built_by = GenerationRow {
        id: 1,
        shape: "shape".to_owned(),
        fingerprint: "fingerprint".to_owned(),
    };
    let store = shelf.make(1, &[UserRow::table()], &built_by).await.unwrap();
    assert_eq!(store.built_by().await.unwrap(), Some(built_by));
    store.close().await;
    Place {
        shelf,
        _folder: folder,
        _database: database,
    }
}

impl Place {
    /// The generation, of one who writes because the other is thought to be gone.
    async fn writer(&self) -> Store {
        let store = self.shelf.open(1).await.unwrap();
        store.usurp().await;
        store
    }
}

fn cursor(seq: u64) -> CursorRow {
    CursorRow {
        projection: "users".to_owned(),
        realm: RealmId::SYSTEM,
        lane: Lane::Facts,
        incarnation: Uuid::nil(),
        seq,
        leaf_hash: vec![7; 32],
    }
}

fn moved(from: Option<u64>, to: u64) -> [CursorMove; 1] {
    [(from.map(cursor), cursor(to))]
}

#[tokio::test]
async fn two_runners_never_write_over_one_another() {
    let place = place().await;
    let (one, other) = (place.writer().await, place.writer().await);
    let none = Changes::default();
    one.write(&none, &moved(None, 5)).await.unwrap();
    assert!(other.write(&none, &moved(None, 3)).await.is_err());
    let other = place.writer().await;
    assert!(other.write(&none, &moved(Some(4), 6)).await.is_err());
    let other = place.writer().await;
    other.write(&none, &moved(Some(5), 6)).await.unwrap();
    assert!(one.write(&none, &moved(Some(5), 7)).await.is_err());
    assert_eq!(other.cursors().await.unwrap(), [cursor(6)]);
    assert_eq!(other.applied().await.unwrap(), [("users".to_owned(), 6)].into());
}

#[tokio::test]
async fn of_two_runners_at_the_same_moment_one_writes() {
    let place = place().await;
    for (from, to) in [(None, 1), (Some(1), 2), (Some(2), 3)] {
        let (one, other) = (place.writer().await, place.writer().await);
        let (none, moves) = (Changes::default(), moved(from, to));
        let (one, other) = tokio::join!(one.write(&none, &moves), other.write(&none, &moves));
        assert!(one.is_ok() != other.is_ok(), "{one:?} and {other:?}");
    }
}

#[tokio::test]
async fn many_rows_come_back_as_they_went() {
    let place = place().await;
    let store = place.writer().await;
    let row = |number: i64| {
        let text = ["Zoë", "o'Hara", "100%", ""][usize::try_from(number % 4).unwrap()];
        let mut row = vec![Value::Null; UserRow::table().columns.len()];
        row[0] = Value::Text(RealmId::SYSTEM.to_string());
        row[1] = Value::Text(Uuid::from_u128(u128::try_from(number).unwrap()).to_string());
        for (value, column) in row.iter_mut().zip(UserRow::table().columns).skip(2) {
            match column.kind {
                ColumnType::Integer if number % 3 > 0 => *value = Value::Integer(-number),
                ColumnType::Text if number % 5 > 0 => *value = Value::Text(text.to_owned()),
                ColumnType::Bytes => *value = Value::Bytes(vec![0, 255]),
                _ => {}
            }
        }
        row
    };
    let rows: Vec<_> = (0..700).map(row).collect();
    let keys: Vec<_> = rows.iter().map(|row| UserRow::table().key_of(row)).collect();
    let mut changes = Changes::default();
    let upserts = (UserRow::table(), rows.clone());
    changes.upserts.insert("users", upserts);
    store.write(&changes, &moved(None, 1)).await.unwrap();
    assert_eq!(store.dump(UserRow::table()).await.unwrap(), rows);
    let asked: BTreeSet<_> = keys.iter().step_by(2).cloned().collect();
    let mut found = store.load(&asked).await.unwrap();
    found.sort();
    let expected: Vec<_> = keys.iter().cloned().zip(rows.clone()).step_by(2).collect();
    assert_eq!(found, expected);

    let mut changes = Changes::default();
    let (gone, kept) = keys.split_at(500);
    changes.deletes.insert("users", (UserRow::table(), gone.to_vec()));
    store.write(&changes, &moved(Some(1), 2)).await.unwrap();
    let left = store.dump(UserRow::table()).await.unwrap();
    assert_eq!(left, rows[500..]);
    assert_eq!(left.len(), kept.len());
}
