/** The timeline as rows with bars: spans of /timeline in, places in percent and seconds out. Pure. */
import type { Span } from "../../api";

export interface Bar {
  id: string;
  /** "queued", "dispatch", "fetch", "agent", "deliver", "collect", or what the server calls it. */
  name: string;
  attempt: number | null;
  /** Percent of the whole. */
  left: number;
  width: number;
  seconds: number;
  state: "running" | "done" | "failed";
}

export interface Group {
  /** 0: before there was an attempt. */
  attempt: number;
  state: Bar["state"];
  seconds: number;
  bars: Bar[];
}

export interface Phases {
  groups: Group[];
  /** From the request to the end, or to now. */
  seconds: number;
}

/** They span others: the groups and the whole show them. */
const OUTER = /^(submit|task|attempt( \d+)?)$/;
const ORDER = ["queued", "dispatch", "fetch", "agent", "deliver", "collect"];

export function phases(spans: readonly Span[], nowMs: number): Phases {
  const whole = spans.find((span) => span.name === "task") ?? spans[0];
  if (!whole) return { groups: [], seconds: 0 };
  const start = Date.parse(whole.start);
  const end = Math.max(start + 1, ...spans.map((span) => endOf(span, nowMs)));
  const bar = (span: Span): Bar => {
    const [from, to] = [Date.parse(span.start), endOf(span, nowMs)];
    const left = percent(from - start, end - start);
    return {
      id: span.span_id,
      name: span.name,
      attempt: span.attempt,
      left,
      width: Math.min(100 - left, percent(to - from, end - start)),
      seconds: Math.max(0, to - from) / 1000,
      state: stateOf(span),
    };
  };
  const numbers = [...new Set(spans.map((span) => span.attempt ?? 0))].filter((n) => n > 0).sort((a, b) => a - b);
  const groups = numbers.map((attempt): Group => {
    const own = spans.filter((span) => span.attempt === attempt);
    const outer = own.find((span) => OUTER.test(span.name));
    const bars = own.filter((span) => !OUTER.test(span.name)).map(bar);
    bars.sort((a, b) => a.left - b.left || place(a.name) - place(b.name));
    const about = outer && bar(outer);
    return { attempt, state: about?.state ?? "running", seconds: about?.seconds ?? 0, bars };
  });
  return { groups: groups.filter((group) => group.bars.length > 0), seconds: (endOf(whole, nowMs) - start) / 1000 };
}

function endOf(span: Span, nowMs: number): number {
  const start = Date.parse(span.start);
  return Math.max(start, span.end === null ? nowMs : Date.parse(span.end));
}

function stateOf(span: Span): Bar["state"] {
  if (span.end === null) return "running";
  return span.status === "ERROR" ? "failed" : "done";
}

const percent = (part: number, whole: number): number => Math.min(100, Math.max(0, (part / whole) * 100));
const place = (name: string): number => (ORDER.includes(name) ? ORDER.indexOf(name) : ORDER.length);
