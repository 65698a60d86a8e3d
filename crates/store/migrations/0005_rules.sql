-- Rules on commands, what was judged by them, and who decided. Times are Unix milliseconds.

-- Roles are three now. A new column in place of the old one: to make the table again would take with it all
-- that refers to it.
ALTER TABLE users ADD COLUMN new_role TEXT NOT NULL DEFAULT 'user' CHECK (new_role IN ('admin', 'reviewer', 'user'));
UPDATE users SET new_role = role;
ALTER TABLE users DROP COLUMN role;
ALTER TABLE users RENAME COLUMN new_role TO role;

-- Every rule set that ever held; the last one holds. Never changed, never removed.
CREATE TABLE rule_versions (
    version  INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    created  INTEGER NOT NULL,
    -- A user name, as it was then; none is the program itself.
    author   TEXT,
    note     TEXT    NOT NULL,
    -- The rule set, and which sessions are controlled: two JSON objects.
    document TEXT    NOT NULL,
    control  TEXT    NOT NULL,
    -- SHA-256 of what travels, in hexadecimal.
    digest   TEXT    NOT NULL
) STRICT;

-- What was judged.
CREATE TABLE verdicts (
    id        INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    -- None where no terminal was: a command that the server ran itself.
    session   TEXT    REFERENCES sessions (uid) ON DELETE CASCADE,
    at        INTEGER NOT NULL,
    -- Milliseconds into the recording.
    offset_ms INTEGER,
    door      TEXT    NOT NULL,
    label     TEXT    NOT NULL,
    action    TEXT    NOT NULL,
    rule      TEXT,
    program   TEXT,
    -- A JSON array.
    argv      TEXT    NOT NULL,
    line      TEXT,
    -- A JSON object: the rest.
    data      TEXT    NOT NULL
) STRICT;
CREATE INDEX verdicts_session ON verdicts (session, id);
CREATE INDEX verdicts_at ON verdicts (at);

-- Commands that wait, or waited, for a second person.
CREATE TABLE reviews (
    uid      TEXT    PRIMARY KEY NOT NULL,
    session  TEXT    NOT NULL,
    -- Of exactly what runs when it is approved.
    hash     TEXT    NOT NULL,
    state    TEXT    NOT NULL CHECK (state IN ('open', 'approved', 'refused', 'expired', 'cancelled')),
    opened   INTEGER NOT NULL,
    expires  INTEGER,
    closed   INTEGER,
    -- users.uid of whose command it is. No reference: what somebody did stays when they go.
    opener   TEXT,
    -- A user name, as it was then.
    reviewer TEXT,
    reason   TEXT,
    -- A JSON object: what waits.
    data     TEXT    NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX reviews_open ON reviews (session) WHERE state = 'open';

CREATE TABLE alerts (
    id       INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    at       INTEGER NOT NULL,
    kind     TEXT    NOT NULL,
    severity TEXT    NOT NULL CHECK (severity IN ('info', 'warning', 'critical')),
    session  TEXT,
    -- A JSON object.
    data     TEXT    NOT NULL
) STRICT;
CREATE INDEX alerts_at ON alerts (at);

-- How far alerts have been sent on, by the name of where to.
CREATE TABLE alert_places (
    name TEXT    PRIMARY KEY NOT NULL,
    last INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
