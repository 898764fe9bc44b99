/** The two charts, each with what it shows in words and as a table. */
import type { ComponentChildren, JSX } from "preact";
import { useMemo, useState } from "preact/hooks";
import type { Ops, PhaseNumbers } from "../../api";
import { locale } from "../../i18n";
import { Lazy } from "../../lazy";
import { number, Table } from "../../ui";
import { Written } from "../../ui/task-text";
import type { ChartProps } from "./chart";
import { ended, seconds } from "./numbers";
import { t } from "./texts";

const load = () => import("./chart");

export function Throughput({ ops }: { ops: Ops }): JSX.Element {
  const { throughput } = ops;
  const says = t("throughputSays", { ...ended(ops) });
  const chart = useMemo(
    (): ChartProps => ({
      kind: "bars",
      times: throughput.map((point) => Date.parse(point.t) / 1000),
      series: [
        { label: t("completed"), values: throughput.map((point) => point.completed), colour: "--series-1" },
        { label: t("failed"), values: throughput.map((point) => point.failed), colour: "--series-5" },
        { label: t("cancelled"), values: throughput.map((point) => point.cancelled), colour: "--line-strong" },
      ],
      format: (value) => (Number.isInteger(value) ? number(value) : ""),
      says,
    }),
    [throughput, says],
  );
  const columns = [
    { key: "t", title: t("time"), cell: (row: (typeof throughput)[number]) => clock(row.t) },
    { key: "completed", title: t("completed"), number: true, cell: (row: (typeof throughput)[number]) => number(row.completed) },
    { key: "failed", title: t("failed"), number: true, cell: (row: (typeof throughput)[number]) => number(row.failed) },
    { key: "cancelled", title: t("cancelled"), number: true, cell: (row: (typeof throughput)[number]) => number(row.cancelled) },
  ];
  const rows = throughput.filter((point) => point.completed + point.failed + point.cancelled > 0);
  return (
    <section class="card" aria-labelledby="ops-throughput">
      <h2 id="ops-throughput" class="ops-title">
        {t("throughput")}
      </h2>
      <p class="ops-says">{says}</p>
      <Lazy load={load} props={chart} />
      <AsTable>{rows.length > 0 ? <Table label={t("throughput")} columns={columns} rows={rows} rowKey={(row) => row.t} /> : <p>{t("nothingEnded")}</p>}</AsTable>
    </section>
  );
}

/** COMPLETED among COMPLETED and FAILED, in percent, for each step in which something ended. */
export function SuccessRate({ ops }: { ops: Ops }): JSX.Element {
  const { throughput, success_rate: whole } = ops;
  const says = whole === null ? t("nothingEnded") : t("successSays", { rate: percent(whole * 100) });
  const rates = useMemo(() => throughput.map(rate), [throughput]);
  const chart = useMemo(
    (): ChartProps => ({
      kind: "lines",
      top: 105,
      steps: [25, 50],
      times: throughput.map((point) => Date.parse(point.t) / 1000),
      series: [{ label: t("success"), values: rates, colour: "--series-1" }],
      format: percent,
      says,
    }),
    [rates, says],
  );
  const rows = throughput.flatMap((point, index) => (rates[index] == null ? [] : [{ t: point.t, rate: rates[index] }]));
  const columns = [
    { key: "t", title: t("time"), cell: (row: (typeof rows)[number]) => clock(row.t) },
    { key: "rate", title: t("success"), number: true, cell: (row: (typeof rows)[number]) => percent(row.rate) },
  ];
  return (
    <section class="card" aria-labelledby="ops-success">
      <h2 id="ops-success" class="ops-title">
        {t("success")}
      </h2>
      <p class="ops-says">{says}</p>
      {rows.length > 0 && (
        <>
          <Lazy load={load} props={chart} />
          <AsTable>
            <Table label={t("success")} columns={columns} rows={rows} rowKey={(row) => row.t} />
          </AsTable>
        </>
      )}
    </section>
  );
}

