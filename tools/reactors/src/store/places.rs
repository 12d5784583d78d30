//! Which reactors there are, and how far each has come.

use events::{
    ids::RealmId,
    subject::{Lane, Stream},
};
use uuid::Uuid;

use super::{Arg, Change, Row, Store, StoreError};

/// A reactor, as operators left it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    pub name: String,
    pub paused: bool,
    /// One more with each order.
    pub revision: i64,
}

/// How far a reactor has come in a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlaceRow {
    pub reactor: String,
    pub stream: Stream,
    pub incarnation: Uuid,
    pub seq: u64,
    pub leaf_hash: Vec<u8>,
}

/// Where a reactor stood in a stream, if it did, and where it goes.
#[derive(Clone, Debug)]
pub struct Moved {
    pub from: Option<PlaceRow>,
    pub to: PlaceRow,
}

const STAND: &str = "INSERT INTO place (reactor, realm, lane, incarnation, seq, leaf_hash) \
     VALUES ($1, $2, $3, $4, $5, $6)";
const GO_ON: &str = "UPDATE place SET incarnation = $4, seq = $5, leaf_hash = $6 \
     WHERE reactor = $1 AND realm = $2 AND lane = $3 AND seq = $7 AND leaf_hash = $8";

impl Store {
    /// All reactors that ever ran here.
    pub async fn reactors(&self) -> Result<Vec<Standing>, StoreError> {
        let rows = self.find(
            "SELECT name, paused, revision FROM reactor ORDER BY name",
            Vec::new(),
        );
        let standing = |row: &Row| {
            Ok(Standing {
                name: row.text(0)?,
                paused: row.int(1)? != 0,
                revision: row.int(2)?,
            })
        };
        rows.await?.iter().map(standing).collect()
    }

    /// How far all have come.
    pub async fn places(&self) -> Result<Vec<PlaceRow>, StoreError> {
        let sql = "SELECT reactor, realm, lane, incarnation, seq, leaf_hash FROM place";
        self.find(sql, Vec::new()).await?.iter().map(place).collect()
    }

    /// A reactor runs for the first time: it begins at these places.
    pub async fn introduce(&self, reactor: &str, places: &[PlaceRow]) -> Result<(), StoreError> {
        let mut change = self.begin().await?;
        let sql = "INSERT INTO reactor (name, paused, revision) VALUES ($1, 0, 0)";
        change.execute(sql, vec![reactor.into()]).await?;
        for place in places {
            change.execute(STAND, place.to_args()?).await?;
        }
        change.commit().await
    }

    /// An operator's order: it pauses, or goes on. Whether there is such a reactor.
    pub async fn pause(&self, reactor: &str, paused: bool) -> Result<bool, StoreError> {
        let mut change = self.order().await?;
        let sql = "UPDATE reactor SET paused = $2, revision = revision + 1 WHERE name = $1";
        let known = change
            .execute(sql, vec![reactor.into(), i64::from(paused).into()])
            .await?;
        change.commit().await?;
        Ok(known > 0)
    }

    /// An operator's order: it goes on at these places, wherever it stood. Whether there is such a reactor.
    pub async fn restart(&self, reactor: &str, places: &[PlaceRow]) -> Result<bool, StoreError> {
        let mut change = self.order().await?;
        let known = change.revise(reactor).await?;
        let sql = "DELETE FROM place WHERE reactor = $1";
        change.execute(sql, vec![reactor.into()]).await?;
        for place in places {
            change.execute(STAND, place.to_args()?).await?;
        }
        change.commit().await?;
        Ok(known)
    }
}

impl Change<'_> {
    /// Who runs shall look at this reactor anew.
    pub(super) async fn revise(&mut self, reactor: &str) -> Result<bool, StoreError> {
        let sql = "UPDATE reactor SET revision = revision + 1 WHERE name = $1";
        Ok(self.execute(sql, vec![reactor.into()]).await? > 0)
    }

    /// Goes on from where it stood. Where it stands elsewhere, another node was at work.
    pub(super) async fn go_on(&mut self, Moved { from, to }: &Moved) -> Result<(), StoreError> {
        let mut args = to.to_args()?;
        let Some(from) = from else {
            self.execute(STAND, args).await?;
            return Ok(());
        };
        args.extend([Arg::Int(signed(from.seq)?), Arg::Bytes(from.leaf_hash.clone())]);
        match self.execute(GO_ON, args).await? {
            1 => Ok(()),
            _ => Err(StoreError::NotOurs),
        }
    }
}

impl PlaceRow {
    fn to_args(&self) -> Result<Vec<Arg>, StoreError> {
        Ok(vec![
            self.reactor.as_str().into(),
            self.stream.realm.to_string().into(),
            self.stream.lane.as_str().into(),
            self.incarnation.to_string().into(),
            signed(self.seq)?.into(),
            Arg::Bytes(self.leaf_hash.clone()),
        ])
    }
}

fn place(row: &Row) -> Result<PlaceRow, StoreError> {
    Ok(PlaceRow {
        reactor: row.text(0)?,
        stream: stream(&row.text(1)?, &row.text(2)?)?,
        incarnation: row.text(3)?.parse().map_err(|_| malformed("an incarnation"))?,
        seq: unsigned(row.int(4)?)?,
        leaf_hash: row.bytes(5)?,
    })
}

pub(super) fn stream(realm: &str, lane: &str) -> Result<Stream, StoreError> {
    Ok(Stream {
        realm: realm.parse::<RealmId>().map_err(|_| malformed("a realm"))?,
        lane: lane.parse::<Lane>().map_err(|()| malformed("a lane"))?,
    })
}

pub(super) fn signed(number: u64) -> Result<i64, StoreError> {
    i64::try_from(number).map_err(|_| malformed("a number"))
}

pub(super) fn unsigned(number: i64) -> Result<u64, StoreError> {
    u64::try_from(number).map_err(|_| malformed("a number"))
}

pub(super) fn malformed(what: &str) -> StoreError {
    StoreError::Refused(format!("it holds {what} that is none"))
}
