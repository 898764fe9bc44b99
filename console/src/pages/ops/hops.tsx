/** The health of each hop, asked for on demand: it costs connections. */
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { api, type Ops } from "../../api";
import { ago, Button, Icon, now, sentence, toast } from "../../ui";
import { Written } from "../../ui/task-text";
import { t } from "./texts";

type Hops = NonNullable<Ops["hops"]>;

export function HopsCard(): JSX.Element {
  const [busy, setBusy] = useState(false);
  const [checked, setChecked] = useState<{ at: string; hops: Hops } | null>(null);
  const check = async (): Promise<void> => {
    setBusy(true);
    try {
      const { value } = await api.ops({ minutes: 1, hops: true });
      setChecked({ at: value.at, hops: value.hops ?? [] });
    } catch (error) {
      toast(sentence(error), "error");
    }
    setBusy(false);
  };
  return (
    <section class="card" aria-labelledby="ops-hops">
      <header class="ops-head">
        <h2 id="ops-hops">{t("hops")}</h2>
        <Button small icon="pulse" busy={busy} onClick={() => void check()}>
          {t("check")}
        </Button>
      </header>
      <div role="status">
        {!checked && <p class="muted">{t("hopsHint")}</p>}
        {checked && (
          <>
            <ul class="hops">
              {checked.hops.map((hop) => (
                <li key={hop.name} class={hop.ok ? "hop hop-ok" : "hop hop-bad"}>
                  <Icon name={hop.ok ? "check" : "alert"} size={16} />
                  <span class="hop-name">
                    <Written text={NAMES[hop.name] ?? hop.name} />
                  </span>
                  <span class="hop-says">
                    {t(hop.ok ? "hopOk" : "hopBad")}
                    {hop.detail && (
                      <>
                        {" "}
                        (<Written text={hop.detail} />)
                      </>
                    )}
                  </span>
                  <span class="num">{hop.ms === null ? "–" : `${hop.ms} ms`}</span>
                </li>
              ))}
            </ul>
            <p class="muted ops-small">{t("checkedAt", { ago: ago(checked.at, now.value) })}</p>
          </>
        )}
      </div>
    </section>
  );
}

const NAMES: Record<string, string> = { mysql: "MySQL", redis: "Redis", kafka: "Kafka", cos: "COS", cluster: "Kubernetes", api: "API" };
