import { expect, test } from "vitest";
import { tagsOf } from "../src/live/tags";

const PLAIN = { is_house: false, driver: "policy", is_continued: false } as const;

test("one training of the race's own length needs no word", () => {
  expect(tagsOf(PLAIN)).toEqual([]);
});

test("what was driven in another way says so", () => {
  expect(tagsOf({ ...PLAIN, driver: "agent" })).toEqual(["agent"]);
  expect(tagsOf({ ...PLAIN, driver: "trained" })).toEqual(["trained elsewhere"]);
  expect(tagsOf({ ...PLAIN, is_continued: true })).toEqual(["trained on"]);
  expect(tagsOf({ ...PLAIN, is_house: true, driver: "reference" })).toEqual(["house car"]);
});
