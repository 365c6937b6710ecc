/** The live board of a race or a season: rows in place, the newest lap highlighted, who trains now. */

import "./board.css";
import { Announcer, element, setText } from "../dom";
import { gap, lapTime } from "../format";
import { ConnectionSign } from "../live/badge";
import { listen } from "../live/connection";
import { Garage } from "../live/garage";
import { highlight, reconcile, type KeyedRow } from "../live/rows";
import { withStanding } from "../live/standings";
import { tagsOf } from "../live/tags";
import type { ArenaEvent, BoardRow, SeasonRow, Snapshot } from "../protocol";

const MOST_ROWS = 100;
/** The columns of the server's table, in its order; crashes only where there is something to crash into. */
const CELLS = ["rank", "racer", "time", "gap", "laps", "crashes", "tries"] as const;
const NUMERIC = new Set<string>(["rank", "time", "gap", "laps", "crashes", "tries", "points"]);

export function mount(host: HTMLElement): void {
  const body = host.querySelector<HTMLTableSectionElement>("table.board tbody");
  if (!body) throw new Error("The board island needs a table.board with a tbody.");
  // Deeper pages of a long board are history: live rows belong to the first one.
  if (Number(new URLSearchParams(location.search).get("page") ?? 1) > 1) return;
  const kind = host.dataset["kind"] === "season" ? "season" : "race";
  const board = kind === "season" ? new SeasonBoard(host, body) : new RaceBoard(host, body);
  const sign = new ConnectionSign(host);
  const ways = listen(`${kind}:${host.dataset["slug"]}`, {
    onState: (state, reason) => sign.show(state, reason),
    onSnapshot: (snapshot) => board.restart(snapshot),
    onEvent: (event) => board.take(event),
  });
  addEventListener("pagehide", ways, { once: true });
}

class RaceBoard {
  private rows: BoardRow[] = [];
  private readonly announcer: Announcer;
  private readonly newest: HTMLElement;
  private readonly garage: Garage;
  private readonly me: string;
  private readonly limit: number;
  private readonly cells: readonly string[];
  private isDrawn = false;

  constructor(private readonly host: HTMLElement, private readonly body: HTMLTableSectionElement) {
    this.announcer = new Announcer(host);
    this.cells = CELLS.filter((name) => host.querySelector(`thead th.${name}`));
    this.me = host.dataset["me"] ?? "";
    this.limit = Number(host.dataset["rows"] ?? MOST_ROWS);
    this.newest = element("p", { class: "newest-lap", hidden: true });
    (host.querySelector(".table-scroll") ?? this.body.parentElement)?.before(this.newest);
    this.garage = new Garage(host);
  }

  restart(snapshot: Snapshot): void {
    this.rows = ((snapshot.board ?? []) as BoardRow[]).slice(0, this.limit);
    this.garage.restart(snapshot.active ?? []);
    this.draw();
  }

  take(event: ArenaEvent): void {
    this.garage.take(event);
    if (event.name === "standing.changed") this.takeStanding(event.payload.row);
    if (event.name === "lap.completed") this.takeLap(event.payload.racer_name, event);
    if (event.name === "trial.finished") this.countTrial(event.racer);
  }

  /** A drive that is no better changes nothing but the number of entries; a better one brings its own row. */
  private countTrial(racer: string | null): void {
    const row = this.rows.find((one) => one.racer === racer);
    if (!row) return;
    row.submissions += 1;
    this.draw();
  }

  private takeStanding(row: BoardRow): void {
    const before = this.rows.find((old) => old.racer === row.racer)?.rank;
    this.rows = withStanding(this.rows, row, this.limit);
    this.draw();
    highlight(this.body, row.racer);
    const place = this.rows.find((now) => now.racer === row.racer)?.rank ?? row.rank;
    const on = place === null ? "" : `, place ${place}`;
    const move = before !== undefined && before !== null && before !== place ? `, from place ${before}` : "";
    this.announcer.say(`${row.name}: ${lapTime(row.official_ms)}${on}${move}.`);
  }

  private takeLap(name: string, event: Extract<ArenaEvent, { name: "lap.completed" }>): void {
    const { number, lap_time_ms, off_track_count } = event.payload;
    const clean = off_track_count === 0 ? "clean" : `${off_track_count} off track`;
    this.newest.replaceChildren(
      element("span", { class: "label" }, "Newest lap"),
      element("strong", {}, name),
      element("span", { class: "time" }, lapTime(lap_time_ms)),
      element("span", { class: "soft" }, `lap ${number}, ${clean}`),
    );
    this.newest.hidden = false;
    if (event.racer) highlight(this.body, event.racer);
  }

