/** The live log of a task: only the rows in view are in the page. */
import type { JSX, RefObject } from "preact";
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import type { Task } from "../../../api";
import { useKeys } from "../../../keys";
import { recall, remember } from "../../../preferences";
import { bytes, Notice, number, sentence } from "../../../ui";
import { saveArtifact, saveBytes } from "../download";
import { LogFeed, MAX_BYTES, type FeedState } from "./feed";
import { useFind, type Found } from "./find";
import { LogRow } from "./row";
import { useScroll, type Scroll } from "./scroll";
import type { Hit, Search } from "./search";
import { t } from "./texts";
import { Tools } from "./tools";
import "./log.css";

/** Not wrapped: rows as long as one still wants to scroll sideways. */
const UNWRAPPED = 1000;

export function LogView({ task }: { task: Task }): JSX.Element {
  return <Log key={`${task.id}/${task.attempt}`} task={task} />;
}

function Log({ task }: { task: Task }): JSX.Element {
  const feed = useFeed(task);
  const text = feed.text.value;
  const version = feed.version.value;
  const box = useRef<HTMLDivElement>(null);
  const field = useRef<HTMLInputElement>(null);
  const [following, setFollowing] = useState(task.status !== "COMPLETED");
  const [wrapped, setWrapped] = useState(recall("wrap") !== "off");
  const [query, setQuery] = useState("");
  const scroll = useScroll(box, text.rows, setFollowing);
  const found = useFind(text, version, query);
  const [at, step] = useSteps(found, scroll, () => setFollowing(false));
  useColumns(box, feed, wrapped, scroll, following);
  useLayoutEffect(() => {
    if (following) scroll.toEnd();
  }, [following, version, text]);

  const wrap = (on: boolean): void => {
    remember("wrap", on ? "on" : "off");
    setWrapped(on);
  };
  useKeys(t("keys"), [
    { keys: ["/"], does: t("keySearch"), run: () => field.current?.focus() },
    { keys: ["f"], does: t("followDoes"), run: () => setFollowing(!following) },
    { keys: ["w"], does: t("keyWrap"), run: () => wrap(!wrapped) },
  ]);
  const download = (): void => {
    const stored = task.artifacts.find((artifact) => artifact.name === "agent.log");
    if (stored) void saveArtifact(task.id, stored);
    else saveBytes(`${task.id}.log`, text.chunks);
  };
  return (
    <section class="log" aria-label={t("log")}>
      <Tools
        {...{ field, query, found, at, following, wrapped }}
        onQuery={setQuery}
        onStep={step}
        onFollow={setFollowing}
        onWrap={wrap}
        onStart={() => (setFollowing(false), scroll.to(0))}
        onEnd={scroll.toEnd}
        onDownload={download}
      />
      {feed.error.value && <Notice kind="warn">{sentence(feed.error.value)}</Notice>}
      <div class={wrapped ? "log-box" : "log-box log-wide"} ref={box} role="region" aria-label={t("region")} tabIndex={0} onScroll={scroll.onScroll}>
        <Rows {...{ feed, scroll, wrapped }} search={query === "" ? null : found.search} current={at} />
      </div>
      <Foot task={task} state={feed.state.value} lines={text.lines} size={text.size} />
    </section>
  );
}

interface RowsProps {
  feed: LogFeed;
  scroll: Scroll;
  search: Search | null;
  current: number;
}

function Rows({ feed, scroll, search, current }: RowsProps): JSX.Element {
  const text = feed.text.value;
  const rows = useMemo(
    () => text.read(scroll.first, scroll.count),
    [text, scroll.first, scroll.count, feed.version.value],
  );
  const digits = String(text.lines).length;
  return (
    <div class="log-all" style={{ height: `${scroll.height}px`, "--digits": `${Math.max(3, digits)}` }}>
      <div class="log-window" style={{ transform: `translateY(${scroll.top}px)` }}>
        {rows.map((row, index) => (
          <LogRow key={scroll.first + index} row={row} hits={hitsIn(search, scroll.first + index)} current={current} />
        ))}
      </div>
    </div>
  );
}

