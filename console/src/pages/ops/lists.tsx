/** Counts by name as bars: running by tenant, dead letters by cause. */
import type { JSX } from "preact";
import { number } from "../../ui";
import { Written } from "../../ui/task-text";

interface Props {
  id: string;
  title: string;
  /** What the names and the counts are, for those who don't see the bars. */
  name: string;
  count: string;
  rows: readonly (readonly [string, number])[];
  empty: string;
}

export function Ranking({ id, title, name, count, rows, empty }: Props): JSX.Element {
  const most = Math.max(1, ...rows.map(([, n]) => n));
  return (
    <section class="card" aria-labelledby={id}>
      <h2 id={id} class="ops-title">
        {title}
      </h2>
      {rows.length === 0 ? (
        <p class="muted">{empty}</p>
      ) : (
        <table class="ranking">
          <thead class="sr-only">
            <tr>
              <th scope="col">{name}</th>
              <th scope="col">{count}</th>
            </tr>
          </thead>
          <tbody>
            {rows.map(([label, n]) => (
              <tr key={label}>
                <th scope="row">
                  <Written text={label} />
                  <span class="ranking-bar" aria-hidden="true" style={{ width: `${(n / most) * 100}%` }} />
                </th>
                <td class="num">{number(n)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
}
