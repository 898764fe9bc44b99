/** How long each phase took, or takes: bars on one scale, renewed every second while the task runs. */
import type { JSX } from "preact";
import type { Timeline } from "../../api";
import { duration, now } from "../../ui";
import { Written } from "../../ui/task-text";
import { phases, type Bar, type Group } from "./phases";
import { t } from "./texts";

const NAMED = ["queued", "dispatch", "fetch", "agent", "deliver", "collect"] as const;

export function TimelineCard({ timeline }: { timeline: Timeline | null }): JSX.Element {
  const running = timeline?.spans.some((span) => span.end === null) ?? false;
  const { groups, seconds } = phases(timeline?.spans ?? [], running ? now.value : 0);
  return (
    <section class="card timeline" aria-labelledby="timeline-title">
      <header class="card-head">
        <h2 id="timeline-title">{t("timeline")}</h2>
        {groups.length > 0 && <span class="num muted">{t("total", { duration: duration(seconds) })}</span>}
      </header>
      {groups.length === 0 && <p class="muted">{timeline ? t("noTimeline") : " "}</p>}
      {groups.map((group) => (
        <Attempt key={group.attempt} group={group} titled={groups.length > 1} />
      ))}
    </section>
  );
}

function Attempt({ group, titled }: { group: Group; titled: boolean }): JSX.Element {
  return (
    <>
      {titled && (
        <h3 class="timeline-attempt">
          {t("attempt", { n: group.attempt })} <span class={`timeline-${group.state}`}>{t(group.state)}</span>
        </h3>
      )}
      <ol class="timeline-rows">
        {group.bars.map((bar) => (
          <Phase key={bar.id} bar={bar} />
        ))}
      </ol>
    </>
  );
}

function Phase({ bar }: { bar: Bar }): JSX.Element {
  const known = NAMED.find((name) => name === bar.name);
  return (
    <li class="timeline-row">
      <span class="timeline-name">{known ? t(known) : <Written text={bar.name} />}</span>
      <span class="timeline-track" aria-hidden="true">
        <span
          class={`timeline-bar timeline-bar-${bar.state} timeline-bar-${known ?? "other"}`}
          style={{ left: `${bar.left}%`, width: `${bar.width}%` }}
        />
      </span>
      <span class="timeline-time num">
        {bar.state !== "done" && <span class="sr-only">{t(bar.state)}: </span>}
        {bar.state === "running" ? duration(Math.max(0, Math.floor(bar.seconds))).replace(/\.0 /, " ") : duration(bar.seconds)}
      </span>
    </li>
  );
}
