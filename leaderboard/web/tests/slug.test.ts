import { expect, test } from "vitest";
import { slugOf } from "../src/slug";

test("a title becomes a name for addresses", () => {
  expect(slugOf("Opening Sprint")).toBe("opening-sprint");
  expect(slugOf("  Köln: 3. Rennen! ")).toBe("koln-3-rennen");
  expect(slugOf("東京")).toBe("");
  expect(slugOf("a".repeat(59) + " b")).toBe("a".repeat(59));
});
