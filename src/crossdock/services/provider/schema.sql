-- The provider's own books. `charges` and `refunds` are append-only; `crossdock audit` reads them.
CREATE TABLE IF NOT EXISTS charges (
    id TEXT PRIMARY KEY,
    idempotency_key TEXT NOT NULL UNIQUE,
    reference TEXT NOT NULL,
    amount INTEGER NOT NULL,
    currency TEXT NOT NULL,
    card TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('succeeded', 'declined')),
    code TEXT NOT NULL,
    created_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS charges_by_reference ON charges (reference);

CREATE TABLE IF NOT EXISTS refunds (
    id TEXT PRIMARY KEY,
    idempotency_key TEXT NOT NULL UNIQUE,
    charge TEXT NOT NULL UNIQUE REFERENCES charges (id),
    reference TEXT NOT NULL,
    amount INTEGER NOT NULL,
    currency TEXT NOT NULL,
    created_ms INTEGER NOT NULL
) STRICT;

-- Keys whose first request was answered 500 on purpose.
CREATE TABLE IF NOT EXISTS faults (idempotency_key TEXT PRIMARY KEY) STRICT;

-- Events on their way to the merchant; a row goes when the merchant has answered 2xx or the tries are used up.
CREATE TABLE IF NOT EXISTS webhooks (
    number INTEGER PRIMARY KEY,
    body TEXT NOT NULL,
    tries INTEGER NOT NULL DEFAULT 0,
    due_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS webhooks_by_due ON webhooks (due_ms);

CREATE TABLE IF NOT EXISTS knobs (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    body TEXT NOT NULL
) STRICT;
