-- Who somebody is at a provider of single sign-on. Times are Unix milliseconds.

CREATE TABLE user_identities (
    id        INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    user_id   INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    issuer    TEXT    NOT NULL,
    -- What the issuer never gives to another person.
    subject   TEXT    NOT NULL,
    -- What the issuer called them last: for people to read, not to find anybody by.
    name      TEXT,
    created   INTEGER NOT NULL,
    -- The administrator who prepared it; NULL where the person was made by their first sign-in.
    linked_by TEXT,
    last_used INTEGER,
    UNIQUE (issuer, subject)
) STRICT;

CREATE INDEX user_identities_by_user ON user_identities (user_id);
