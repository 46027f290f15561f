-- One row per mail. A second mail with the same Message-ID is the same mail: only its copies are counted.
CREATE TABLE IF NOT EXISTS mails (
    number INTEGER PRIMARY KEY,
    message_id TEXT UNIQUE,
    received_ms INTEGER NOT NULL,
    sender TEXT NOT NULL,
    recipients TEXT NOT NULL,
    subject TEXT NOT NULL,
    raw BLOB NOT NULL,
    copies INTEGER NOT NULL DEFAULT 1
) STRICT;
