/** What stands where there is nothing yet, nothing at all, or an error. */
import type { ComponentChildren, JSX } from "preact";
import { Icon, type IconName } from "./icons";
import { t } from "./texts";

export function Loading(): JSX.Element {
  return (
    <p class="loading" role="status">
      <span class="spinner" aria-hidden="true" /> {t("loading")}
    </p>
  );
}

interface EmptyProps {
  icon: IconName;
  title: string;
  /** It is all that the page has: its title is the page's. */
  alone?: boolean;
  children?: ComponentChildren;
}

export function Empty({ icon, title, alone, children }: EmptyProps): JSX.Element {
  return (
    <div class="empty">
      <Icon name={icon} size={32} />
      {alone ? <h1>{title}</h1> : <h2>{title}</h2>}
      {children}
    </div>
  );
}

/** A line that tells of something without taking the page away. */
export function Notice({ kind = "info", children }: { kind?: "info" | "warn" | "error"; children: ComponentChildren }): JSX.Element {
  return (
    <div class={`notice notice-${kind}`} role={kind === "error" ? "alert" : "status"}>
      <Icon name={kind === "info" ? "clock" : "alert"} />
      <div>{children}</div>
    </div>
  );
}
