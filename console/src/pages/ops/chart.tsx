/** Charts over time by uPlot; a chunk of its own. They are pictures: the caller says in words and a table what they show. */
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { language, locale } from "../../i18n";
import { dark, token } from "../../theme";
import { t } from "./texts";

export interface Series {
  label: string;
  values: readonly (number | null)[];
  colour: `--${string}`;
}

export interface ChartProps {
  kind: "bars" | "lines";
  /** Steps that the scale may have; uPlot's own when left out. */
  steps?: number[];
  /** Top of the scale; a little above the highest value when left out. */
  top?: number;
  /** Seconds since 1970. */
  times: readonly number[];
  /** Bars are stacked, the first at the bottom. */
  series: readonly Series[];
  format: (value: number) => string;
  says: string;
}

const HEIGHT = 210;

export default function Chart(props: ChartProps): JSX.Element {
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const look = `${dark.value}/${language.value}/${props.kind}/${props.series.map((one) => one.label).join()}`;
  const latest = useRef(props);
  latest.current = props;
  useEffect(() => {
    const element = box.current;
    if (!element) return;
    const made = new uPlot(options(latest, element.clientWidth), data(latest.current), element);
    plot.current = made;
    const observer = new ResizeObserver(() => made.setSize({ width: element.clientWidth, height: HEIGHT }));
    observer.observe(element);
    return () => {
      observer.disconnect();
      made.destroy();
      plot.current = null;
    };
  }, [look]);
  useEffect(() => plot.current?.setData(data(props)), [props.times, props.series]);
  return <div class="chart" ref={box} role="img" aria-label={props.says} />;
}

/** Stacked for bars: the last series is the sum of all, and is drawn first. */
function data({ kind, times, series }: ChartProps): uPlot.AlignedData {
  if (kind === "lines") return [[...times], ...series.map((one) => [...one.values])];
  const sums = series.map((_one, index) => times.map((_t, at) => sum(series, index, at)));
  return [[...times], ...sums.reverse()];
}

function sum(series: readonly Series[], upTo: number, at: number): number {
  return series.slice(0, upTo + 1).reduce((all, one) => all + (one.values[at] ?? 0), 0);
}

type Latest = { current: ChartProps };

function options(latest: Latest, width: number): uPlot.Options {
  const { kind, series, steps, top } = latest.current;
  const shown = kind === "bars" ? [...series].reverse() : series;
  const axis = { stroke: token("--ink-3"), grid: { stroke: token("--line"), width: 1 }, ticks: { show: false }, font: `12px ${token("--sans")}` };
  const time = new Intl.DateTimeFormat(locale(), { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
  const clock = (seconds: number): string => time.format(new Date(seconds * 1000));
  return {
    width,
    height: HEIGHT,
    padding: [10, 8, 0, 0],
    cursor: { points: { show: kind === "lines" }, drag: { x: false, y: false } },
    legend: { live: true },
    scales: {
      x: { range: (plot, low, high) => room(plot, low, high) },
      y: { range: (_plot, _low, high) => [0, top ?? nice(high)] },
    },
    axes: [
      { ...axis, values: (_plot, at) => at.map(clock), space: 70 },
      { ...axis, size: 56, ...(steps && { incrs: steps }), values: (_plot, at) => at.map((value) => latest.current.format(value)) },
    ],
    series: [
      { label: t("time"), value: (_plot, at) => (at == null ? "" : clock(at)) },
      ...shown.map((one, index) => line(latest, one, kind === "bars" ? series.length - 1 - index : index)),
    ],
  };
}

function line(latest: Latest, { label, colour }: Series, index: number): uPlot.Series {
  const { kind } = latest.current;
  const stroke = token(colour);
  const value = (_plot: uPlot, _value: number, _series: number, at: number | null): string => {
    const own = at === null ? null : latest.current.series[index]?.values[at];
    return own == null ? "–" : latest.current.format(own);
  };
  if (kind === "bars") return { label, value, stroke, fill: stroke, width: 0, points: { show: false }, paths: bars };
  const points = { show: few, size: 6, fill: stroke };
  return { label, value, stroke, width: 2, spanGaps: true, points, dash: index > 0 ? [6, 4] : [] };
}

/** A line needs two points: where there are not many, each is a dot of its own. */
function few(plot: uPlot, series: number): boolean {
  return (plot.data[series] ?? []).filter((value) => value != null).length <= 24;
}

const bars = uPlot.paths.bars!({ size: [0.75, 28], radius: 0.15 });

/** Half a step at both ends, so that the first and the last bar are whole. */
function room(plot: uPlot, low: number, high: number): uPlot.Range.MinMax {
  const times = plot.data[0];
  const step = times.length > 1 ? ((times[times.length - 1] ?? 0) - (times[0] ?? 0)) / (times.length - 1) : 60;
  return [low - step / 2, high + step / 2];
}

/** The top of the scale: never nothing, and a little above the highest. */
function nice(high: number | null): number {
  return high && high > 0 ? high * 1.12 : 1;
}
