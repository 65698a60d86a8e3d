-- What a grant gives, when and from where; requests for one. Times are Unix milliseconds.

-- Roles are five now; as before, a new column in place of the old one.
ALTER TABLE users ADD COLUMN new_role TEXT NOT NULL DEFAULT 'user'
    CHECK (new_role IN ('admin', 'operator', 'auditor', 'reviewer', 'user'));
UPDATE users SET new_role = role;
ALTER TABLE users DROP COLUMN role;
ALTER TABLE users RENAME COLUMN new_role TO role;

-- Nothing refers to grants, so the table is made again: its old conditions know no group and no "every server".
CREATE TABLE new_grants (
    id             INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    user_id        INTEGER REFERENCES users (id) ON DELETE CASCADE,
    group_id       INTEGER REFERENCES groups (id) ON DELETE CASCADE,
    -- What it is on: one of these.
    server_id      INTEGER REFERENCES servers (id) ON DELETE CASCADE,
    tag            TEXT,
    -- servers.group_name
    server_group   TEXT,
    everywhere     INTEGER NOT NULL DEFAULT 0 CHECK (everywhere IN (0, 1)),
    -- Names, with a blank between them.
    rights         TEXT    NOT NULL,
    -- The server's default credential, those of grant_credentials, or any.
    credentials    TEXT    NOT NULL CHECK (credentials IN ('default', 'listed', 'any')),
    -- JSON arrays: windows of the week, and networks that the caller is in. Empty is always and from anywhere.
    times          TEXT    NOT NULL DEFAULT '[]',
    networks       TEXT    NOT NULL DEFAULT '[]',
    expires        INTEGER,
    -- access_requests.id, of the request that it answers.
    request_id     INTEGER,
    created        INTEGER NOT NULL,
    created_by     TEXT    NOT NULL,
    CHECK ((user_id IS NULL) <> (group_id IS NULL)),
    CHECK ((server_id IS NOT NULL) + (tag IS NOT NULL) + (server_group IS NOT NULL) + everywhere = 1)
) STRICT;

-- credentials.id; a credential that is listed here is not removed.
CREATE TABLE grant_credentials (
    grant_id      INTEGER NOT NULL REFERENCES grants (id) ON DELETE CASCADE,
    credential_id INTEGER NOT NULL,
    PRIMARY KEY (grant_id, credential_id)
) STRICT, WITHOUT ROWID;

-- What was granted before keeps its meaning: terminals and commands.
INSERT INTO new_grants (id, user_id, group_id, server_id, tag, rights, credentials, expires, created, created_by)
    SELECT id, user_id, group_id, server_id, tag, 'connect write execute',
           CASE WHEN credential_id IS NULL THEN 'default' ELSE 'listed' END, expires, created, created_by
    FROM grants;
CREATE TEMP TABLE listed AS SELECT id, credential_id FROM grants WHERE credential_id IS NOT NULL;
-- Numbers of grants that are gone are not used again.
DELETE FROM sqlite_sequence WHERE name = 'new_grants';
INSERT INTO sqlite_sequence (name, seq) SELECT 'new_grants', seq FROM sqlite_sequence WHERE name = 'grants';
DROP TABLE grants;
ALTER TABLE new_grants RENAME TO grants;
INSERT INTO grant_credentials (grant_id, credential_id) SELECT id, credential_id FROM listed;
DROP TABLE listed;

-- From where a session was opened: a grant may hold from some networks only.
ALTER TABLE session_servers ADD COLUMN address TEXT;

-- Somebody asks for rights on a server.
CREATE TABLE access_requests (
    id          INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    user_id     INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    -- As it was asked for. Whether there is such a server is not told to whoever asks.
    server_name TEXT    NOT NULL,
    server_id   INTEGER REFERENCES servers (id) ON DELETE SET NULL,
    rights      TEXT    NOT NULL,
    reason      TEXT    NOT NULL,
    -- Until when the rights are wanted.
    until       INTEGER NOT NULL,
    created     INTEGER NOT NULL,
    -- Unanswered until then, it is over.
    expires     INTEGER NOT NULL,
    state       TEXT    NOT NULL CHECK (state IN ('open', 'approved', 'refused', 'expired', 'cancelled')),
    decided     INTEGER,
    -- A user name, as it was then.
    decided_by  TEXT,
    decision    TEXT,
    grant_id    INTEGER
) STRICT;
CREATE INDEX access_requests_open ON access_requests (expires) WHERE state = 'open';
CREATE INDEX access_requests_user ON access_requests (user_id);
