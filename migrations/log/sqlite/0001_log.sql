-- The log, format 1. Hot tables have binary ids and small integers for streams, since pages written are what
-- an append costs. Columns beside `entry` are copies of what is in it; `verify` and every read compare them.

-- Where each stream ends.
CREATE TABLE stream (
    id    INTEGER PRIMARY KEY,
    realm BLOB    NOT NULL,
    lane  INTEGER NOT NULL, -- 0 facts, 1 activity
    seq   INTEGER NOT NULL, -- of the last event
    time  INTEGER NOT NULL, -- of the last event, in microseconds
    UNIQUE (realm, lane)
);

-- A rowid table, so that rows are added at the end whichever stream they are of.
CREATE TABLE event (
    stream  INTEGER NOT NULL,
    seq     INTEGER NOT NULL,
    id      BLOB    NOT NULL, -- 16 bytes
    subject BLOB,             -- 16 bytes of id, then the kind's code; absent for activity that decides nothing
    version INTEGER,
    leaf    BLOB    NOT NULL, -- RFC 6962 leaf hash of `entry`
    entry   BLOB    NOT NULL,
    body    BLOB    NOT NULL
);
CREATE UNIQUE INDEX event_by_seq ON event (stream, seq);
CREATE UNIQUE INDEX event_by_id ON event (id);
CREATE UNIQUE INDEX event_by_subject ON event (subject, stream, version) WHERE subject IS NOT NULL;

-- What is held (no `expires`) or spent.
CREATE TABLE claim (
    digest  BLOB    NOT NULL, -- the kind's code, then 32 bytes
    stream  INTEGER NOT NULL,
    holder  BLOB    NOT NULL,
    expires INTEGER,          -- when a spent claim may be swept
    PRIMARY KEY (digest, stream)
) WITHOUT ROWID;
CREATE INDEX claim_by_expiry ON claim (expires) WHERE expires IS NOT NULL;

-- Commands that were committed, and what was answered. A rowid table, since its random keys are better kept in a
-- narrow index than beside the receipts.
CREATE TABLE command (
    id      BLOB    NOT NULL, -- 32 bytes
    stream  INTEGER NOT NULL,
    body    BLOB    NOT NULL, -- 32 bytes
    receipt BLOB    NOT NULL, -- JSON
    time    INTEGER NOT NULL
);
CREATE UNIQUE INDEX command_by_id ON command (id, stream);
CREATE INDEX command_by_time ON command (time);
