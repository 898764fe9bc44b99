/** The operations page, for administrators: is the system well, and where is it not. */
import type { JSX } from "preact";
import { api, type Ops } from "../../api";
import { usePoll } from "../../poll";
import { route, setQuery } from "../../router";
import { useTitle } from "../../title";
import { Button, Loading, moment, Notice, sentence } from "../../ui";
import { PhaseTimes, SuccessRate, Throughput } from "./charts";
import { HopsCard } from "./hops";
import { Ranking } from "./lists";
import { ranked } from "./numbers";
import { sloOf } from "./objectives";
import { SloCard } from "./slo";
import { t } from "./texts";
import { Tiles } from "./tiles";
import "./ops.css";

const EVERY_MS = 5000;
const WINDOWS = [
  { minutes: 60, name: "hour" },
  { minutes: 360, name: "hours6" },
  { minutes: 1440, name: "day" },
] as const;

export default function OpsPage(): JSX.Element {
  useTitle(t("ops"));
  const minutes = WINDOWS.find((each) => String(each.minutes) === route.value.query.get("minutes"))?.minutes ?? 60;
  const asked = usePoll<Ops>(`ops/${minutes}`, (before, signal) => api.ops({ minutes }, before, signal), EVERY_MS);
  return (
    <div class="ops">
      <header class="page-head">
        <h1>{t("ops")}</h1>
        {asked.value && <span class="muted ops-small">{t("updated", { at: moment(asked.value.at) })}</span>}
        <Window minutes={minutes} />
        <Button kind="quiet" icon="refresh" label={t("refresh")} onClick={asked.refresh} />
      </header>
      {asked.error && <Notice kind="warn">{t("stale", { error: sentence(asked.error) })}</Notice>}
      {asked.value ? <Report ops={asked.value} /> : asked.loading && <Loading />}
    </div>
  );
}

function Window({ minutes }: { minutes: number }): JSX.Element {
  return (
    <fieldset class="chips ops-window">
      <legend class="sr-only">{t("window")}</legend>
      {WINDOWS.map((each) => (
        <label key={each.minutes} class="chip">
          <input
            type="radio"
            class="sr-only"
            name="window"
            checked={each.minutes === minutes}
            onChange={() => setQuery({ minutes: each.minutes === 60 ? null : String(each.minutes) })}
          />
          <span>{t(each.name)}</span>
        </label>
      ))}
    </fieldset>
  );
}

function Report({ ops }: { ops: Ops }): JSX.Element {
  const slo = sloOf(ops.slo);
  return (
    <>
      <Tiles ops={ops} />
      {slo && <SloCard slo={slo} />}
      <div class="ops-charts">
        <div class="ops-column">
          <Throughput ops={ops} />
          <SuccessRate ops={ops} />
        </div>
        <div class="ops-column">
          <PhaseTimes ops={ops} />
          <HopsCard />
        </div>
      </div>
      <div class="ops-lists">
        <Ranking
          id="ops-tenants"
          title={t("byTenant")}
          name={t("tenant")}
          count={t("tasks")}
          rows={ranked(ops.running.by_tenant)}
          empty={t("noneRunning")}
        />
        <Ranking
          id="ops-causes"
          title={t("byCause")}
          name={t("cause")}
          count={t("deadLetters")}
          rows={ops.dead_letters.by_cause.map(({ cause, count }) => [cause, count] as const)}
          empty={t("noDeadLetters")}
        />
      </div>
    </>
  );
}
