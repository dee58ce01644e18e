/**
 * The tables of the SQLite keeper, and the number of their format.
 *
 * What decides the shapes: accepting and settling touch few and small pages; nothing is ever counted by scanning;
 * what gives way first lies at the left edge of its tree, so that whole pages come free.
 *
 *   sources      one row for each source, with its counts since the folder was made
 *   kinds        each (source, provider, type, state) that occurs: one index on `deliveries.kind` answers every filter
 *   deliveries   one small row for each webhook; its bytes are in `bodies`
 *   dedupe       what keys were seen, in the order they came; outlives the delivery when history gives way
 *   dedupe_index where the older ones of them are, by hash (keys.ts)
 *   lanes        each (destination, source, route) with how many events wait in it, and how many of them behind another
 *   events       the JSON as it will be sent; written once, kept as history after it was delivered
 *   queue        one small row for each event that waits and whose turn it is: deleting it is what settling means
 *   updates      each update that waits, by key: the oldest of a key is in the queue, the others are behind it (updates.ts)
 *   letters      dead letters; `letter_kinds` is to them what `kinds` is to deliveries
 *   unmapped_types  what was skipped or failed, by type; bounded for each source (unmapped-types.ts)
 *   secrets      each source that is armed (no secret yet) or has learned one in a handshake
 *   letter_facts what lists and replays ask of a dead letter, in small rows beside its large one
 *   attempts     the last requests that did not go well, each with the positions of its events, packed
 *   replays      a row for each replay; `replay_items` those items of it whose events wait, `replay_waiting` these events
 */

/** "trly": tells our files from other people's. */
export const applicationId = 0x74726c79;
/** Raised when the tables change in a way that an older relay would misread. */
export const formatVersion = 2;

export const deliveryStates = ['accepted', 'mapped', 'skipped', 'failed'] as const;

const laneColumns = `(
  n INTEGER PRIMARY KEY, destination TEXT NOT NULL, source INTEGER NOT NULL, route TEXT NOT NULL DEFAULT 'event',
  waiting INTEGER NOT NULL DEFAULT 0, behind INTEGER NOT NULL DEFAULT 0, UNIQUE (destination, source, route)
)`;

/** From format 1, which knew plain events only. The numbers of the lanes stay: the queue names them. */
export const toFormat2 = `
CREATE TABLE new_lanes ${laneColumns};
INSERT INTO new_lanes (n, destination, source, waiting) SELECT n, destination, source, waiting FROM lanes;
DROP TABLE lanes;
ALTER TABLE new_lanes RENAME TO lanes;
PRAGMA user_version = 2;
`;

// AUTOINCREMENT: a plain integer key starts again when its table empties, and a cursor would then skip rows for ever.
export const tables = `
CREATE TABLE meta (name TEXT PRIMARY KEY, value) WITHOUT ROWID;

CREATE TABLE sources (
  n INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE,
  accepted INTEGER NOT NULL DEFAULT 0, duplicates INTEGER NOT NULL DEFAULT 0,
  mapped INTEGER NOT NULL DEFAULT 0, skipped INTEGER NOT NULL DEFAULT 0, failed INTEGER NOT NULL DEFAULT 0,
  created INTEGER NOT NULL DEFAULT 0, delivered INTEGER NOT NULL DEFAULT 0, dead INTEGER NOT NULL DEFAULT 0,
  last_accepted_at INTEGER
);

CREATE TABLE kinds (
  n INTEGER PRIMARY KEY, source INTEGER NOT NULL, provider TEXT NOT NULL, type TEXT, various INTEGER NOT NULL,
  state INTEGER NOT NULL, kept INTEGER NOT NULL DEFAULT 0
);

CREATE TABLE deliveries (
  position INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL, kind INTEGER NOT NULL, state INTEGER NOT NULL,
  key TEXT, type TEXT, received_at INTEGER NOT NULL, bytes INTEGER NOT NULL,
  created INTEGER NOT NULL DEFAULT 0, waiting INTEGER NOT NULL DEFAULT 0, dead INTEGER NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX deliveries_id ON deliveries (id);
CREATE INDEX deliveries_kind ON deliveries (kind, position);
CREATE INDEX deliveries_unmapped ON deliveries (position) WHERE state = 0;
CREATE INDEX deliveries_settled ON deliveries (position) WHERE state <> 0 AND waiting = 0;

CREATE TABLE bodies (position INTEGER PRIMARY KEY, head TEXT NOT NULL, body BLOB NOT NULL);

CREATE TABLE dedupe (
  position INTEGER PRIMARY KEY, hash BLOB NOT NULL, id TEXT NOT NULL, received_at INTEGER NOT NULL
);
CREATE TABLE dedupe_index (hash BLOB PRIMARY KEY, position INTEGER NOT NULL) WITHOUT ROWID;

CREATE TABLE lanes ${laneColumns};

CREATE TABLE events (
  position INTEGER PRIMARY KEY AUTOINCREMENT, delivery INTEGER NOT NULL, lane INTEGER NOT NULL,
  id TEXT NOT NULL, time INTEGER NOT NULL, json TEXT NOT NULL
);
CREATE INDEX events_delivery ON events (delivery);

CREATE TABLE queue (
  lane INTEGER NOT NULL, position INTEGER NOT NULL, time INTEGER NOT NULL, received_at INTEGER NOT NULL,
  attempts INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (lane, position)
) WITHOUT ROWID;
CREATE INDEX queue_time ON queue (lane, time);

CREATE TABLE letter_kinds (
  n INTEGER PRIMARY KEY, source INTEGER NOT NULL, reason TEXT NOT NULL, kept INTEGER NOT NULL DEFAULT 0,
  UNIQUE (source, reason)
);
CREATE TABLE letters (
  position INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL, letter_kind INTEGER NOT NULL,
  delivery INTEGER NOT NULL, delivery_id TEXT NOT NULL, kind TEXT NOT NULL, message TEXT NOT NULL,
  destination TEXT, event TEXT, attempts INTEGER NOT NULL, created_at INTEGER NOT NULL
);
CREATE UNIQUE INDEX letters_id ON letters (id);
CREATE INDEX letters_kind ON letters (letter_kind, position);
CREATE INDEX letters_delivery ON letters (delivery);
`;

