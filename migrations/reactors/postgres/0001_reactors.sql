-- What reactors have seen and have yet to do, format 1: a schema of the log's database. Nothing personal is in it.

CREATE TABLE chancery_reactors.meta (
    name  TEXT COLLATE "C" NOT NULL PRIMARY KEY, -- 'format'
    value BIGINT           NOT NULL
);

CREATE TABLE chancery_reactors.reactor (
    name     TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    paused   BIGINT           NOT NULL, -- 0 or 1
    revision BIGINT           NOT NULL  -- one more with each order of an operator: who runs looks at everything anew
);

-- How far each has come in each stream: the event at `seq`, by its log's incarnation and its leaf hash.
CREATE TABLE chancery_reactors.place (
    reactor     TEXT COLLATE "C" NOT NULL,
    realm       TEXT COLLATE "C" NOT NULL,
    lane        TEXT COLLATE "C" NOT NULL,
    incarnation TEXT COLLATE "C" NOT NULL,
    seq         BIGINT           NOT NULL,
    leaf_hash   BYTEA            NOT NULL,
    PRIMARY KEY (reactor, realm, lane)
);

-- Jobs in the order in which they were queued. Of each (reactor, target, ordering) only the oldest has a `due`.
CREATE TABLE chancery_reactors.job (
    number   BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    reactor  TEXT COLLATE "C" NOT NULL,
    target   TEXT COLLATE "C" NOT NULL,
    ordering TEXT COLLATE "C" NOT NULL,
    realm    TEXT COLLATE "C" NOT NULL, -- the event that it is about
    lane     TEXT COLLATE "C" NOT NULL,
    seq      BIGINT           NOT NULL,
    payload  TEXT             NOT NULL, -- JSON
    queued   BIGINT           NOT NULL, -- microseconds since 1970-01-01T00:00:00Z, as are the others
    attempts BIGINT           NOT NULL,
    due      BIGINT,
    dead     BIGINT,                    -- when it was given up
    reason   TEXT                       -- of the last failure
) WITH (
    -- A queue is short and changes much.
    autovacuum_vacuum_scale_factor = 0,
    autovacuum_vacuum_threshold = 1000
);
CREATE INDEX job_by_order ON chancery_reactors.job (reactor, target, ordering, number) WHERE dead IS NULL;
CREATE INDEX job_by_due ON chancery_reactors.job (reactor, target, due, number) WHERE due IS NOT NULL;
CREATE INDEX job_dead ON chancery_reactors.job (reactor, number) WHERE dead IS NOT NULL;

INSERT INTO chancery_reactors.meta (name, value) VALUES ('format', 1);
