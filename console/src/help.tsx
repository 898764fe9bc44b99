/** The help dialog: which keys do what on this page. */
import type { JSX } from "preact";
import { enabled, groups, setEnabled } from "./keys";
import { me } from "./session";
import { t } from "./texts";
import { Dialog } from "./ui";

export function Help({ onClose }: { onClose: () => void }): JSX.Element {
  return (
    <Dialog title={t("keyboard")} onClose={onClose} wide>
      <label class="check">
        <input type="checkbox" checked={enabled.value} onChange={(event) => setEnabled(event.currentTarget.checked)} />
        {t("shortcutsOn")}
      </label>
      <div class="help-groups">
        {groups.value.map((group) => (
          <section key={group.heading}>
            <h3>{group.heading}</h3>
            <dl class="help-keys">
              {group.bindings.map((binding) => (
                <div key={binding.keys.join()}>
                  <dt>
                    {binding.keys.map((key) => (
                      <kbd key={key}>{SIGNS[key] ?? key}</kbd>
                    ))}
                  </dt>
                  <dd>{binding.does}</dd>
                </div>
              ))}
            </dl>
          </section>
        ))}
      </div>
      <p class="muted">
        {t("version", { version: me.value?.version ?? "" })} · {t("docs", { url: location.origin })} <a href="/assets/licenses.txt">{t("licenses")}</a>
      </p>
    </Dialog>
  );
}

const SIGNS: Record<string, string> = {
  ArrowDown: "↓",
  ArrowUp: "↑",
  ArrowLeft: "←",
  ArrowRight: "→",
  Enter: "↵",
  Escape: "Esc",
  "Mod+Enter": /Mac|iP/.test(navigator.platform) ? "⌘ ↵" : "Ctrl ↵",
};
