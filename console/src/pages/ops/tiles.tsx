/** The figures at the top: at a glance whether the system is well. Colour, word and figure say the same. */
import type { ComponentChildren, JSX } from "preact";
import type { Ops } from "../../api";
import { ago, duration, now, number } from "../../ui";
import { Written } from "../../ui/task-text";
import { ended, queueHealth, ranked, successHealth, sweepHealth, type Health } from "./numbers";
import { t } from "./texts";

export function Tiles({ ops }: { ops: Ops }): JSX.Element {
  const { queue, running, success_rate: rate, sweep, dead_letters: dead } = ops;
  const sum = ended(ops);
  const tenants = Object.keys(running.by_tenant).length;
  const finished = sum.completed + sum.failed;
  return (
    <ul class="tiles">
      <Tile title={t("queue")} figure={number(queue.depth)} health={queueHealth(ops)}>
        {queue.depth === 0 || queue.oldest_s === null ? t("queueEmpty") : t("oldest", { age: duration(queue.oldest_s) })}
      </Tile>
      <Tile title={t("running")} figure={number(running.total)}>
        {t("tenants", { n: tenants })}
      </Tile>
      <Tile title={t("success")} figure={rate === null ? "–" : percent(rate)} health={successHealth(ops)}>
        {finished === 0 ? t("nothingEnded") : t("successOf", { completed: number(sum.completed), all: number(finished) })}
      </Tile>
      <Tile title={t("sweep")} figure={sweep.lag_s === null ? "–" : duration(Math.round(sweep.lag_s))} health={sweepHealth(ops)}>
        {sweep.last_run === null ? t("sweepNever") : t("sweepLast", { ago: ago(sweep.last_run, now.value) })}
      </Tile>
      <Tile title={t("deadLetters")} figure={number(dead.total)} health={dead.total > 0 ? "watch" : "good"}>
        {dead.total > 0 ? t("deadLettersTotal") : t("deadLettersNone")}
      </Tile>
      <Errors errors={functionErrors(ops)} />
    </ul>
  );
}

/** Errors of each function in the window; an older server does not tell them. */
function functionErrors(ops: Ops): Record<string, number> | null {
  return (ops as Ops & { function_errors?: Record<string, number> }).function_errors ?? null;
}

function Errors({ errors }: { errors: Record<string, number> | null }): JSX.Element | null {
  if (!errors) return null;
  const each = ranked(errors).filter(([, n]) => n > 0);
  const total = each.reduce((sum, [, n]) => sum + n, 0);
  return (
    <Tile title={t("errors")} figure={number(total)} health={total > 0 ? "watch" : "good"}>
      {total === 0 ? t("errorsNone") : <Written text={each.map(([name, n]) => t("perFunction", { function: name, n: number(n) })).join(", ")} />}
    </Tile>
  );
}

interface TileProps {
  title: string;
  figure: string;
  health?: Health | null;
  children: ComponentChildren;
}

function Tile({ title, figure, health, children }: TileProps): JSX.Element {
  return (
    <li class={`tile ${health ? `tile-${health}` : ""}`}>
      <h2 class="tile-title">
        {title}
        {health && <span class="tile-health">{t(health)}</span>}
      </h2>
      <p class="tile-figure num">{figure}</p>
      <p class="tile-more">{children}</p>
    </li>
  );
}

const percent = (rate: number): string => `${(rate * 100).toFixed(rate === 1 || rate === 0 ? 0 : 1)} %`;
