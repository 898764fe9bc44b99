/** Tabs with arrow keys, Home and End; only the chosen one is in the tab order. The panel is the caller's: use `panel`. */
import type { ComponentChildren, JSX } from "preact";

interface Tab {
  id: string;
  title: string;
  /** A figure or mark after the title. */
  extra?: ComponentChildren;
}

interface Props {
  label: string;
  /** Unique on the page. */
  name: string;
  tabs: readonly Tab[];
  chosen: string;
  onChoose: (id: string) => void;
}

export function Tabs({ label, name, tabs, chosen, onChoose }: Props): JSX.Element {
  const move = (event: KeyboardEvent): void => {
    const at = tabs.findIndex((tab) => tab.id === chosen);
    const to = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: tabs.length - 1 }[event.key];
    const next = to === undefined ? undefined : tabs[(to + tabs.length) % tabs.length];
    if (!next) return;
    event.preventDefault();
    onChoose(next.id);
    document.getElementById(`${name}-tab-${next.id}`)?.focus();
  };
  return (
    <div class="tabs" role="tablist" aria-label={label} onKeyDown={move}>
      {tabs.map((tab) => (
        <button
          key={tab.id}
          type="button"
          role="tab"
          id={`${name}-tab-${tab.id}`}
          class="tab"
          aria-selected={tab.id === chosen}
          aria-controls={tab.id === chosen ? `${name}-panel` : undefined}
          tabIndex={tab.id === chosen ? 0 : -1}
          onClick={() => onChoose(tab.id)}
        >
          {tab.title} {tab.extra}
        </button>
      ))}
    </div>
  );
}

/** Attributes of the element that holds what the chosen tab shows. */
export function panel(name: string, chosen: string): { role: "tabpanel"; id: string; "aria-labelledby": string } {
  return { role: "tabpanel", id: `${name}-panel`, "aria-labelledby": `${name}-tab-${chosen}` };
}
