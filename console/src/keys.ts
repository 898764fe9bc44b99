/**
 * Keyboard shortcuts of single keys. They rest in fields and dialogs, and can be switched off (WCAG 2.1.4); the help
 * dialog lists what is registered now.
 */
import { signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { recall, remember } from "./preferences";

export interface Binding {
  /** As KeyboardEvent.key has it; each of them does it. */
  keys: readonly string[];
  does: string;
  /** Without it the binding is only listed: what the browser or a field does by itself. */
  run?: () => void;
}

export interface Group {
  heading: string;
  bindings: readonly Binding[];
}

export const groups = signal<readonly Group[]>([]);
export const enabled = signal(recall("shortcuts") !== "off");

export function setEnabled(on: boolean): void {
  enabled.value = on;
  remember("shortcuts", on ? "on" : "off");
}

/** Registered while the component is there. The newest group wins. */
export function useKeys(heading: string, bindings: readonly Binding[]): void {
  const latest = useRef(bindings);
  latest.current = bindings;
  const words = bindings.map((binding) => binding.does).join("\n");
  useEffect(() => {
    const group: Group = {
      heading,
      get bindings() {
        return latest.current;
      },
    };
    groups.value = [...groups.value, group];
    return () => void (groups.value = groups.value.filter((other) => other !== group));
  }, [heading, words]);
}

addEventListener("keydown", (event) => {
  if (!enabled.value || event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
  if (inField(event.target) || document.querySelector("dialog[open]")) return;
  for (const group of [...groups.value].reverse()) {
    const binding = group.bindings.find((each) => each.run && each.keys.includes(event.key));
    if (!binding) continue;
    event.preventDefault();
    binding.run?.();
    return;
  }
});

function inField(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));
}
