/** Times and numbers as people read them. The server's templates use the same forms. */

/** 83456 -> "1:23.456", 9450 -> "9.450". */
export function lapTime(ms: number | null | undefined): string {
  if (ms === null || ms === undefined) return "–";
  const minutes = Math.floor(ms / 60_000);
  const rest = ((ms % 60_000) / 1000).toFixed(3);
  return minutes > 0 ? `${minutes}:${rest.padStart(6, "0")}` : rest;
}

/** The distance to the leader: "" for the leader, "+0.412" else. */
export function gap(ms: number | null | undefined): string {
  return ms === null || ms === undefined || ms === 0 ? "" : `+${lapTime(ms)}`;
}

export function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  return `${Math.floor(whole / 60)} min ${String(whole % 60).padStart(2, "0")} s`;
}

const counts = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });

export function count(value: number): string {
  return counts.format(value);
}

/** Show every <time data-local> in the reader's own zone; the server wrote UTC. */
export function localiseTimes(root: ParentNode): void {
  const form = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
  for (const time of root.querySelectorAll<HTMLTimeElement>("time[data-local]")) {
    const at = new Date(time.dateTime);
    if (Number.isNaN(at.valueOf())) continue;
    time.title = time.textContent?.trim() ?? "";
    time.textContent = form.format(at);
  }
}
