/** Short messages at the edge of the page, read aloud; <Toasts/> stands once in the page. */
import { signal } from "@preact/signals";
import type { JSX } from "preact";
import { Icon } from "./icons";

type Kind = "info" | "error";
interface Message {
  id: number;
  text: string;
  kind: Kind;
}

const SHOWN_MS = { info: 4000, error: 9000 };
const messages = signal<readonly Message[]>([]);
let last = 0;

export function toast(text: string, kind: Kind = "info"): void {
  const id = ++last;
  messages.value = [...messages.value.filter((message) => message.text !== text).slice(-3), { id, text, kind }];
  setTimeout(() => (messages.value = messages.value.filter((message) => message.id !== id)), SHOWN_MS[kind]);
}

export function Toasts(): JSX.Element {
  const of = (kind: Kind): JSX.Element[] =>
    messages.value
      .filter((message) => message.kind === kind)
      .map((message) => (
        <p key={message.id} class={`toast toast-${kind}`}>
          <Icon name={kind === "error" ? "alert" : "check"} />
          <span>{message.text}</span>
        </p>
      ));
  return (
    <div class="toasts">
      <div role="status">{of("info")}</div>
      <div role="alert">{of("error")}</div>
    </div>
  );
}
