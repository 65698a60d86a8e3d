-- How servers are logged in to, and under which master key the secrets are sealed. Times are Unix milliseconds.

-- One row, made with the first master key.
CREATE TABLE vault (
    id      INTEGER PRIMARY KEY NOT NULL CHECK (id = 1),
    -- Tells master keys apart.
    key_id  TEXT    NOT NULL,
    -- Counts the master keys.
    version INTEGER NOT NULL,
    -- Something known, sealed: opens under the right key only.
    proof   BLOB    NOT NULL,
    since   INTEGER NOT NULL
) STRICT;

CREATE TABLE credentials (
    id          INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    -- What sealed secrets are bound to.
    uid         TEXT    NOT NULL UNIQUE,
    name        TEXT    NOT NULL UNIQUE,
    username    TEXT    NOT NULL,
    kind        TEXT    NOT NULL CHECK (kind IN ('password', 'key', 'keyboard_interactive', 'ask')),
    -- Sealed.
    password    BLOB,
    private_key BLOB,
    passphrase  BLOB,
    -- The line of a -cert.pub file.
    certificate TEXT,
    -- The line of a .pub file and its SHA256 fingerprint, where the private key tells them.
    public_key  TEXT,
    fingerprint TEXT,
    -- Counts the changes.
    version     INTEGER NOT NULL DEFAULT 1,
    created     INTEGER NOT NULL,
    changed     INTEGER NOT NULL
) STRICT;
