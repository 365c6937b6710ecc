/** Everything that the server says to the browser, in one place: events, rooms, API answers. */

export interface BoardRow {
  /** null for house cars: they stand on the board and take no rank. */
  rank: number | null;
  racer: string;
  name: string;
  team: string | null;
  official_ms: number | null;
  gap_ms: number | null;
  laps: number;
  crashes: number;
  submissions: number;
  achieved_at: string | null;
  submission_id: string | null;
  trial_id: number | null;
  is_house: boolean;
  driver: Driver;
  /** Its training went on from an earlier entry. */
  is_continued: boolean;
}

/** Who drives: a policy trained here, the reference driver, the entrant's code, a policy trained elsewhere. */
export type Driver = "policy" | "reference" | "agent" | "trained";

export interface SeasonRow {
  rank: number;
  racer: string;
  name: string;
  team: string | null;
  points: number;
  races: Record<string, { rank: number; official_ms: number; points: number }>;
}

export interface Progress {
  steps: number;
  budget: number;
  elapsed_s: number;
  eta_s: number | null;
  steps_per_s: number;
  episodes: number;
  completed_laps: number;
  mean_return: number | null;
  mean_progress: number | null;
  best_lap_ms: number | null;
}

interface Payloads {
  "season.opened": Record<string, unknown>;
  "season.closed": Record<string, unknown>;
  "race.opened": Record<string, unknown>;
  "race.closed": Record<string, unknown>;
  "racer.joined": Record<string, unknown>;
  "team.created": Record<string, unknown>;
  "submission.queued": { number: number; place: number | null };
  "submission.claimed": { attempt: number };
  "submission.training": Record<string, unknown>;
  "training.progressed": Progress;
  "submission.racing": Record<string, unknown>;
  /** The message and the line only for the owner and for organisers. */
  "submission.rejected": { verdict: string; message?: string; line?: number | null };
  "submission.stalled": { message: string; attempt: number; final: boolean };
  "submission.cancelled": Record<string, unknown>;
  "submission.requeued": Record<string, unknown>;
  "lap.completed": {
    trial_id: number;
    number: number;
    lap_time_ms: number;
    off_track_count: number;
    reset_count: number;
    racer_name: string;
  };
  "trial.finished": {
    trial_id: number;
    official_ms: number | null;
    completed_laps: number;
    best_lap_ms: number | null;
  };
  /** The stewards' events; the reason only for the owner and for organisers. */
  "trial.held": { trial_id: number; racer_name: string; laps: number[] };
  "trial.cleared": { trial_id: number; racer_name: string; official_ms: number | null; reason?: string | null };
  "trial.struck": { trial_id: number; racer_name: string; reason?: string | null };
  "submission.recorded": { official_ms: number | null; best_lap_ms: number | null };
  "standing.changed": {
    rank: number | null;
    official_ms: number;
    previous_ms: number | null;
    racer_name: string;
    team: string | null;
    trial_id: number;
    row: BoardRow;
  };
  "badge.awarded": { badge: string; title: string; evidence?: unknown };
  "check.finished": { job_id: number; ok: boolean; verdict: string; message: string; line: number | null };
}

export type EventName = keyof Payloads;

export type ArenaEvent = {
  [N in EventName]: {
    id: number;
    at: string;
    name: N;
    season: string | null;
    race: string | null;
    racer: string | null;
    /** The name that people see; absent where nobody is concerned. */
    racer_name?: string | null;
    race_title?: string | null;
    submission: string | null;
    payload: Payloads[N];
    room?: string;
  };
}[EventName];

export interface Snapshot {
  room: string;
  event_id: number;
  /** Rooms of races and seasons. */
  board?: BoardRow[] | SeasonRow[];
  /** Rooms of races: who is queued, training or racing. */
  active?: ActiveSubmission[];
  /** The stewards' room: how many drives wait. */
  held?: number;
  /** Rooms of submissions. */
  submission?: Submission;
}

export interface ActiveSubmission {
  submission: string;
  racer: string;
  name: string;
  state: SubmissionState;
  /** Of the training's budget, 0 to 1; null before the first report. */
  share: number | null;
}

export interface JoinAnswer {
  ok: boolean;
  error?: string;
}

export type SubmissionState =
  | "queued"
  | "claimed"
  | "training"
  | "racing"
  | "recorded"
  | "rejected"
  | "stalled"
  | "cancelled";

export interface Lap {
  number: number;
  lap_time_ms: number;
  off_track_count: number;
  reset_count: number;
}

export interface Submission {
  id: string;
  state: SubmissionState;
  number: number;
  race: string;
  racer: string;
  place: number | null;
  expected_wait_s: number | null;
  verdict: string | null;
  message: string | null;
  line: number | null;
  official_ms: number | null;
  laps: Lap[];
  curve: Progress[];
  trial_id: number | null;
  /** Of the stewards; null before the race was driven. */
  ruling: "none" | "held" | "cleared" | "struck" | null;
}

export interface TrackGeometry {
  name: string;
  title: string;
  length_m: number;
  width_m: number;
  is_ccw: boolean;
  center: [number, number][];
  inner: [number, number][];
  outer: [number, number][];
}

export interface ReplayCar {
  racer: string;
  name: string;
  team: string | null;
  trial_id: number;
  official_ms: number | null;
  rank: number | null;
  is_house: boolean;
  trace_url: string;
}

export type Direction = "forward" | "reversed" | "alternate";

export interface Replay {
  race: string;
  track: string;
  /** Laps of the race. */
  laps: number;
  direction: Direction;
  /** The track turned into the direction of driving; forward where laps go both ways in turn. */
  track_url: string;
  cars: ReplayCar[];
}

export interface TraceData {
  trial_id: number;
  columns: {
    t_s: number[];
    x_m: number[];
    y_m: number[];
    yaw_rad: number[];
    speed_mps: number[];
    steering_rad: number[];
    progress: number[];
    lap: number[];
  };
  laps: Lap[];
  /** What stood or drove on the road around the car; absent where the road was free. */
  objects?: TraceObject[];
}

/** One entry per sample of the drive, or one for all where the object stands; null where it is not there. */
export interface TraceObject {
  length_m: number;
  width_m: number;
  x_m: (number | null)[];
  y_m: (number | null)[];
  yaw_rad: number[];
}

export interface CannedReward {
  state: string;
  reward: number | null;
}

export interface CheckAnswer {
  ok: boolean;
  verdict: string;
  message: string;
  line: number | null;
  rewards: CannedReward[];
  output: string;
  warnings: string[];
}

/** RFC 9457. */
export interface ProblemDocument {
  type: string;
  title: string;
  status: number;
  detail: string;
  verdict?: string;
  line?: number | null;
  errors?: Record<string, unknown>;
}

export interface Kit {
  name: string;
  title: string;
  summary: string;
  /** One of the two. */
  reward_function?: string | null;
  agent?: string | null;
  model_metadata?: string | null;
  hyperparameters?: string | null;
}
