-- Times are Unix milliseconds.

-- When so many wrong codes of this app had come that none is looked at any more. Another app has none.
ALTER TABLE totp ADD COLUMN locked INTEGER;
