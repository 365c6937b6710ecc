/** JSON over HTTP; every fault arrives as a problem document and leaves as a ProblemError. */

import type { ProblemDocument } from "./protocol";

export class ProblemError extends Error {
  constructor(readonly problem: ProblemDocument) {
    super(problem.detail || problem.title);
  }
}

export async function getJson<T>(url: string): Promise<T> {
  return read<T>(await fetch(url, { headers: { Accept: "application/json" } }));
}

export async function postJson<T>(url: string, body: unknown): Promise<T> {
  const token = document.querySelector<HTMLMetaElement>('meta[name="csrf-token"]')?.content ?? "";
  const answer = await fetch(url, {
    method: "POST",
    headers: { Accept: "application/json", "Content-Type": "application/json", "X-CSRFToken": token },
    body: JSON.stringify(body),
  });
  return read<T>(answer);
}

/** Send a form with its files, as a browser would; the form holds its own token. */
export async function postForm<T>(url: string, form: FormData): Promise<T> {
  return read<T>(await fetch(url, { method: "POST", headers: { Accept: "application/json" }, body: form }));
}

async function read<T>(answer: Response): Promise<T> {
  if (answer.ok) return (await answer.json()) as T;
  throw new ProblemError(await problemOf(answer));
}

async function problemOf(answer: Response): Promise<ProblemDocument> {
  const plain = {
    type: "about:blank",
    title: answer.statusText,
    status: answer.status,
    detail: `The arena answered ${answer.status}. Try again in a moment.`,
  };
  try {
    return { ...plain, ...((await answer.json()) as Partial<ProblemDocument>) };
  } catch {
    return plain; // a proxy in between answered with a page of its own
  }
}
