-- What holds for sessions: for all, for those on one server, for those of one person. Times are Unix milliseconds.

-- The newest version of a scope holds. Versions stay as long as their server or person.
CREATE TABLE session_settings (
    id        INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    -- Neither of the two: for all sessions.
    server_id INTEGER REFERENCES servers (id) ON DELETE CASCADE,
    user_id   INTEGER REFERENCES users (id) ON DELETE CASCADE,
    -- Counts up from 1 in its scope.
    version   INTEGER NOT NULL,
    created   INTEGER NOT NULL,
    -- A user name, as it was then.
    author    TEXT,
    -- A JSON object. Of secret variables it has the names only.
    document  TEXT    NOT NULL,
    CHECK (server_id IS NULL OR user_id IS NULL)
) STRICT;
CREATE UNIQUE INDEX session_settings_scope
    ON session_settings (coalesce(server_id, 0), coalesce(user_id, 0), version);

-- Values of the secret variables that the newest version of a scope names.
CREATE TABLE session_secrets (
    -- What the sealed value is bound to.
    uid       TEXT    PRIMARY KEY NOT NULL,
    server_id INTEGER REFERENCES servers (id) ON DELETE CASCADE,
    user_id   INTEGER REFERENCES users (id) ON DELETE CASCADE,
    name      TEXT    NOT NULL,
    -- Sealed.
    value     BLOB    NOT NULL,
    CHECK (server_id IS NULL OR user_id IS NULL)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX session_secrets_name
    ON session_secrets (coalesce(server_id, 0), coalesce(user_id, 0), name);
