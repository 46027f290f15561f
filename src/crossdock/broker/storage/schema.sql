-- The tables of a data folder. The format is in PRAGMA user_version; docs/storage-format.md says how it may change.
-- `checksum` is the CRC-32 of the other columns of its row (`rows.py`); NULL in rows that format 1 wrote.

-- One row. Everything in the journal before (folded_segment, folded_offset) is in these tables.
CREATE TABLE meta (
    identity BLOB NOT NULL,
    folded_segment INTEGER NOT NULL,
    folded_offset INTEGER NOT NULL,
    last_queue INTEGER NOT NULL
) STRICT;
INSERT INTO meta VALUES (randomblob(16), 1, 0, 0);

CREATE TABLE queues (
    number INTEGER PRIMARY KEY,
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    name TEXT NOT NULL,
    attributes TEXT NOT NULL,
    tags TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    modified_ms INTEGER NOT NULL,
    purged_ms INTEGER NOT NULL,
    last_sequence INTEGER NOT NULL DEFAULT 0,
    message_count INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE deleted_queues (
    number INTEGER PRIMARY KEY,
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    name TEXT NOT NULL,
    deleted_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE move_tasks (task_id TEXT PRIMARY KEY, payload BLOB NOT NULL) STRICT;

-- The content of a message never changes: payload is the fact Sent in MessagePack.
CREATE TABLE messages (sequence INTEGER PRIMARY KEY, payload BLOB NOT NULL, checksum INTEGER) STRICT;

-- The part that changes, of messages that were received or delayed.
CREATE TABLE touched (
    sequence INTEGER PRIMARY KEY,
    receive_count INTEGER NOT NULL,
    first_received_ms INTEGER NOT NULL,
    due_ms INTEGER NOT NULL,
    checksum INTEGER
) STRICT;

-- The deduplication memory of FIFO queues. It outlives its messages.
CREATE TABLE remembered (
    sequence INTEGER PRIMARY KEY,
    key TEXT NOT NULL,
    message_id TEXT NOT NULL,
    sent_ms INTEGER NOT NULL,
    checksum INTEGER
) STRICT;
CREATE INDEX remembered_by_age ON remembered (sent_ms);

-- What is left of purges and of deleted queues: rows of the queue up to and with `through` are never shown, and removed bit by bit.
CREATE TABLE discards (queue INTEGER PRIMARY KEY, through INTEGER NOT NULL) STRICT;
