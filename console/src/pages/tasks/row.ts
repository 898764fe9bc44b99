/** A task as a row tells it. Pure, but for the language of numbers. */
import type { Task } from "../../api";
import { locale } from "../../i18n";
import type { IconName } from "../../ui";

/** The first line that says something. */
export function excerpt(prompt: string): string {
  const line = prompt.split(/\r?\n/).find((each) => each.trim() !== "") ?? prompt;
  return line.trim().slice(0, 200) || "…";
}

/** Where the code comes from: host and path of a repository, the name of a dropped ZIP, or "" for an upload. */
export function origin(task: Pick<Task, "source" | "drop">): { icon: IconName; text: string } {
  const { source } = task;
  if (source.kind === "git") {
    const place = source.url.replace(/^[a-z+]+:\/\//i, "").replace(/(\.git)?\/*$/, "");
    return { icon: "git", text: source.ref ? `${place} @ ${source.ref}` : place };
  }
  return { icon: "box", text: task.drop ?? "" };
}

interface Used {
  /** In dollars, where the agent knows it. */
  cost: string | null;
  tokens: string | null;
  calls: number | null;
  patch: Task["patch"];
}

export function usage(task: Pick<Task, "usage" | "patch">): Used {
  const { cost, input_tokens = 0, output_tokens = 0, model_calls } = task.usage ?? {};
  const compact = new Intl.NumberFormat(locale(), { notation: "compact", maximumFractionDigits: 1 });
  const money = new Intl.NumberFormat(locale(), { style: "currency", currency: "USD", maximumFractionDigits: 3 });
  const tokens = input_tokens + output_tokens;
  return {
    cost: cost ? money.format(cost) : null,
    tokens: tokens ? compact.format(tokens) : null,
    calls: model_calls ?? null,
    patch: task.patch && task.patch.files > 0 ? task.patch : null,
  };
}
