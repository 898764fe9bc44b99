/**
 * What the form holds, what is wrong with it, and the request it makes. Pure. The rules are those of the server
 * (functions/submit/submit/requests.py), which has the last word.
 */
import type { Me, NewTask } from "../../api";
import { bytes } from "../../ui/format";
import { t } from "./texts";

export interface Draft {
  kind: "git" | "zip";
  url: string;
  ref: string;
  prompt: string;
  agent: string;
  model: string;
  timeout: string;
  steps: string;
  labels: readonly { name: string; value: string }[];
}

/** field → what is wrong; fields are named as the server names them. */
export type Faults = Readonly<Record<string, string>>;

export const MAX_PROMPT = 64 * 1024;
export const MAX_STEPS = 1000;

const MODEL = /^[A-Za-z0-9][A-Za-z0-9._:/-]{0,99}$/;
const REF = /^[A-Za-z0-9][A-Za-z0-9._/@+-]{0,254}$/;
const LABEL = /^[A-Za-z0-9][A-Za-z0-9._/-]{0,62}$/;

export function emptyDraft(me: Me): Draft {
  return { kind: "git", url: "", ref: "", prompt: "", agent: me.default_agent, model: "", timeout: "", steps: "", labels: [] };
}

/** Commands call no model. */
export function usesModel(draft: Draft): boolean {
  return draft.agent !== "command";
}

export function promptBytes(draft: Draft): number {
  return new TextEncoder().encode(draft.prompt).length;
}

export function check(draft: Draft, me: Me, hasZip: boolean): Faults {
  const faults: Record<string, string> = {};
  const wrong = (field: string, text: string | null): void => {
    if (text !== null) faults[field] = text;
  };
  if (draft.kind === "git") {
    wrong("source.git.url", urlFault(draft.url.trim()));
    wrong("source.git.ref", refFault(draft.ref.trim()));
  } else if (!hasZip) wrong("source.upload_id", t("noZip"));
  if (draft.prompt.trim() === "") wrong("prompt", t("emptyPrompt"));
  else if (promptBytes(draft) > MAX_PROMPT) wrong("prompt", t("longPrompt"));
  if (usesModel(draft)) {
    if (draft.model.trim() === "") wrong("model", me.default_model ? null : t("noModel"));
    else if (!MODEL.test(draft.model.trim())) wrong("model", t("badModel"));
    wrong("limits.max_steps", numberFault(draft.steps, MAX_STEPS));
  }
  wrong("limits.timeout_s", numberFault(draft.timeout, me.limits.max_timeout_s));
  const names = draft.labels.map(({ name }) => name.trim());
  names.forEach((name, at) => {
    if (!LABEL.test(name)) wrong(`labels.${at}`, name === "" && draft.labels[at]?.value === "" ? null : t("badLabel"));
    else if (names.indexOf(name) !== at) wrong(`labels.${at}`, t("twiceLabel"));
  });
  return faults;
}

/** What is wrong with a file that is to be uploaded, or null. `head`: its first bytes. */
export function zipFault(file: { name: string; size: number }, head: Uint8Array, maxBytes: number): string | null {
  if (file.size === 0) return t("emptyZip", { name: file.name });
  if (file.size > maxBytes) return t("bigZip", { name: file.name, size: bytes(file.size), max: bytes(maxBytes) });
  const signature = head[0] === 0x50 && head[1] === 0x4b && (head[2] === 3 || head[2] === 5 || head[2] === 7);
  return signature ? null : t("notZip", { name: file.name });
}

/** The body of POST /v1/tasks; what is empty is left to the server's defaults. */
export function body(draft: Draft, uploadId: string): NewTask {
  const ref = draft.ref.trim();
  const limits = {
    ...(draft.timeout.trim() && { timeout_s: Number(draft.timeout) }),
    ...(usesModel(draft) && draft.steps.trim() && { max_steps: Number(draft.steps) }),
  };
  const labels = Object.fromEntries(draft.labels.filter(({ name }) => name.trim()).map(({ name, value }) => [name.trim(), value]));
  return {
    prompt: draft.prompt,
    source: draft.kind === "git" ? { git: { url: draft.url.trim(), ...(ref && { ref }) } } : { upload_id: uploadId },
    agent: draft.agent,
    ...(usesModel(draft) && draft.model.trim() && { model: draft.model.trim() }),
    ...(Object.keys(limits).length > 0 && { limits }),
    ...(Object.keys(labels).length > 0 && { labels }),
  };
}

function urlFault(text: string): string | null {
  if (text === "") return t("noUrl");
  if (!/^[a-z]+:\/\/[\x21-\x7e]+$/i.test(text) || !URL.canParse(text)) return t("badUrl");
  const url = new URL(text);
  if (!/^[a-z]+:\/\/[^/@]+/i.test(text) || !url.host) return t("badUrl");
  return url.username || url.password || /^[a-z]+:\/\/[^/]*@/i.test(text) ? t("secretUrl") : null;
}

function refFault(text: string): string | null {
  if (text === "") return null;
  const bad = !REF.test(text) || text.includes("..") || text.includes("@{") || /(\.lock|\/|\.)$/.test(text);
  return bad ? t("badRef") : null;
}

function numberFault(text: string, high: number): string | null {
  const value = text.trim();
  if (value === "" || (/^\d{1,9}$/.test(value) && Number(value) >= 1 && Number(value) <= high)) return null;
  return t("badNumber", { low: 1, high });
}
