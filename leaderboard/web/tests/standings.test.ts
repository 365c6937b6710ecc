import { expect, test } from "vitest";
import type { BoardRow } from "../src/protocol";
import { withStanding } from "../src/live/standings";

function row(racer: string, official_ms: number, achieved_at = "2026-01-01T10:00:00Z"): BoardRow {
  return {
    rank: 0, racer, name: racer, team: null, official_ms, gap_ms: null, crashes: 0, laps: 3, submissions: 1, achieved_at,
    submission_id: null, trial_id: 1, is_house: false, driver: "policy", is_continued: false,
  };
}

test("a better time moves the row up and every gap follows the new leader", () => {
  const rows = [row("ann", 9000), row("ben", 9500)].reduce<BoardRow[]>((all, one) => withStanding(all, one, 100), []);
  const after = withStanding(rows, row("cleo", 8800), 100);
  expect(after.map(({ racer, rank, gap_ms }) => [racer, rank, gap_ms])).toEqual([
    ["cleo", 1, 0], ["ann", 2, 200], ["ben", 3, 700],
  ]);
});

test("a racer has one row", () => {
  const after = withStanding([row("ann", 9000), row("ben", 9500)], row("ben", 8000), 100);
  expect(after.map((one) => one.racer)).toEqual(["ben", "ann"]);
});

test("of two equal times the earlier one stands first", () => {
  const after = withStanding([row("ann", 9000, "2026-01-01T11:00:00Z")], row("ben", 9000, "2026-01-01T10:00:00Z"), 100);
  expect(after.map((one) => one.racer)).toEqual(["ben", "ann"]);
});

test("a house car stands in its place and takes no rank", () => {
  const house = { ...row("house", 8500), is_house: true };
  const after = [row("ann", 9000), house].reduce<BoardRow[]>((all, one) => withStanding(all, one, 100), []);
  expect(after.map((one) => [one.racer, one.rank])).toEqual([["house", null], ["ann", 1]]);
});

test("no more rows than the limit stay", () => {
  expect(withStanding([row("ann", 1), row("ben", 2)], row("cleo", 3), 2).map((one) => one.racer)).toEqual(["ann", "ben"]);
});
