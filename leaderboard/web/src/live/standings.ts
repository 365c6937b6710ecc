/** The order of a board, as pure values: what the rows are after one more standing. */

import type { BoardRow } from "../protocol";

function before(a: BoardRow, b: BoardRow): number {
  const times = (a.official_ms ?? Infinity) - (b.official_ms ?? Infinity);
  if (times !== 0 && !Number.isNaN(times)) return times;
  // Equal times: who drove it first stands first (arena/league/standings.py says the same).
  return (a.achieved_at ?? "~").localeCompare(b.achieved_at ?? "~") || a.racer.localeCompare(b.racer);
}

/** Put `changed` in its place; ranks and gaps of all rows follow. At most `limit` rows stay. */
export function withStanding(rows: readonly BoardRow[], changed: BoardRow, limit: number): BoardRow[] {
  const others = rows.filter((row) => row.racer !== changed.racer);
  const sorted = [...others, changed].sort(before).slice(0, limit);
  const leader = sorted[0]?.official_ms ?? null;
  let rank = 0;
  return sorted.map((row) => ({
    ...row,
    rank: row.is_house ? null : ++rank,
    gap_ms: row.official_ms === null || leader === null ? null : row.official_ms - leader,
  }));
}
