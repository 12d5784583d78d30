-- What reactors have seen and have yet to do, format 1: a file beside the log's. Nothing personal is in it.

CREATE TABLE meta (
    name  TEXT   NOT NULL PRIMARY KEY, -- 'format'
    value BIGINT NOT NULL
) WITHOUT ROWID;

CREATE TABLE reactor (
    name     TEXT   NOT NULL PRIMARY KEY,
    paused   BIGINT NOT NULL,          -- 0 or 1
    revision BIGINT NOT NULL           -- one more with each order of an operator: who runs looks at everything anew
) WITHOUT ROWID;

-- How far each has come in each stream: the event at `seq`, by its log's incarnation and its leaf hash.
CREATE TABLE place (
    reactor     TEXT   NOT NULL,
    realm       TEXT   NOT NULL,
    lane        TEXT   NOT NULL,
    incarnation TEXT   NOT NULL,
    seq         BIGINT NOT NULL,
    leaf_hash   BLOB   NOT NULL,
    PRIMARY KEY (reactor, realm, lane)
) WITHOUT ROWID;

-- Jobs in the order in which they were queued. Of each (reactor, target, ordering) only the oldest has a `due`.
CREATE TABLE job (
    number   INTEGER PRIMARY KEY AUTOINCREMENT,
    reactor  TEXT   NOT NULL,
    target   TEXT   NOT NULL,
    ordering TEXT   NOT NULL,
    realm    TEXT   NOT NULL,          -- the event that it is about
    lane     TEXT   NOT NULL,
    seq      BIGINT NOT NULL,
    payload  TEXT   NOT NULL,          -- JSON
    queued   BIGINT NOT NULL,          -- microseconds since 1970-01-01T00:00:00Z, as are the others
    attempts BIGINT NOT NULL,
    due      BIGINT,
    dead     BIGINT,                   -- when it was given up
    reason   TEXT                      -- of the last failure
);
CREATE INDEX job_by_order ON job (reactor, target, ordering, number) WHERE dead IS NULL;
CREATE INDEX job_by_due ON job (reactor, target, due, number) WHERE due IS NOT NULL;
CREATE INDEX job_dead ON job (reactor, number) WHERE dead IS NOT NULL;

INSERT INTO meta (name, value) VALUES ('format', 1);
