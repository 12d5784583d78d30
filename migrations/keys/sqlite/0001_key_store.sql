-- The key store, format 1. It is a database of its own, apart from the log and from the log's backups.

CREATE TABLE meta (
    name  TEXT NOT NULL PRIMARY KEY, -- 'format' and 'check_value'
    value ANY  NOT NULL
) STRICT, WITHOUT ROWID;

-- Keys, each wrapped (sealed) by the key above it; never in the open.
CREATE TABLE keys (
    realm   BLOB    NOT NULL,        -- UUID, 16 bytes
    kind    INTEGER NOT NULL,        -- KeyKind's code
    id      TEXT    NOT NULL,
    wrapped BLOB    NOT NULL,
    PRIMARY KEY (realm, kind, id)
) STRICT, WITHOUT ROWID;

-- Names whose key was destroyed: it is never made again, and a restored backup is cleared of it.
CREATE TABLE tombstones (
    realm        BLOB    NOT NULL,
    kind         INTEGER NOT NULL,
    id           TEXT    NOT NULL,
    destroyed_at INTEGER NOT NULL,   -- microseconds since 1970-01-01T00:00:00Z
    PRIMARY KEY (realm, kind, id)
) STRICT, WITHOUT ROWID;

INSERT INTO meta (name, value) VALUES ('format', 1);
