-- Servers, who may use them, and which host keys they have. Times are Unix milliseconds.

CREATE TABLE servers (
    -- Never used again after a removal: logs and older clients still name it.
    id                 INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    name               TEXT    NOT NULL UNIQUE COLLATE NOCASE,
    -- A name to resolve or an address, without brackets.
    host               TEXT    NOT NULL,
    port               INTEGER NOT NULL CHECK (port BETWEEN 1 AND 65535),
    platform           TEXT    NOT NULL,
    -- Where it stands in lists; a group of servers, not of people.
    group_name         TEXT,
    notes              TEXT,
    jump_id            INTEGER REFERENCES servers (id),
    -- credentials.id; whoever removes a credential clears it.
    default_credential INTEGER,
    agent_port         INTEGER,
    brand_id           INTEGER,
    accelerator_id     INTEGER,
    legacy_algorithms  INTEGER NOT NULL DEFAULT 0 CHECK (legacy_algorithms IN (0, 1)),
    agent_forwarding   INTEGER NOT NULL DEFAULT 0 CHECK (agent_forwarding IN (0, 1)),
    ask_host_key       INTEGER NOT NULL DEFAULT 1 CHECK (ask_host_key IN (0, 1)),
    status             TEXT    NOT NULL DEFAULT 'unknown' CHECK (status IN ('unknown', 'online', 'offline')),
    last_check         INTEGER,
    created            INTEGER NOT NULL
) STRICT;
CREATE INDEX servers_jump ON servers (jump_id) WHERE jump_id IS NOT NULL;

CREATE TABLE server_tags (
    server_id INTEGER NOT NULL REFERENCES servers (id) ON DELETE CASCADE,
    tag       TEXT    NOT NULL,
    PRIMARY KEY (server_id, tag)
) STRICT, WITHOUT ROWID;

-- Pinned host keys.
CREATE TABLE host_keys (
    id          INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    server_id   INTEGER NOT NULL REFERENCES servers (id) ON DELETE CASCADE,
    algorithm   TEXT    NOT NULL,
    -- `algorithm base64`
    key         TEXT    NOT NULL,
    fingerprint TEXT    NOT NULL,
    first_seen  INTEGER NOT NULL,
    -- A user name, as it was then.
    accepted_by TEXT    NOT NULL,
    UNIQUE (server_id, key)
) STRICT;

-- Keys that sign the host keys of servers.
CREATE TABLE host_authorities (
    id          INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    name        TEXT    NOT NULL,
    key         TEXT    NOT NULL UNIQUE,
    fingerprint TEXT    NOT NULL,
    created     INTEGER NOT NULL,
    created_by  TEXT    NOT NULL
) STRICT;

-- Groups of people.
CREATE TABLE groups (
    id      INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    name    TEXT    NOT NULL UNIQUE COLLATE NOCASE,
    created INTEGER NOT NULL
) STRICT;

CREATE TABLE group_members (
    group_id INTEGER NOT NULL REFERENCES groups (id) ON DELETE CASCADE,
    user_id  INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    PRIMARY KEY (group_id, user_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX group_members_user ON group_members (user_id);

-- Who may use what: one person or group, one server or tag.
CREATE TABLE grants (
    id            INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    user_id       INTEGER REFERENCES users (id) ON DELETE CASCADE,
    group_id      INTEGER REFERENCES groups (id) ON DELETE CASCADE,
    server_id     INTEGER REFERENCES servers (id) ON DELETE CASCADE,
    tag           TEXT,
    -- credentials.id; none is the server's default one. Whoever removes a credential removes its grants.
    credential_id INTEGER,
    expires       INTEGER,
    created       INTEGER NOT NULL,
    created_by    TEXT    NOT NULL,
    CHECK ((user_id IS NULL) <> (group_id IS NULL)),
    CHECK ((server_id IS NULL) <> (tag IS NULL))
) STRICT;

-- Which server a session is on, written before it is opened: who loses the right loses the session, also
-- when the server was killed in between.
CREATE TABLE session_servers (
    session       TEXT    PRIMARY KEY NOT NULL,
    -- No reference: what was done there stays when it goes.
    server_id     INTEGER NOT NULL,
    server_name   TEXT    NOT NULL,
    credential_id INTEGER,
    created       INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TRIGGER session_servers_gone AFTER DELETE ON sessions BEGIN
    DELETE FROM session_servers WHERE session = OLD.uid;
END;
