-- People, how they prove who they are, and whom they let in. Times are Unix milliseconds.

CREATE TABLE users (
    -- Never used again after a removal: others' rows may still name it.
    id           INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    uid          TEXT    NOT NULL UNIQUE,
    username     TEXT    NOT NULL UNIQUE,
    display_name TEXT,
    role         TEXT    NOT NULL CHECK (role IN ('admin', 'user')),
    -- The OS user whose shells they open.
    account      TEXT,
    enabled      INTEGER NOT NULL DEFAULT 1 CHECK (enabled IN (0, 1)),
    -- An Argon2id PHC string; none until the first login link was used.
    password     TEXT,
    created      INTEGER NOT NULL,
    last_login   INTEGER
) STRICT;

CREATE TABLE logins (
    id      TEXT    PRIMARY KEY NOT NULL,
    user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    -- SHA-256 of the cookie's secret.
    digest  TEXT    NOT NULL,
    created INTEGER NOT NULL,
    expires INTEGER NOT NULL,
    address TEXT,
    agent   TEXT
) STRICT;
CREATE INDEX logins_user ON logins (user_id);

CREATE TABLE login_links (
    -- SHA-256 of the link's secret.
    digest     TEXT    PRIMARY KEY NOT NULL,
    user_id    INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created    INTEGER NOT NULL,
    expires    INTEGER NOT NULL,
    created_by TEXT    NOT NULL
) STRICT;

CREATE TABLE tokens (
    id        TEXT    PRIMARY KEY NOT NULL,
    user_id   INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    name      TEXT    NOT NULL,
    scope     TEXT    NOT NULL CHECK (scope IN ('full', 'read')),
    -- Its first characters, for whoever has to find it again.
    hint      TEXT    NOT NULL,
    digest    TEXT    NOT NULL UNIQUE,
    created   INTEGER NOT NULL,
    expires   INTEGER,
    last_used INTEGER
) STRICT;
CREATE INDEX tokens_user ON tokens (user_id);

-- A link that lets signed-in people look at a session.
CREATE TABLE shares (
    id         TEXT    PRIMARY KEY NOT NULL,
    session    TEXT    NOT NULL,
    digest     TEXT    NOT NULL UNIQUE,
    access     TEXT    NOT NULL CHECK (access IN ('watch', 'write')),
    created    INTEGER NOT NULL,
    expires    INTEGER NOT NULL,
    created_by INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE
) STRICT;
CREATE INDEX shares_session ON shares (session);

CREATE TABLE guests (
    share_id TEXT    NOT NULL REFERENCES shares (id) ON DELETE CASCADE,
    user_id  INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    since    INTEGER NOT NULL,
    PRIMARY KEY (share_id, user_id)
) STRICT, WITHOUT ROWID;
