/** Numbers and times as text in the language of the page. Pure, but for the language. */
import { ApiError } from "../api";
import { locale } from "../i18n";
import { t } from "./texts";

/** 0.4 s · 12 s · 3 m 05 s · 2 h 07 m · 3 d 4 h; `null` is a dash. */
export function duration(seconds: number | null): string {
  if (seconds === null || !Number.isFinite(seconds)) return "–";
  const whole = Math.floor(Math.max(0, seconds));
  if (seconds < 10) return `${Math.max(0, seconds).toFixed(1)} s`;
  if (whole < 60) return `${whole} s`;
  const [minutes, hours, days] = [Math.floor(whole / 60), Math.floor(whole / 3600), Math.floor(whole / 86400)];
  if (hours < 1) return `${minutes} m ${two(whole % 60)} s`;
  if (days < 1) return `${hours} h ${two(minutes % 60)} m`;
  return `${days} d ${hours % 24} h`;
}

/** How long ago, in the words of the language: "5 min. ago", "3天前". */
export function ago(at: string, nowMs: number): string {
  const seconds = (nowMs - Date.parse(at)) / 1000;
  if (!Number.isFinite(seconds)) return "–";
  if (seconds < 5) return t("now");
  const format = new Intl.RelativeTimeFormat(locale(), { style: "short", numeric: "always" });
  const [size, unit] = UNITS.find(([size]) => seconds >= size) ?? [1, "second" as const];
  return format.format(-Math.floor(seconds / size), unit);
}

const UNITS: readonly (readonly [number, Intl.RelativeTimeFormatUnit])[] = [
  [86400, "day"],
  [3600, "hour"],
  [60, "minute"],
  [1, "second"],
];

/** Date and time of this browser's zone, to the second. */
export function moment(at: string): string {
  const date = new Date(at);
  if (Number.isNaN(date.getTime())) return at;
  return new Intl.DateTimeFormat(locale(), { dateStyle: "medium", timeStyle: "medium" }).format(date);
}

/** 640 B · 12.3 KB · 4.0 MB; powers of 1024. */
export function bytes(size: number): string {
  const units = ["B", "KB", "MB", "GB", "TB"];
  let [value, unit] = [size, 0];
  while (value >= 1024 && unit < units.length - 1) [value, unit] = [value / 1024, unit + 1];
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`;
}

export function number(value: number): string {
  return new Intl.NumberFormat(locale()).format(value);
}

/** What went wrong, in a sentence: the server's own where it gave one. */
export function sentence(error: unknown): string {
  if (!(error instanceof ApiError)) return String(error);
  if (error.status === 0) return error.title === "Bad answer" ? t("badAnswer") : t("noContact");
  if (error.status === 429) return t("tooMany");
  if (error.status >= 500) return t("serverTrouble", { status: error.status });
  const fields = error.errors.map((each) => `${each.field}: ${each.message}`).join("; ");
  if (fields) return fields;
  if (error.detail) return error.detail;
  if (error.status === 403) return t("forbidden");
  return error.status === 404 ? t("notFound") : error.title;
}

function two(value: number): string {
  return String(value).padStart(2, "0");
}
