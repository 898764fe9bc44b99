/** Service levels from the canary: what was reached, what is left of the error budget, and how fast it goes. */
import type { ComponentChildren, JSX } from "preact";
import { ago, now, number } from "../../ui";
import { seconds, type Health } from "./numbers";
import { availabilityHealth, budgetHealth, burnHealth, startHealth, type Slo } from "./objectives";
import { t } from "./texts";

export function SloCard({ slo }: { slo: Slo }): JSX.Element {
  const { canary, window_days: days } = slo;
  return (
    <section class="card" aria-labelledby="ops-slo">
      <h2 id="ops-slo" class="ops-title">
        {t("slo")}
      </h2>
      {canary.total === 0 ? (
        <p class="muted">{t("canaryOff")}</p>
      ) : (
        <>
          <p class="ops-says">
            {t("sloHint", { total: number(canary.total), days })} {t("canaryEnds", { ...canary, last_at: "" })}{" "}
            {canary.last_at && t("canaryLast", { ago: ago(canary.last_at, now.value) })}
          </p>
          <ul class="slo">
            <Availability slo={slo} />
            <Budget slo={slo} />
            <Start slo={slo} />
            <Burn slo={slo} />
          </ul>
        </>
      )}
    </section>
  );
}

function Availability({ slo }: { slo: Slo }): JSX.Element {
  return (
    <Level name={t("availability")} figure={percent(slo.availability)} health={availabilityHealth(slo)}>
      {t("target", { target: percent(slo.availability_target) })}
    </Level>
  );
}

function Budget({ slo }: { slo: Slo }): JSX.Element {
  const { allowed, spent, remaining } = slo.error_budget;
  return (
    <Level name={t("budget")} figure={percent(remaining)} health={budgetHealth(slo)} bar={remaining}>
      {t("budgetSays", { spent: number(spent), allowed: number(allowed) })}
    </Level>
  );
}

function Start({ slo }: { slo: Slo }): JSX.Element {
  const { p50_s: p50, p95_s: p95, target_s: target } = slo.time_to_start;
  return (
    <Level name={t("toStart")} figure={p95 === null ? "–" : seconds(p95)} health={startHealth(slo)}>
      {t("toStartSays", { p50: p50 === null ? "–" : seconds(p50), target: seconds(target) })}
    </Level>
  );
}

/** The shortest window as the figure, the others below it. */
function Burn({ slo }: { slo: Slo }): JSX.Element | null {
  const [first, ...others] = slo.burn_rates;
  if (!first) return null;
  const rest = others.map(({ hours, rate }) => t("burnHours", { hours, rate: times(rate) }));
  return (
    <Level name={t("burn")} figure={times(first.rate)} health={burnHealth(slo)}>
      {[t("burnSays", { hours: first.hours, days: slo.window_days }), ...rest].join(" · ")}
    </Level>
  );
}

interface LevelProps {
  name: string;
  figure: string;
  health: Health | null;
  /** 1 is full. */
  bar?: number | null;
  children: ComponentChildren;
}

function Level({ name, figure, health, bar, children }: LevelProps): JSX.Element {
  return (
    <li class={`slo-level ${health ? `tile-${health}` : ""}`}>
      <h3 class="tile-title">
        {name}
        {health && <span class="tile-health">{t(health)}</span>}
      </h3>
      <p class="slo-figure num">{figure}</p>
      {bar != null && (
        <div class="slo-track" aria-hidden="true">
          <span class="slo-left" style={{ width: `${Math.max(0, Math.min(1, bar)) * 100}%` }} />
        </div>
      )}
      <p class="tile-more">{children}</p>
    </li>
  );
}

const percent = (part: number | null): string => (part === null ? "–" : `${Number((part * 100).toFixed(2))} %`);
const times = (rate: number | null): string => (rate === null ? "–" : `${Number(rate.toFixed(1))}×`);
