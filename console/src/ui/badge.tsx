/** A task's state: colour, shape and word, so that none of them is needed alone. */
import type { JSX } from "preact";
import type { Phase, Reason, Status } from "../api";
import { t } from "./texts";

interface Props {
  status: Status;
  phase?: Phase | null;
  reason?: Reason | null;
}

export function Badge({ status, phase, reason }: Props): JSX.Element {
  const detail = status === "PROCESSING" && phase ? name(phase) : status === "FAILED" && reason ? name(reason) : null;
  return (
    <span class={`badge badge-${status.toLowerCase()}`}>
      <Mark status={status} />
      <span>{name(status)}</span>
      {detail && <span class="badge-detail">{detail}</span>}
    </span>
  );
}

/** The name of a state, phase or reason; one that this page does not know is shown as it came. */
export function name(value: Status | Phase | Reason): string {
  return t(value);
}

function Mark({ status }: { status: Status }): JSX.Element {
  return (
    <svg class="badge-mark" width="12" height="12" viewBox="0 0 12 12" aria-hidden="true" focusable="false">
      {MARKS[status]}
    </svg>
  );
}

const MARKS: Record<Status, JSX.Element> = {
  QUEUED: <circle cx="6" cy="6" r="4" stroke-dasharray="2 2.2" />,
  PROCESSING: <path d="M6 2a4 4 0 1 1-4 4" />,
  COMPLETED: <path d="m2.5 6.3 2.4 2.4 4.6-5" />,
  FAILED: <path d="m3 3 6 6m0-6-6 6" />,
  CANCELLED: <path d="M2.5 6h7" />,
};
