/**
 * The statements of selections. `?1` and `?2` are the ends of a piece that was found to hold a bounded number of rows, so none of
 * them looks at more; `test/buffer/plans.test.ts` asks SQLite whether that is so.
 */

const right = `d.kind IN (SELECT value FROM json_each(?3)) AND (?4 IS NULL OR coalesce(k.type, d.type) = ?4)
  AND (?5 IS NULL OR d.received_at >= ?5) AND (?6 IS NULL OR d.received_at < ?6)`;
const deliveries = `FROM deliveries d NOT INDEXED CROSS JOIN kinds k ON k.n = d.kind LEFT JOIN bodies b ON b.position = d.position
  WHERE d.position > ?1 AND d.position <= ?2 AND ${right}`;
// A delivery with several letters of one reason is one item: its first letter stands for it.
const reasons = `FROM letters l NOT INDEXED CROSS JOIN deliveries d ON d.position = l.delivery AND d.id = l.delivery_id
    CROSS JOIN kinds k ON k.n = d.kind LEFT JOIN bodies b ON b.position = d.position
  WHERE l.position > ?1 AND l.position <= ?2 AND l.letter_kind IN (SELECT value FROM json_each(?7)) AND ${right}
    AND NOT EXISTS (SELECT 1 FROM letters e INDEXED BY letters_delivery
      WHERE e.delivery = l.delivery AND e.position < l.position AND e.letter_kind = l.letter_kind)`;
const letters = `FROM letters l NOT INDEXED LEFT JOIN letter_facts f ON f.position = l.position
  WHERE l.position > ?1 AND l.position <= ?2 AND l.kind = 'event'
    AND l.letter_kind IN (SELECT value FROM json_each(?3)) AND (?4 IS NULL OR f.type = ?4)
    AND (?5 IS NULL OR coalesce(f.received_at, l.created_at) >= ?5)
    AND (?6 IS NULL OR coalesce(f.received_at, l.created_at) < ?6)
    AND (?7 IS NULL OR coalesce(f.destination, l.destination) = ?7)`;
const deliveryColumns = 'd.position, d.id, d.kind, d.type, d.key, d.received_at, b.head, b.body';
const letterColumns = `l.position, l.id, l.letter_kind, l.delivery_id, l.kind, l.message, l.attempts, l.destination,
  l.event, f.event_id, f.time, coalesce(f.received_at, l.created_at), f.route, f.key`;
const endOf = (table: string) =>
  `SELECT max(position) FROM (SELECT position FROM ${table} NOT INDEXED
     WHERE position > ?1 AND position <= ?2 ORDER BY position LIMIT ?3)`;
const endOfLetters = endOf('letters');

export const selectionSql = {
  end: { deliveries: endOf('deliveries'), reasons: endOfLetters, letters: endOfLetters },
  count: {
    deliveries: `SELECT count(*) ${deliveries.replace('LEFT JOIN bodies b ON b.position = d.position', '')}`,
    reasons: `SELECT count(*) ${reasons.replace('LEFT JOIN bodies b ON b.position = d.position', '')}`,
    letters: `SELECT count(*) ${letters}`,
  },
  select: {
    deliveries: `SELECT d.position, ${deliveryColumns} ${deliveries} ORDER BY d.position LIMIT ?7`,
    reasons: `SELECT l.position, ${deliveryColumns} ${reasons} ORDER BY l.position LIMIT ?8`,
    letters: `SELECT ${letterColumns} ${letters} ORDER BY l.position LIMIT ?8`,
  },
  delivery: `SELECT 0, ${deliveryColumns} FROM deliveries d LEFT JOIN bodies b ON b.position = d.position WHERE d.id = ?`,
  letter: `SELECT ${letterColumns} FROM letters l LEFT JOIN letter_facts f ON f.position = l.position WHERE l.id = ?`,
} as const;
