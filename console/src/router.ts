/**
 * Where we are: the part of the address behind `#`. The function serves only `/`, and nothing of this reaches a server.
 *
 *   #/tasks?status=FAILED    #/tasks/01J…?tab=log    #/new    #/ops
 */
import { signal } from "@preact/signals";

export interface Route {
  /** The first segment: "tasks", "new", "ops"; unknown ones are as they came. */
  readonly page: string;
  /** The second segment, such as a task's id. */
  readonly id: string | null;
  readonly query: URLSearchParams;
}

export type Query = Readonly<Record<string, string | null | undefined>>;

export const route = signal<Route>(parse(location.hash));

addEventListener("hashchange", () => (route.value = parse(location.hash)));

export function parse(hash: string): Route {
  const [path = "", query = ""] = hash.replace(/^#/, "").split(/\?(.*)/s);
  const [page = "", id = ""] = path.split("/").filter(Boolean).map(decoded);
  return { page: page || "tasks", id: id || null, query: new URLSearchParams(query) };
}

/** An address for `<a href>`; empty values are left out. */
export function href(page: string, id?: string | null, query: Query = {}): string {
  const path = [page, id].filter((part) => part != null).map((part) => encodeURIComponent(part as string));
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) if (value) search.set(name, value);
  const text = search.toString();
  return `#/${path.join("/")}${text && `?${text}`}`;
}

export function go(page: string, id?: string | null, query: Query = {}): void {
  location.hash = href(page, id, query);
}

/** Change some values of the query in place: no new entry in the history. Empty ones go away. */
export function setQuery(change: Query): void {
  const { page, id, query } = route.peek();
  const next = href(page, id, { ...Object.fromEntries(query), ...change });
  history.replaceState(history.state, "", next);
  route.value = parse(next);
}

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}
