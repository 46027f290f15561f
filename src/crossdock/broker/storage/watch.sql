-- Metrics and alarms of a data folder, beside its queues. The format is in PRAGMA user_version.

CREATE TABLE metrics (
    number INTEGER PRIMARY KEY,
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    namespace TEXT NOT NULL,
    name TEXT NOT NULL,
    dimensions TEXT NOT NULL, -- JSON, in the order of the names
    unit TEXT NOT NULL,
    last_s INTEGER NOT NULL,
    UNIQUE (account, region, namespace, name, dimensions, unit)
) STRICT;

-- The samples of a moment: of a second, a minute, and, as they grow old, of five minutes and of an hour.
CREATE TABLE points (
    metric INTEGER NOT NULL,
    start_s INTEGER NOT NULL,
    resolution_s INTEGER NOT NULL,
    count REAL NOT NULL,
    sum REAL NOT NULL,
    minimum REAL NOT NULL,
    maximum REAL NOT NULL,
    PRIMARY KEY (metric, start_s, resolution_s)
) STRICT, WITHOUT ROWID;
CREATE INDEX points_by_age ON points (resolution_s, start_s);

CREATE TABLE alarms (
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    name TEXT NOT NULL,
    document TEXT NOT NULL, -- JSON
    PRIMARY KEY (account, region, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE history (
    number INTEGER PRIMARY KEY,
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    alarm TEXT NOT NULL,
    type TEXT NOT NULL,
    at_ms INTEGER NOT NULL,
    document TEXT NOT NULL -- JSON
) STRICT;
CREATE INDEX history_by_alarm ON history (account, region, alarm, at_ms);
CREATE INDEX history_by_time ON history (account, region, at_ms);

-- Auto Scaling groups with their policies, and what they did.
CREATE TABLE groups (
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    name TEXT NOT NULL,
    document TEXT NOT NULL, -- JSON
    PRIMARY KEY (account, region, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE activities (
    number INTEGER PRIMARY KEY,
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    scaled TEXT NOT NULL,
    id TEXT NOT NULL,
    at_ms INTEGER NOT NULL,
    document TEXT NOT NULL -- JSON
) STRICT;
CREATE INDEX activities_by_group ON activities (account, region, scaled, at_ms);
CREATE INDEX activities_by_time ON activities (account, region, at_ms);
