-- The log, format 1. Hot tables have binary ids and small integers for streams, since pages written are what
-- an append costs. Columns beside `entry` are copies of what is in it; `verify` and every read compare them.

-- Where each stream ends. Its row is made before the first append to it and is what appends lock; the free space in its
-- pages and the absence of an index on what changes keep updates within the page.
CREATE TABLE chancery_log.stream (
    id    integer  GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    lane  smallint NOT NULL, -- 0 facts, 1 activity
    realm bytea    NOT NULL, -- 16 bytes
    seq   bigint   NOT NULL, -- of the last event; 0 if there is none yet
    time  bigint   NOT NULL, -- of the last event, in microseconds
    xid   xid8     NOT NULL DEFAULT pg_current_xact_id(), -- the transaction that moved it last: followers ask what is new
    UNIQUE (realm, lane)
) WITH (fillfactor = 50);

CREATE TABLE chancery_log.event (
    seq     bigint  NOT NULL,
    version bigint,
    stream  integer NOT NULL,
    id      bytea   NOT NULL, -- 16 bytes
    subject bytea,            -- 16 bytes of id, then the kind's code; absent for activity that decides nothing
    leaf    bytea   NOT NULL, -- RFC 6962 leaf hash of `entry`
    entry   bytea   NOT NULL,
    body    bytea   NOT NULL
);
CREATE UNIQUE INDEX event_by_seq ON chancery_log.event (stream, seq);
CREATE UNIQUE INDEX event_by_id ON chancery_log.event (id);
CREATE UNIQUE INDEX event_by_subject ON chancery_log.event (subject, stream, version) WHERE subject IS NOT NULL;

-- What is held (no `expires`) or spent.
CREATE TABLE chancery_log.claim (
    expires bigint,           -- when a spent claim may be swept
    stream  integer NOT NULL,
    digest  bytea   NOT NULL, -- the kind's code, then 32 bytes
    holder  bytea   NOT NULL, -- 16 bytes
    PRIMARY KEY (digest, stream)
);
CREATE INDEX claim_by_expiry ON chancery_log.claim (expires) WHERE expires IS NOT NULL;

-- Commands that were committed, and what was answered.
CREATE TABLE chancery_log.command (
    time    bigint  NOT NULL,
    stream  integer NOT NULL,
    id      bytea   NOT NULL, -- 32 bytes
    body    bytea   NOT NULL, -- 32 bytes
    receipt bytea   NOT NULL, -- JSON
    PRIMARY KEY (id, stream)
);
CREATE INDEX command_by_time ON chancery_log.command (time);
