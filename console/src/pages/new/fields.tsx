/** The form's fields, section by section. */
import type { JSX } from "preact";
import type { Me } from "../../api";
import { Button, bytes, Field, Icon } from "../../ui";
import { type Draft, type Faults, MAX_PROMPT, promptBytes, usesModel } from "./form";
import { t } from "./texts";
import { ZipField, type ZipSource } from "./zip";

interface Props {
  draft: Draft;
  change: (part: Partial<Draft>) => void;
  faults: Faults;
}

export function SourceFields({ draft, change, faults, source }: Props & { source: ZipSource }): JSX.Element {
  const fault = source.zip.state === "failed" ? source.zip.fault : source.zip.state === "none" ? source.zip.fault : null;
  return (
    <section class="card">
      <h2>{t("source")}</h2>
      <fieldset class="chips">
        <legend class="sr-only">{t("source")}</legend>
        {(["git", "zip"] as const).map((kind) => (
          <label key={kind} class="chip">
            <input type="radio" class="sr-only" name="source" checked={draft.kind === kind} onChange={() => change({ kind })} />
            <span>
              <Icon name={kind === "git" ? "git" : "box"} size={16} /> {t(kind)}
            </span>
          </label>
        ))}
      </fieldset>
      {draft.kind === "git" ? (
        <div class="pair pair-wide">
          <Field label={t("url")} hint={t("urlHint")} error={faults["source.git.url"]}>
            {(control) => (
              <input
                {...control}
                class="input mono"
                type="url"
                name="url"
                autocomplete="url"
                placeholder="https://git.example/team/app.git"
                value={draft.url}
                onInput={(event) => change({ url: event.currentTarget.value })}
              />
            )}
          </Field>
          <Field label={t("ref")} optional={t("optional")} error={faults["source.git.ref"]}>
            {(control) => (
              <input
                {...control}
                class="input mono"
                name="ref"
                autocomplete="off"
                autocapitalize="off"
                spellcheck={false}
                placeholder="main"
                value={draft.ref}
                onInput={(event) => change({ ref: event.currentTarget.value })}
              />
            )}
          </Field>
        </div>
      ) : (
        <Field label={t("zip")} error={fault ?? faults["source.upload_id"]}>
          {(control) => <ZipField source={source} control={control} />}
        </Field>
      )}
    </section>
  );
}

export function PromptField({ draft, change, faults }: Props): JSX.Element {
  const isCommand = !usesModel(draft);
  const size = promptBytes(draft);
  const hint = size > MAX_PROMPT / 2 ? t("promptSize", { size: bytes(size) }) : t(isCommand ? "commandHint" : "promptHint");
  return (
    <section class="card">
      <Field label={t(isCommand ? "command" : "prompt")} hint={hint} error={faults["prompt"]}>
        {(control) => (
          <textarea
            {...control}
            class={isCommand ? "input prompt mono" : "input prompt"}
            name="prompt"
            rows={7}
            spellcheck={!isCommand}
            placeholder={isCommand ? "python -m pytest -q" : t("promptPlaceholder")}
            value={draft.prompt}
            onInput={(event) => change({ prompt: event.currentTarget.value })}
          />
        )}
      </Field>
    </section>
  );
}

export function AgentFields({ draft, change, faults, who }: Props & { who: Me }): JSX.Element {
  const { limits } = who;
  return (
    <section class="card">
      <fieldset class="agents">
        <legend class="field-label">{t("agent")}</legend>
        {who.agents.map((agent) => (
          <label key={agent} class="agent">
            <input type="radio" name="agent" value={agent} checked={draft.agent === agent} onChange={() => change({ agent })} />
            <span>
              <strong class="mono">{agent}</strong>
              <span class="muted">{t(agent === "mini" ? "mini" : agent === "command" ? "commandAgent" : "otherAgent")}</span>
            </span>
          </label>
        ))}
      </fieldset>
      {usesModel(draft) && (
        <Field
          label={t("model")}
          optional={who.default_model ? t("optional") : ""}
          hint={who.default_model ? t("modelDefault", { model: who.default_model }) : t("modelNone")}
          error={faults["model"]}
        >
          {(control) => (
            <input
              {...control}
              class="input mono"
              name="model"
              autocomplete="off"
              autocapitalize="off"
              spellcheck={false}
              placeholder={who.default_model ?? ""}
              value={draft.model}
              onInput={(event) => change({ model: event.currentTarget.value })}
            />
          )}
        </Field>
      )}
      <div class="pair">
        <Field label={t("timeout")} optional={t("optional")} hint={t("timeoutHint", { max: limits.max_timeout_s })} error={faults["limits.timeout_s"]}>
          {(control) => (
            <input
              {...control}
              class="input num"
              name="timeout"
              inputMode="numeric"
              placeholder={String(limits.timeout_s)}
              value={draft.timeout}
              onInput={(event) => change({ timeout: event.currentTarget.value })}
            />
          )}
        </Field>
        {usesModel(draft) && (
          <Field label={t("steps")} optional={t("optional")} hint={t("stepsHint")} error={faults["limits.max_steps"]}>
            {(control) => (
              <input
                {...control}
                class="input num"
                name="steps"
                inputMode="numeric"
                placeholder={String(limits.max_steps)}
                value={draft.steps}
                onInput={(event) => change({ steps: event.currentTarget.value })}
              />
            )}
          </Field>
        )}
      </div>
    </section>
  );
}

const MAX_LABELS = 20;

export function LabelFields({ draft, change, faults }: Props): JSX.Element {
  const set = (at: number, part: { name?: string; value?: string }): void =>
    change({ labels: draft.labels.map((label, each) => (each === at ? { ...label, ...part } : label)) });
  return (
    <section class="card">
      <fieldset class="labels">
        <legend class="field-label">
          {t("labels")} <span class="muted">{t("optional")}</span>
        </legend>
        {draft.labels.map((label, at) => {
          const n = at + 1;
          const fault = faults[`labels.${at}`] ?? faults[`labels.${label.name}`];
          return (
            <div key={at} class={fault ? "label-row field-wrong" : "label-row"}>
              <input
                class="input mono"
                aria-label={t("labelName", { n })}
                aria-invalid={fault ? true : undefined}
                aria-describedby={fault ? `label-${at}-error` : undefined}
                value={label.name}
                maxLength={63}
                onInput={(event) => set(at, { name: event.currentTarget.value })}
              />
              <span aria-hidden="true">=</span>
              <input
                class="input mono"
                aria-label={t("labelValue", { n })}
                value={label.value}
                maxLength={200}
                onInput={(event) => set(at, { value: event.currentTarget.value })}
              />
              <Button
                kind="quiet"
                icon="cross"
                label={t("removeLabel", { n })}
                onClick={() => change({ labels: draft.labels.filter((_, each) => each !== at) })}
              />
              {fault && (
                <p class="field-error" id={`label-${at}-error`}>
                  <Icon name="alert" size={15} /> {fault}
                </p>
              )}
            </div>
          );
        })}
        <Button
          small
          icon="plus"
          disabled={draft.labels.length >= MAX_LABELS}
          onClick={() => change({ labels: [...draft.labels, { name: "", value: "" }] })}
        >
          {t("addLabel")}
        </Button>
        <p class="field-hint">{t("labelsHint")}</p>
      </fieldset>
    </section>
  );
}
