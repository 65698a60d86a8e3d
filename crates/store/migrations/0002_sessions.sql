-- What has run, followed from the log of the session daemon. Times are Unix milliseconds.

-- How far the log of each daemon has been read; written with what was read.
CREATE TABLE daemons (
    node     TEXT    PRIMARY KEY NOT NULL,
    next_seq INTEGER NOT NULL
) STRICT;

CREATE TABLE sessions (
    -- Begins with the time (UUID version 7), so its order is that of their beginning.
    uid         TEXT    PRIMARY KEY NOT NULL,
    -- Whose log tells of it; none for one that is known by its recording only.
    node        TEXT,
    name        TEXT,
    -- users.uid. No reference: what somebody did stays when they go.
    owner       TEXT,
    account     TEXT,
    -- A JSON array and a JSON object.
    command     TEXT    NOT NULL,
    environment TEXT    NOT NULL DEFAULT '{}',
    cols        INTEGER,
    rows        INTEGER,
    created     INTEGER NOT NULL,
    ended       INTEGER,
    exit_code   INTEGER,
    exit_signal INTEGER,
    -- Why it ended, as the log says; `lost` when nobody saw its end.
    reason      TEXT,
    recording   TEXT    NOT NULL CHECK (recording IN ('recording', 'closed', 'failed', 'lost', 'off')),
    -- Of the recording's file, once it is finished.
    bytes       INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX sessions_owner ON sessions (owner, uid);
CREATE INDEX sessions_open ON sessions (node) WHERE ended IS NULL;

CREATE TABLE session_events (
    id      INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    session TEXT    NOT NULL REFERENCES sessions (uid) ON DELETE CASCADE,
    type    TEXT    NOT NULL,
    -- A JSON object.
    data    TEXT    NOT NULL,
    at      INTEGER NOT NULL
) STRICT;
CREATE INDEX session_events_session ON session_events (session, id);
