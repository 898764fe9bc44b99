/** The bar above the log: search, follow, wrap, ends, download. */
import type { JSX, RefObject } from "preact";
import { Button, Icon, number } from "../../../ui";
import type { Found } from "./find";
import { t } from "./texts";

interface Props {
  field: RefObject<HTMLInputElement | null>;
  query: string;
  onQuery: (query: string) => void;
  found: Found;
  /** The number of the match that was jumped to; -1 none. */
  at: number;
  onStep: (by: 1 | -1) => void;
  following: boolean;
  onFollow: (on: boolean) => void;
  wrapped: boolean;
  onWrap: (on: boolean) => void;
  onStart: () => void;
  onEnd: () => void;
  onDownload: () => void;
}

export function Tools(props: Props): JSX.Element {
  return (
    <div class="log-tools">
      <Finder {...props} />
      <div class="log-buttons">
        <Button small pressed={props.following} label={t("followDoes")} onClick={() => props.onFollow(!props.following)}>
          {t("follow")}
        </Button>
        <Button small pressed={props.wrapped} onClick={() => props.onWrap(!props.wrapped)}>
          {t("wrap")}
        </Button>
        <span class="log-turn">
          <Button small kind="quiet" icon="chevronDown" label={t("start")} onClick={props.onStart} />
        </span>
        <Button small kind="quiet" icon="chevronDown" label={t("end")} onClick={props.onEnd} />
        <Button small kind="quiet" icon="download" label={t("download")} onClick={props.onDownload} />
      </div>
    </div>
  );
}

function Finder({ field, query, onQuery, found, at, onStep }: Props): JSX.Element {
  const keys = (event: KeyboardEvent): void => {
    if (event.key === "Enter") {
      event.preventDefault();
      onStep(event.shiftKey ? -1 : 1);
    } else if (event.key === "Escape" && query !== "") {
      event.preventDefault();
      onQuery("");
    }
  };
  const none = found.count === 0;
  return (
    <search class="log-find">
      <Icon name="search" size={16} />
      <input
        ref={field}
        type="text"
        inputMode="search"
        class="input"
        aria-label={t("search")}
        placeholder={t("search")}
        value={query}
        autocomplete="off"
        spellcheck={false}
        onInput={(event) => onQuery(event.currentTarget.value)}
        onKeyDown={keys}
      />
      <span class="log-count num" role="status">
        {query !== "" && words(found, at)}
      </span>
      <span class="log-turn">
        <Button small kind="quiet" icon="chevronDown" label={t("previous")} disabled={none} onClick={() => onStep(-1)} />
      </span>
      <Button small kind="quiet" icon="chevronDown" label={t("next")} disabled={none} onClick={() => onStep(1)} />
    </search>
  );
}

function words({ search, count, busy }: Found, at: number): string {
  if (!search || (busy && count === 0)) return t("searching");
  if (count === 0) return t("noMatch");
  return t(busy || search.full ? "manyMatches" : "matches", { at: number(at + 1), n: number(count) });
}
