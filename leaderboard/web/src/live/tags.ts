/** The words beside a name on a board, so that nobody compares what was not driven alike unknowingly. */

import type { BoardRow } from "../protocol";

/** leaderboard/entry_words.py says the same. */
const MARKS: Partial<Record<BoardRow["driver"], string>> = { agent: "agent", trained: "trained elsewhere" };

export function tagsOf(row: Pick<BoardRow, "is_house" | "driver" | "is_continued">): string[] {
  const mark = row.is_continued ? "trained on" : MARKS[row.driver];
  return [...(row.is_house ? ["house car"] : []), ...(mark ? [mark] : [])];
}
