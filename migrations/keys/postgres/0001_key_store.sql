-- The key store on PostgreSQL, format 1. It has a schema of its own, in production on a cluster of its own: apart from the log
-- and from the log's backups.

CREATE TABLE chancery_keys.store (
    singleton    BOOLEAN NOT NULL PRIMARY KEY DEFAULT true CHECK (singleton),
    format       BIGINT  NOT NULL,
    check_value  BYTEA,
    -- The last tombstone's number. Whoever destroys locks this row first: numbers are in the order of the commits.
    destructions BIGINT  NOT NULL
);

-- A key (wrapped by the key above it, never in the open) or its tombstone: one row, so that the primary key alone decides
-- between two puts, and between a put and a destruction, that do not see one another.
CREATE TABLE chancery_keys.keys (
    realm        BYTEA            NOT NULL CHECK (octet_length(realm) = 16),
    kind         SMALLINT         NOT NULL,     -- KeyKind's code
    id           TEXT COLLATE "C" NOT NULL,
    wrapped      BYTEA,
    destroyed_at BIGINT,                        -- microseconds since 1970-01-01T00:00:00Z
    number       BIGINT,
    PRIMARY KEY (realm, kind, id),
    CHECK ((wrapped IS NULL) = (destroyed_at IS NOT NULL)),
    CHECK ((destroyed_at IS NULL) = (number IS NULL))
) WITH (
    -- What a destroyed key leaves in the table is cleared early.
    autovacuum_vacuum_scale_factor = 0,
    autovacuum_vacuum_threshold = 100
);

CREATE UNIQUE INDEX tombstones ON chancery_keys.keys (number) WHERE number IS NOT NULL;

INSERT INTO chancery_keys.store (format, destructions) VALUES (1, 0);
