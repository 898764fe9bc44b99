/** Search and filters; each change goes into the address, the typed one after a short rest. */
import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { REASONS, STATUSES, type TaskFilter } from "../../api";
import { me } from "../../session";
import { Button, Icon, name } from "../../ui";
import { FILTERS, filterBy } from "./filter";
import { t } from "./texts";

const REST_MS = 300;

export function Filters({ filter, filtered }: { filter: TaskFilter; filtered: boolean }): JSX.Element {
  return (
    <div class="filters" role="search">
      <Search value={filter.q ?? ""} />
      <fieldset class="chips">
        <legend class="sr-only">{t("status")}</legend>
        {["", ...STATUSES].map((status) => (
          <label key={status} class="chip">
            <input
              type="radio"
              name="status"
              class="sr-only"
              checked={(filter.status ?? "") === status}
              onChange={() => filterBy({ status, reason: status === "FAILED" || status === "" ? filter.reason ?? null : null })}
            />
            <span>{status ? name(status as (typeof STATUSES)[number]) : t("all")}</span>
          </label>
        ))}
      </fieldset>
      <Select label={t("agent")} any={t("anyAgent")} value={filter.agent ?? ""} options={me.value?.agents ?? []} onChoose={(agent) => filterBy({ agent })} />
      <Select
        label={t("reason")}
        any={t("anyReason")}
        value={filter.reason ?? ""}
        options={REASONS}
        text={(reason) => name(reason as (typeof REASONS)[number])}
        onChoose={(reason) => filterBy({ reason, ...(reason && filter.status !== "FAILED" && { status: null }) })}
      />
      {filtered && (
        <Button kind="quiet" icon="cross" onClick={() => filterBy(Object.fromEntries(FILTERS.map((each) => [each, null])))}>
          {t("clear")}
        </Button>
      )}
    </div>
  );
}

function Search({ value }: { value: string }): JSX.Element {
  const [text, setText] = useState(value);
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  const asked = useRef(value);
  useEffect(() => {
    if (value !== asked.current) setText(value); // changed from outside: the clear button, the browser's Back
    asked.current = value;
  }, [value]);
  useEffect(() => () => clearTimeout(timer.current), []);
  const ask = (next: string): void => {
    clearTimeout(timer.current);
    asked.current = next.trim();
    filterBy({ q: next.trim() });
  };
  const typed = (next: string): void => {
    setText(next);
    clearTimeout(timer.current);
    timer.current = setTimeout(() => ask(next), REST_MS);
  };
  return (
    <div class="search">
      <Icon name="search" />
      <label class="sr-only" for="tasks-search">
        {t("search")}
      </label>
      <input
        id="tasks-search"
        class="input"
        type="search"
        maxLength={200}
        placeholder={t("search")}
        value={text}
        onInput={(event) => typed(event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key === "Enter") ask(text);
          if (event.key !== "Escape") return;
          setText("");
          ask("");
          event.currentTarget.blur();
        }}
      />
      <kbd aria-hidden="true">/</kbd>
    </div>
  );
}

interface SelectProps {
  label: string;
  any: string;
  value: string;
  options: readonly string[];
  text?: (option: string) => string;
  onChoose: (option: string) => void;
}

function Select({ label, any, value, options, text = (option) => option, onChoose }: SelectProps): JSX.Element {
  const known = value === "" || options.includes(value) ? options : [value, ...options];
  return (
    <select class="input select" aria-label={label} value={value} onChange={(event) => onChoose(event.currentTarget.value)}>
      <option value="">{any}</option>
      {known.map((option) => (
        <option key={option} value={option}>
          {text(option)}
        </option>
      ))}
    </select>
  );
}
