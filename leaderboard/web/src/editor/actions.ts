/** model_metadata.json as values and back. Keys that the form does not know stay as they are. */

export interface Range {
  low: number;
  high: number;
}

export interface Action {
  steering_angle: number;
  speed: number;
}

export type ActionSpace =
  | { type: "continuous"; steering_angle: Range; speed: Range }
  | { type: "discrete"; actions: Action[] };

export const DEFAULT_CONTINUOUS: ActionSpace = {
  type: "continuous",
  steering_angle: { low: -30, high: 30 },
  speed: { low: 1, high: 4 },
};

export const DEFAULT_DISCRETE: ActionSpace = {
  type: "discrete",
  actions: [-30, -15, 0, 15, 30].map((steering_angle) => ({ steering_angle, speed: steering_angle === 0 ? 3 : 1.5 })),
};

/** Read the text; throws an Error whose message says what is wrong. An empty text means the defaults. */
export function readActions(text: string): ActionSpace {
  if (text.trim() === "") return DEFAULT_CONTINUOUS;
  const metadata: unknown = JSON.parse(text);
  if (!isRecord(metadata)) throw new Error("model_metadata.json must hold one object in { }.");
  const space = metadata["action_space"];
  if (Array.isArray(space)) return { type: "discrete", actions: space.map(readAction) };
  if (!isRecord(space)) throw new Error('model_metadata.json needs "action_space": a list of actions, or ranges.');
  return {
    type: "continuous",
    steering_angle: readRange(space["steering_angle"], "steering_angle"),
    speed: readRange(space["speed"], "speed"),
  };
}

/** Write the space into the text, in the form that DeepRacer uses. */
export function writeActions(text: string, space: ActionSpace): string {
  let kept: Record<string, unknown> = {};
  try {
    const before: unknown = JSON.parse(text);
    if (isRecord(before)) kept = before;
  } catch {
    // What cannot be read is replaced: the person just chose an action space in the form.
  }
  const { action_space: _old, action_space_type: _type, ...others } = kept;
  const action_space =
    space.type === "discrete" ? space.actions : { steering_angle: space.steering_angle, speed: space.speed };
  return `${JSON.stringify({ action_space_type: space.type, action_space, version: "5", ...others }, null, 2)}\n`;
}

function readAction(value: unknown, index: number): Action {
  if (!isRecord(value)) throw new Error(`Action ${index} must be an object with steering_angle and speed.`);
  return {
    steering_angle: readNumber(value["steering_angle"], `steering_angle of action ${index}`),
    speed: readNumber(value["speed"], `speed of action ${index}`),
  };
}

function readRange(value: unknown, name: string): Range {
  if (!isRecord(value)) throw new Error(`action_space needs "${name}": {"low": ..., "high": ...}.`);
  return { low: readNumber(value["low"], `low ${name}`), high: readNumber(value["high"], `high ${name}`) };
}

/** DeepRacer's files hold numbers as text too. */
function readNumber(value: unknown, what: string): number {
  const number = typeof value === "string" ? Number(value) : value;
  if (typeof number !== "number" || !Number.isFinite(number)) throw new Error(`The ${what} must be a number.`);
  return number;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
