-- The key store, format 2: tombstones are numbered in the order in which they were committed, so that a process which shares the
-- file asks for those after the last one that it knows.

CREATE TABLE numbered (
    realm        BLOB    NOT NULL,
    kind         INTEGER NOT NULL,
    id           TEXT    NOT NULL,
    destroyed_at INTEGER NOT NULL,   -- microseconds since 1970-01-01T00:00:00Z
    number       INTEGER NOT NULL UNIQUE,
    PRIMARY KEY (realm, kind, id)
) STRICT, WITHOUT ROWID;

INSERT INTO numbered (realm, kind, id, destroyed_at, number)
    SELECT realm, kind, id, destroyed_at, row_number() OVER (ORDER BY destroyed_at, realm, kind, id) FROM tombstones;

DROP TABLE tombstones;
ALTER TABLE numbered RENAME TO tombstones;

UPDATE meta SET value = 2 WHERE name = 'format';