  private draw(): void {
    const wanted = this.rows.map(
      (row): KeyedRow => ({ key: row.racer, update: (line, isNew) => this.update(line, row, isNew) }),
    );
    reconcile(this.body, wanted, this.isDrawn);
    this.isDrawn = true;
    const empty = this.host.querySelector<HTMLElement>(".empty");
    if (empty) empty.hidden = this.rows.length > 0;
  }

  private update(line: HTMLTableRowElement, row: BoardRow, isNew: boolean): void {
    if (isNew) line.append(...this.cells.map((name) => element("td", { class: cellClass(name) })));
    line.classList.toggle("is-me", row.racer === this.me);
    line.classList.toggle("is-house", row.is_house);
    markRank(line, row.rank);
    setRacer(line.querySelector(".racer"), row, tagsOf(row));
    setText(line.querySelector(".time"), lapTime(row.official_ms));
    setText(line.querySelector(".gap"), gap(row.gap_ms));
    setText(line.querySelector(".laps"), String(row.laps));
    setText(line.querySelector(".crashes"), String(row.crashes));
    setText(line.querySelector(".tries"), String(row.submissions));
  }
}

class SeasonBoard {
  private readonly announcer: Announcer;
  private readonly races: string[];
  private readonly me: string;
  private leader = "";
  private isDrawn = false;

  constructor(private readonly host: HTMLElement, private readonly body: HTMLTableSectionElement) {
    this.announcer = new Announcer(host);
    this.me = host.dataset["me"] ?? "";
    const heads = host.querySelectorAll<HTMLElement>("table.board thead [data-race]");
    this.races = [...heads].map((head) => head.dataset["race"] ?? "");
  }

  restart(snapshot: Snapshot): void {
    const rows = (snapshot.board ?? []) as SeasonRow[];
    reconcile(
      this.body,
      rows.map((row): KeyedRow => ({ key: row.racer, update: (line, isNew) => this.update(line, row, isNew) })),
      this.isDrawn,
    );
    this.isDrawn = true;
    const empty = this.host.querySelector<HTMLElement>(".empty");
    if (empty) empty.hidden = rows.length > 0;
    const leader = rows[0];
    if (leader && this.leader && leader.racer !== this.leader) {
      this.announcer.say(`${leader.name} now leads the season with ${leader.points} points.`);
    }
    this.leader = leader?.racer ?? "";
  }

  /** Points of many racers can change with one lap: the server follows with a fresh snapshot. */
  take(event: ArenaEvent): void {
    if (event.racer && event.name === "standing.changed") highlight(this.body, event.racer);
  }

  private update(line: HTMLTableRowElement, row: SeasonRow, isNew: boolean): void {
    if (isNew) {
      line.append(
        element("td", { class: cellClass("rank") }),
        element("td", { class: cellClass("racer") }),
        ...this.races.map((race) => element("td", { class: "points number", "data-race": race })),
        element("td", { class: "total number" }),
      );
    }
    line.classList.toggle("is-me", row.racer === this.me);
    markRank(line, row.rank);
    setRacer(line.querySelector(".racer"), row, []);
    for (const cell of line.querySelectorAll<HTMLElement>("[data-race]")) {
      setText(cell, String(row.races[cell.dataset["race"] ?? ""]?.points ?? "–"));
    }
    setText(line.querySelector(".total"), String(row.points));
  }
}

function cellClass(name: string): string {
  return NUMERIC.has(name) ? `${name} number` : name;
}

function markRank(line: HTMLTableRowElement, rank: number | null): void {
  line.dataset["rank"] = String(rank ?? "");
  line.classList.toggle("is-podium", rank !== null && rank <= 3);
  setText(line.querySelector(".rank"), rank === null ? "–" : String(rank));
}

/** Write name, tags and team only where they differ from what stands there; the server wrote the same markup. */
function setRacer(
  cell: Element | null, row: { racer: string; name: string; team: string | null }, words: readonly string[],
): void {
  if (!cell) return;
  const shown = [...cell.querySelectorAll(".tag")].map((tag) => tag.textContent);
  const same = cell.querySelector("a")?.textContent === row.name
    && (cell.querySelector(".team")?.textContent ?? null) === row.team
    && shown.join() === words.join();
  if (same) return;
  const link = element("a", { href: `/racers/${encodeURIComponent(row.racer)}` }, row.name);
  const team = row.team ? [element("span", { class: "team" }, row.team)] : [];
  const tags = words.map((word) => element("span", { class: "tag" }, word));
  cell.replaceChildren(link, ...tags, ...team);
}
