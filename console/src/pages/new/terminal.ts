/**
 * The form as commands for a terminal. Pure. Whatever the fields hold, the shell reads each of them as one plain word:
 * people paste this.
 */
import { body, type Draft, usesModel } from "./form";

/** One word for a POSIX shell; characters that a terminal might obey on pasting are written as escapes (bash, zsh, ksh). */
export function quoted(text: string): string {
  if (/^[A-Za-z0-9_./:@%+=,-]+$/.test(text)) return text;
  if (!UNSAFE.test(text)) return `'${text.replaceAll("'", `'\\''`)}'`;
  const escaped = text.replace(/[\\']/g, "\\$&").replaceAll("\n", "\\n").replaceAll("\t", "\\t");
  return `$'${escaped.replace(new RegExp(UNSAFE, "gu"), octets)}'`;
}

/** Controls but newline and tab, and what turns the direction of text or is not seen. */
const UNSAFE = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/u;

function octets(character: string): string {
  return [...new TextEncoder().encode(character)].map((octet) => `\\${octet.toString(8).padStart(3, "0")}`).join("");
}

/** JSON on one line, with nothing in it that UNSAFE means. */
export function plainJson(value: unknown): string {
  return JSON.stringify(value).replace(new RegExp(UNSAFE, "gu"), (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

export function curl(draft: Draft, origin: string, file: string): string {
  const auth = `-H "Authorization: Bearer $PATCHMILL_API_KEY"`;
  const type = `-H 'Content-Type: application/json'`;
  const call = (path: string, ...more: string[]): string =>
    [`curl -sS --fail-with-body ${quoted(origin + path)}`, auth, type, ...more].join(" \\\n  ");
  if (draft.kind === "git") return call("/v1/tasks", `-d ${quoted(plainJson(body(draft, "")))}`);
  const name = quoted(path(file));
  const { source: _, ...rest } = body(draft, "");
  const after = `'"},${plainJson(rest).slice(1).replaceAll("'", `'\\''`)}'`;
  return [
    `zip=${name}`,
    call("/v1/uploads", `-D upload.headers -o upload.json`, `-d "{\\"size\\": $(wc -c < "$zip")}"`),
    `curl -sS --fail -T "$zip" "$(sed -n 's/^[Ll]ocation: *//p' upload.headers | tr -d '\\r')"`,
    `upload_id=$(sed 's/.*"upload_id": *"\\([0-9A-Z]*\\)".*/\\1/' upload.json)`,
    call("/v1/tasks", `-d '{"source":{"upload_id":"'"$upload_id"${after}`),
  ].join("\n");
}

/** `patchmill submit`, with the server it talks to. It has no option for the number of model calls. */
export function command(draft: Draft, origin: string, file: string): string {
  const repo = draft.kind === "git" ? draft.url.trim() : path(file);
  const model = usesModel(draft) ? draft.model.trim() : "";
  const options = [
    `--repo ${quoted(repo)}`,
    draft.kind === "git" && draft.ref.trim() && `--ref ${quoted(draft.ref.trim())}`,
    `--agent ${quoted(draft.agent)}`,
    model && `--model ${quoted(model)}`,
    draft.timeout.trim() && `--timeout ${quoted(`${draft.timeout.trim()}s`)}`,
    ...draft.labels.filter(({ name }) => name.trim()).map(({ name, value }) => `--label ${quoted(`${name.trim()}=${value}`)}`),
    "--follow",
    `-- ${quoted(draft.prompt)}`,
  ];
  return [`PATCHMILL_URL=${quoted(origin)}`, "patchmill submit", ...options.filter(Boolean)].join(" \\\n  ");
}

/** Never an option, a URL, or a name that a program gives a meaning. */
function path(file: string): string {
  return `./${file || "code.zip"}`;
}
