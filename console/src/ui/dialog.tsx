/**
 * Dialogs: the browser's own modal <dialog>, which keeps the focus inside, closes with Escape and gives the focus back.
 * `confirm` asks a question from anywhere; <Dialogs/> stands once in the page and shows it.
 */
import { signal } from "@preact/signals";
import type { ComponentChildren, JSX } from "preact";
import { useEffect, useId, useRef } from "preact/hooks";
import { Button } from "./button";
import { t } from "./texts";

interface DialogProps {
  title: string;
  onClose: () => void;
  children: ComponentChildren;
  /** Buttons at its foot. */
  actions?: ComponentChildren;
  wide?: boolean;
}

export function Dialog({ title, onClose, children, actions, wide }: DialogProps): JSX.Element {
  const element = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    const dialog = element.current;
    const opener = document.activeElement;
    dialog?.showModal();
    return () => {
      dialog?.close();
      if (opener instanceof HTMLElement) opener.focus();
    };
  }, []);
  return (
    <dialog
      ref={element}
      class={wide ? "dialog dialog-wide" : "dialog"}
      aria-labelledby={id}
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
      onClick={(event) => event.target === element.current && onClose()}
    >
      <div class="dialog-body">
        <header class="dialog-head">
          <h2 id={id}>{title}</h2>
          <Button kind="quiet" icon="cross" label={t("close")} onClick={onClose} />
        </header>
        {children}
        {actions && <footer class="dialog-foot">{actions}</footer>}
      </div>
    </dialog>
  );
}

interface Question {
  title: string;
  body: string;
  /** What the button that agrees says. */
  action: string;
  danger?: boolean;
}

const asked = signal<(Question & { answer: (yes: boolean) => void }) | null>(null);

/** True when the user agreed. One question at a time: a newer one answers the older with no. */
export function confirm(question: Question): Promise<boolean> {
  asked.peek()?.answer(false);
  return new Promise((resolve) => {
    asked.value = {
      ...question,
      answer: (yes) => {
        asked.value = null;
        resolve(yes);
      },
    };
  });
}

export function Dialogs(): JSX.Element | null {
  const question = asked.value;
  if (!question) return null;
  const actions = (
    <>
      <Button onClick={() => question.answer(false)}>{t("cancel")}</Button>
      <Button kind={question.danger ? "danger" : "primary"} onClick={() => question.answer(true)}>
        {question.action}
      </Button>
    </>
  );
  return (
    <Dialog key={question.title} title={question.title} onClose={() => question.answer(false)} actions={actions}>
      <p>{question.body}</p>
    </Dialog>
  );
}