const NONE: readonly Hit[] = [];

function hitsIn(search: Search | null, row: number): readonly Hit[] {
  if (!search) return NONE;
  const first = search.at(row);
  let end = first;
  while (search.hits[end]?.row === row) end++;
  return end === first ? NONE : search.hits.slice(first, end);
}

function Foot({ task, state, lines, size }: { task: Task; state: FeedState; lines: number; size: number }): JSX.Element {
  const live = state === "live" && task.finished_at === null;
  const nothing = task.status === "QUEUED" || live ? t("waiting") : t("empty");
  return (
    <p class="log-foot">
      {live && <span class="log-live">{t("live")}</span>}
      <span>{size > 0 || state === "loading" ? t("size", { n: lines, lines: number(lines), size: bytes(size) }) : nothing}</span>
      {state === "loading" && <span>{t("loading")}</span>}
      {state === "full" && <span>{t("full", { size: bytes(MAX_BYTES) })}</span>}
    </p>
  );
}

function useFeed(task: Task): LogFeed {
  const feed = useMemo(() => new LogFeed(), []);
  useEffect(() => {
    feed.start(task);
    return () => feed.stop();
  }, []);
  return feed;
}

/** Rows as wide as the box, when wrapped; the line at the top stays there. */
function useColumns(box: RefObject<HTMLElement | null>, feed: LogFeed, wrapped: boolean, scroll: Scroll, following: boolean): void {
  const latest = useRef({ scroll, following });
  latest.current = { scroll, following };
  useEffect(() => {
    const element = box.current;
    if (!element) return;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const fit = async (): Promise<void> => {
      const columns = wrapped ? columnsOf(element) : UNWRAPPED;
      const text = feed.text.peek();
      if (columns === text.columns) return;
      const line = text.read(latest.current.scroll.seen, 1)[0]?.line ?? 1;
      await feed.rewrap(columns);
      if (!latest.current.following) requestAnimationFrame(() => latest.current.scroll.to(feed.text.peek().rowOf(line)));
    };
    void fit();
    const observer = new ResizeObserver(() => {
      clearTimeout(timer);
      timer = setTimeout(() => void fit(), 150);
    });
    observer.observe(element);
    return () => {
      clearTimeout(timer);
      observer.disconnect();
    };
  }, [wrapped]);
}

/** How many characters fit beside the line numbers. */
function columnsOf(box: HTMLElement): number {
  const probe = document.createElement("span");
  probe.className = "log-probe";
  probe.textContent = "0".repeat(50);
  box.append(probe);
  const width = probe.getBoundingClientRect().width / 50;
  probe.remove();
  const number = box.querySelector(".log-no")?.getBoundingClientRect().width ?? width * 6;
  return Math.max(20, Math.floor((box.clientWidth - number - 24) / (width || 8)));
}

/** The match that is jumped to: the next one from what is seen, then one after the other. */
function useSteps({ search, count, busy }: Found, scroll: Scroll, jumped: () => void): [number, (by: 1 | -1) => void] {
  // A match keeps its number when the log grows or is cut anew, and loses it with the query.
  const [place, setPlace] = useState({ query: "", at: -1 });
  const at = search && place.query === search.query ? place.at : -1;
  const go = (match: number): void => {
    const hit = search?.hits.find((each) => each.match === match);
    if (!search || !hit) return;
    jumped();
    setPlace({ query: search.query, at: match });
    scroll.to(Math.max(0, hit.row - Math.floor(scroll.fits / 2)));
  };
  const ahead = search?.hits[search.at(scroll.seen)]?.match;
  const first = at < 0 && count > 0 ? (ahead ?? (busy ? undefined : 0)) : undefined;
  useEffect(() => {
    if (first !== undefined) go(first);
  }, [search?.query, first === undefined]);
  return [at, (by) => count > 0 && go((at + by + count) % count)];
}
