/** The filters of the list, as the address has them. */
import { setQuery } from "../../router";

export const FILTERS = ["status", "agent", "reason", "q"] as const;

/** Change some; the list begins with the newest task again. Empty ones go away. */
export function filterBy(change: Partial<Record<(typeof FILTERS)[number], string | null>>): void {
  setQuery({ ...change, cursor: null });
}
