/** Buttons, and links that look like them. One without text needs a `label`. */
import type { ComponentChildren, JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { Icon, type IconName } from "./icons";
import { t } from "./texts";
import { toast } from "./toast";

type Kind = "plain" | "primary" | "danger" | "quiet";

interface Common {
  kind?: Kind;
  icon?: IconName;
  /** The accessible name of one that shows only an icon; shown as a title too. */
  label?: string;
  small?: boolean;
  children?: ComponentChildren;
}

interface ButtonProps extends Common {
  onClick?: (event: MouseEvent) => void;
  type?: "button" | "submit";
  disabled?: boolean;
  /** Works on it: can't be pressed again, keeps its place and the focus. */
  busy?: boolean;
  pressed?: boolean;
  expanded?: boolean;
}

export function Button(props: ButtonProps): JSX.Element {
  const { icon, label, children, onClick, type = "button", disabled = false, busy = false, pressed, expanded } = props;
  return (
    <button
      type={type}
      class={classes(props)}
      disabled={disabled}
      aria-disabled={busy || undefined}
      aria-busy={busy || undefined}
      aria-pressed={pressed}
      aria-expanded={expanded}
      aria-label={label}
      title={label}
      onClick={(event) => (busy ? event.preventDefault() : onClick?.(event))}
    >
      {busy ? <span class="spinner" aria-hidden="true" /> : icon && <Icon name={icon} />}
      {children && <span>{children}</span>}
    </button>
  );
}

export function LinkButton(props: Common & { href: string; download?: string }): JSX.Element {
  const { icon, label, children, href, download } = props;
  return (
    <a class={classes(props)} href={href} download={download} aria-label={label} title={label}>
      {icon && <Icon name={icon} />}
      {children && <span>{children}</span>}
    </a>
  );
}

/** Copies `text`, or what it returns, and says so. */
export function CopyButton({ text, label, children }: { text: string | (() => string); label?: string; children?: ComponentChildren }): JSX.Element {
  const [done, setDone] = useState(false);
  useEffect(() => {
    if (!done) return;
    const timer = setTimeout(() => setDone(false), 1600);
    return () => clearTimeout(timer);
  }, [done]);
  const copy = async (): Promise<void> => {
    try {
      await navigator.clipboard.writeText(typeof text === "string" ? text : text());
      setDone(true);
      toast(t("copied"));
    } catch {
      toast(t("notCopied"), "error");
    }
  };
  return (
    <Button kind="quiet" small icon={done ? "check" : "copy"} label={label ?? t("copy")} onClick={() => void copy()}>
      {children}
    </Button>
  );
}

function classes({ kind = "plain", small, children }: Common): string {
  return ["button", `button-${kind}`, small && "button-small", !children && "button-icon"].filter(Boolean).join(" ");
}
