/** The form as commands, beside it and always up to date. */
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { CopyButton, panel, Tabs } from "../../ui";
import { type Draft, usesModel } from "./form";
import { command, curl } from "./terminal";
import { t } from "./texts";

export function Terminal({ draft, file }: { draft: Draft; file: string }): JSX.Element {
  const [chosen, setChosen] = useState("cli");
  const text = (chosen === "curl" ? curl : command)(draft, location.origin, file);
  return (
    <aside class="terminal card" aria-label={t("terminal")}>
      <h2>{t("terminal")}</h2>
      <div class="terminal-bar">
        <Tabs
          label={t("terminal")}
          name="terminal"
          chosen={chosen}
          onChoose={setChosen}
          tabs={[
            { id: "cli", title: "patchmill" },
            { id: "curl", title: "curl" },
          ]}
        />
        <CopyButton text={text} />
      </div>
      <pre class="code" {...panel("terminal", chosen)} tabIndex={0}>
        <code>{text}</code>
      </pre>
      {chosen === "cli" && usesModel(draft) && draft.steps.trim() !== "" && <p class="muted">{t("stepsOnlyCurl")}</p>}
      <p class="muted">{t("keySet")}</p>
    </aside>
  );
}
