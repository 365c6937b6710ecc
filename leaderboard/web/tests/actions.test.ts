import { expect, test } from "vitest";
import { readActions, writeActions } from "../src/editor/actions";

test("a continuous space survives the way through the form, with the keys that it does not know", () => {
  const text = JSON.stringify({
    action_space: { steering_angle: { low: "-20", high: 20 }, speed: { low: 1, high: 3 } },
    action_space_type: "continuous", sensor: ["FRONT_FACING_CAMERA"], version: "4",
  });
  const again = JSON.parse(writeActions(text, readActions(text)));
  expect(again.sensor).toEqual(["FRONT_FACING_CAMERA"]);
  expect(again.version).toBe("4");
  expect(again.action_space.steering_angle).toEqual({ low: -20, high: 20 });
});

test("a discrete space is a list of actions", () => {
  const text = '{"action_space": [{"steering_angle": 30, "speed": 1, "index": 0}], "action_space_type": "discrete"}';
  expect(readActions(text)).toEqual({ type: "discrete", actions: [{ steering_angle: 30, speed: 1 }] });
});

test.each([
  ["[]", "one object"],
  ["{}", "action_space"],
  ['{"action_space": [{"speed": 1}]}', "steering_angle of action 0"],
  ['{"action_space": {"speed": {"low": 1, "high": 2}}}', "steering_angle"],
])("what cannot be read says why: %s", (text, reason) => {
  expect(() => readActions(text)).toThrow(reason);
});
