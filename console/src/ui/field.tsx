/** A control with its label, what it means, and what is wrong with it, tied together for screen readers. */
import type { ComponentChildren, JSX } from "preact";
import { useId } from "preact/hooks";
import { Icon } from "./icons";

/** What the control takes: spread it on the input, select or textarea. */
export interface Control {
  id: string;
  "aria-describedby": string | undefined;
  "aria-invalid": boolean | undefined;
}

interface Props {
  label: string;
  hint?: ComponentChildren;
  error?: string | null | undefined;
  optional?: string;
  children: (control: Control) => ComponentChildren;
}

export function Field({ label, hint, error, optional, children }: Props): JSX.Element {
  const id = useId();
  const described = [error && `${id}-error`, hint && `${id}-hint`].filter(Boolean).join(" ");
  return (
    <div class={error ? "field field-wrong" : "field"}>
      <label class="field-label" for={id}>
        {label} {optional && <span class="muted">{optional}</span>}
      </label>
      {children({ id, "aria-describedby": described || undefined, "aria-invalid": error ? true : undefined })}
      {error && (
        <p class="field-error" id={`${id}-error`}>
          <Icon name="alert" size={15} /> {error}
        </p>
      )}
      {hint && (
        <p class="field-hint" id={`${id}-hint`}>
          {hint}
        </p>
      )}
    </div>
  );
}
