-- Second factors of people. Times are Unix milliseconds.

-- Codes of an app (RFC 6238).
CREATE TABLE totp (
    user_id   INTEGER PRIMARY KEY NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    -- What the sealed secret is bound to.
    uid       TEXT    NOT NULL UNIQUE,
    secret    BLOB    NOT NULL,
    created   INTEGER NOT NULL,
    -- The latest step of time whose code was taken: a code is good once.
    last_step INTEGER NOT NULL,
    last_used INTEGER
) STRICT;

CREATE TABLE passkeys (
    id            TEXT    PRIMARY KEY NOT NULL,
    user_id       INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    name          TEXT    NOT NULL,
    -- As the authenticator names it, base64url.
    credential_id TEXT    NOT NULL UNIQUE,
    -- Its public key, counter and flags, as the library keeps them (JSON).
    material      TEXT    NOT NULL,
    created       INTEGER NOT NULL,
    last_used     INTEGER
) STRICT;

CREATE INDEX passkeys_by_user ON passkeys (user_id);

-- SHA-256 of each, in hexadecimal.
CREATE TABLE recovery_codes (
    user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    digest  TEXT    NOT NULL,
    used    INTEGER,
    PRIMARY KEY (user_id, digest)
) STRICT, WITHOUT ROWID;
