/** A name for addresses made from a title, as leaderboard/forms.py makes it. */

const LENGTH = 60;

export function slugOf(title: string): string {
  const plain = title.normalize("NFKD").replace(/[^\x00-\x7f]/g, "").toLowerCase();
  return plain.replace(/[^a-z0-9]+/g, "-").replace(/^-+|-+$/g, "").slice(0, LENGTH).replace(/-+$/, "");
}
