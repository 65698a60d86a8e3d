-- Keys that people log in with at the SSH door. Times are Unix milliseconds.

CREATE TABLE user_keys (
    id          TEXT    PRIMARY KEY NOT NULL,
    user_id     INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    name        TEXT    NOT NULL,
    algorithm   TEXT    NOT NULL,
    -- `algorithm base64`
    key         TEXT    NOT NULL,
    fingerprint TEXT    NOT NULL,
    created     INTEGER NOT NULL,
    last_used   INTEGER,
    UNIQUE (user_id, fingerprint)
) STRICT;

-- Keys whose user certificates let in whom they name.
CREATE TABLE user_authorities (
    id          INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    name        TEXT    NOT NULL UNIQUE,
    key         TEXT    NOT NULL,
    fingerprint TEXT    NOT NULL UNIQUE,
    created     INTEGER NOT NULL,
    created_by  TEXT    NOT NULL
) STRICT;