/**
 * Tables that came later, made in the file of an older relay when it is opened; that relay would still read it right,
 * so they raise no number.
 */
export const laterTables = `
CREATE TABLE IF NOT EXISTS updates (
  position INTEGER PRIMARY KEY, key TEXT NOT NULL, lane INTEGER NOT NULL, time INTEGER NOT NULL,
  received_at INTEGER NOT NULL, begun INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX IF NOT EXISTS updates_key ON updates (key, position);
CREATE TABLE IF NOT EXISTS secrets (
  source TEXT PRIMARY KEY, armed_until INTEGER, secret TEXT, learned_at INTEGER
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS unmapped_types (
  source INTEGER NOT NULL, type TEXT NOT NULL, skipped INTEGER NOT NULL, failed INTEGER NOT NULL,
  since INTEGER NOT NULL, last_at INTEGER NOT NULL, last_delivery TEXT NOT NULL, PRIMARY KEY (source, type)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS letter_facts (
  position INTEGER PRIMARY KEY, kind TEXT NOT NULL, destination TEXT, type TEXT, received_at INTEGER NOT NULL,
  event INTEGER, event_id TEXT, time INTEGER, route TEXT, key TEXT
);
CREATE TABLE IF NOT EXISTS attempts (
  n INTEGER PRIMARY KEY AUTOINCREMENT, low INTEGER NOT NULL, high INTEGER NOT NULL, batch TEXT NOT NULL,
  at INTEGER NOT NULL, attempt INTEGER NOT NULL, status INTEGER, outcome TEXT NOT NULL, reason TEXT, message TEXT,
  duration_ms INTEGER NOT NULL, positions BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS replays (
  n INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, mode TEXT NOT NULL, selection TEXT NOT NULL,
  state TEXT NOT NULL, selecting INTEGER NOT NULL, place INTEGER NOT NULL, up_to INTEGER NOT NULL,
  count INTEGER NOT NULL, done INTEGER NOT NULL, delivered INTEGER NOT NULL, failed INTEGER NOT NULL,
  empty INTEGER NOT NULL, last_failure TEXT, made_by TEXT NOT NULL, created_at INTEGER NOT NULL, ended_at INTEGER
);
CREATE TABLE IF NOT EXISTS replay_items (
  replay INTEGER NOT NULL, item INTEGER NOT NULL, waiting INTEGER NOT NULL, dead INTEGER NOT NULL,
  PRIMARY KEY (replay, item)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS replay_waiting (
  position INTEGER PRIMARY KEY, replay INTEGER NOT NULL, item INTEGER NOT NULL
);
`;

/**
 * Columns that came later, in the same way. `settled_after`: milliseconds from receipt until the last event that left; short,
 * so that the row hardly grows when it is written.
 */
export const laterColumns = [{ table: 'deliveries', column: 'settled_after', type: 'INTEGER' }] as const;