const percent = (value: number): string => `${Number(value.toFixed(1))} %`;

function rate({ completed, failed }: Ops["throughput"][number]): number | null {
  return completed + failed > 0 ? (completed / (completed + failed)) * 100 : null;
}

const PHASES = ["queued", "fetch", "agent", "deliver", "collect"] as const;

/** The phases in their order, then whatever else the server knows. */
function named(ops: Ops): string[] {
  const known = PHASES.filter((name) => name in ops.phases);
  return [...known, ...Object.keys(ops.phases).filter((name) => !PHASES.some((phase) => phase === name))];
}

const title = (phase: string): string => {
  const known = PHASES.find((name) => name === phase);
  return known ? t(known) : phase;
};

export function PhaseTimes({ ops }: { ops: Ops }): JSX.Element {
  const names = named(ops);
  const [wanted, setWanted] = useState("agent");
  const chosen = names.includes(wanted) ? wanted : (names[0] ?? "");
  const numbers = ops.phases[chosen];
  return (
    <section class="card" aria-labelledby="ops-phases">
      <h2 id="ops-phases" class="ops-title">
        {t("phases")}
      </h2>
      <fieldset class="phases">
        <legend class="ops-says">{t("phasesHint")}</legend>
        {names.map((name) => (
          <label key={name} class="phase">
            <input type="radio" name="phase" checked={name === chosen} onChange={() => setWanted(name)} />
            <span class="phase-name">
              <Written text={title(name)} />
            </span>
            <span class="phase-time num">
              {t("p50")} <strong>{time(ops.phases[name]?.p50_s)}</strong>
            </span>
            <span class="phase-time num">
              {t("p95")} <strong>{time(ops.phases[name]?.p95_s)}</strong>
            </span>
          </label>
        ))}
      </fieldset>
      {numbers && <PhaseChart phase={title(chosen)} numbers={numbers} />}
    </section>
  );
}

function PhaseChart({ phase, numbers }: { phase: string; numbers: PhaseNumbers }): JSX.Element {
  const { series } = numbers;
  const says = t("phaseSays", { phase, p50: time(numbers.p50_s), p95: time(numbers.p95_s) });
  const chart = useMemo(
    (): ChartProps => ({
      kind: "lines",
      times: series.map((point) => Date.parse(point.t) / 1000),
      series: [
        { label: t("p50"), values: series.map((point) => point.p50_s), colour: "--series-2" },
        { label: t("p95"), values: series.map((point) => point.p95_s), colour: "--series-3" },
      ],
      steps: [0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400],
      format: seconds,
      says,
    }),
    [series, says],
  );
  const rows = series.filter((point) => point.p50_s !== null);
  const columns = [
    { key: "t", title: t("time"), cell: (row: (typeof series)[number]) => clock(row.t) },
    { key: "p50", title: t("p50"), number: true, cell: (row: (typeof series)[number]) => time(row.p50_s) },
    { key: "p95", title: t("p95"), number: true, cell: (row: (typeof series)[number]) => time(row.p95_s) },
  ];
  if (rows.length === 0) return <p class="muted chart-none">{t("noData")}</p>;
  return (
    <>
      <Lazy load={load} props={chart} />
      <AsTable>
        <Table label={phase} columns={columns} rows={rows} rowKey={(row) => row.t} />
      </AsTable>
    </>
  );
}

function AsTable({ children }: { children: ComponentChildren }): JSX.Element {
  const [open, setOpen] = useState(false);
  return (
    <details class="as-table" onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>{t("asTable")}</summary>
      {open && children}
    </details>
  );
}

const time = (value: number | null | undefined): string => (value == null ? "–" : seconds(value));

function clock(at: string): string {
  return new Intl.DateTimeFormat(locale(), { hour: "2-digit", minute: "2-digit", hourCycle: "h23" }).format(new Date(at));
}
