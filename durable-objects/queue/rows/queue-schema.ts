/**
 * The tables of a queue.
 *
 *   queue      one row: the definition, whether it is paused, and, for a queue that is deleted when nobody uses it, about
 *              when it was used last. A queue without it does not exist.
 *   segments   one row a segment of a lane, keyed by lane and base offset (core/queue/state/lane.ts). The tail of a lane is
 *              replaced while it is small, otherwise a segment is written once, and deleted when all of it is settled.
 *              `producers` is what is known of producers (producer-rows.ts), in the row that was written last; mostly NULL.
 *              One row at place -1, without data, may have it in place of a segment that is gone.
 *   delivery   one row for each segment with messages in flight: what is settled, leased, tried before. A row whose
 *              segment is gone is free and used again: finishing a segment costs one row, not two. Its `next_offset`
 *              stays: for a lane that has run empty it is where offsets go on.
 *   parked     one row for messages that fail or arrive together and wait for the same time and lane. Sorted by time, so
 *              that what is due is found without looking at the rest. Those with ordering keys that come back are apart
 *              (`is_keyed`): their keys have to be known when the object wakes, and nothing of the others.
 *   totals     one row: how many messages are parked, what became of dead letters that nobody took, and a number that none
 *              in the outbox and no `seq` of a parked row has reached (`reserved`). Written with each commit that parks messages or brings them back,
 *              so that waking counts nothing, and with the first dead letter after that. Absent: none ever were. It has
 *              `producers` too, for publishes that were parked whole.
 *   outbox     one row for messages that leave together, until other objects have taken them. `number` is that of the
 *              first; numbers only grow, so that the other side knows what it has seen. `target` is where they go, as
 *              JSON; empty: where the queue's dead letters go. `done` names destinations that have them, if others
 *              have not.
 *   replays    one row for each replay of dead letters and each move, as JSON: what is asked for, and how far it is.
 *   dedup      one row a publish that carried message ids, while the window remembers them.
 *   producers  one row: the producers as they were at a version. Made when so many have published that the rows above
 *              should not carry them. Absent: they do.
 *   sources    one row for each object that dead-letters to this queue: the last number taken from it.
 *
 * `used_ms` of the row in `queue` is 2^53 - 1 while streams are open, for a queue that expires: their end counts, or the start of
 * the object if they ended with its last life.
 *
 * No index beyond the keys: each would be one more row written.
 */

export const QUEUE_SCHEMA = [
  `CREATE TABLE IF NOT EXISTS queue (
     id INTEGER PRIMARY KEY CHECK (id = 1),
     format INTEGER NOT NULL,
     json TEXT NOT NULL,
     is_paused INTEGER NOT NULL,
     used_ms INTEGER NOT NULL
   )`,
  `CREATE TABLE IF NOT EXISTS segments (
     place INTEGER PRIMARY KEY,
     next_offset INTEGER NOT NULL,
     max_timestamp INTEGER NOT NULL,
     position INTEGER NOT NULL,
     bytes INTEGER NOT NULL,
     is_plain INTEGER NOT NULL,
     producers TEXT,
     data BLOB NOT NULL
   )`,
  `CREATE TABLE IF NOT EXISTS delivery (
     slot INTEGER PRIMARY KEY,
     place INTEGER NOT NULL,
     next_offset INTEGER NOT NULL,
     json TEXT NOT NULL
   )`,
  `CREATE TABLE IF NOT EXISTS parked (
     is_keyed INTEGER NOT NULL,
     due_ms INTEGER NOT NULL,
     seq INTEGER NOT NULL,
     lane INTEGER NOT NULL,
     count INTEGER NOT NULL,
     data BLOB NOT NULL,
     PRIMARY KEY (is_keyed, due_ms, seq)
   ) WITHOUT ROWID`,
  `CREATE TABLE IF NOT EXISTS totals (
     id INTEGER PRIMARY KEY CHECK (id = 1),
     parked INTEGER NOT NULL,
     parked_bytes INTEGER NOT NULL,
     reserved INTEGER NOT NULL,
     lost TEXT NOT NULL,
     producers TEXT
   )`,
  `CREATE TABLE IF NOT EXISTS outbox (
     number INTEGER PRIMARY KEY,
     count INTEGER NOT NULL,
     target TEXT NOT NULL,
     done TEXT NOT NULL,
     data BLOB NOT NULL
   )`,
  'CREATE TABLE IF NOT EXISTS replays (id TEXT PRIMARY KEY, json TEXT NOT NULL) WITHOUT ROWID',
  'CREATE TABLE IF NOT EXISTS dedup (id INTEGER PRIMARY KEY, until_ms INTEGER NOT NULL, ids TEXT NOT NULL)',
  'CREATE TABLE IF NOT EXISTS sources (name TEXT PRIMARY KEY, number INTEGER NOT NULL) WITHOUT ROWID',
] as const;

/** Few queues ever need it. */
export const PRODUCERS_TABLE = `CREATE TABLE IF NOT EXISTS producers (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  version INTEGER NOT NULL,
  json TEXT NOT NULL
)`;
