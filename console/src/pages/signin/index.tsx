/** Sign in with an API key: the server is asked whose it is before anything is kept. */
import type { JSX, TargetedSubmitEvent } from "preact";
import { useRef, useState } from "preact/hooks";
import { api, ApiError } from "../../api";
import { refused, signIn } from "../../session";
import { LanguageButton, ThemeButton } from "../../shell";
import { t } from "../../texts";
import { useTitle } from "../../title";
import { Button, Field, Logo, Notice, sentence } from "../../ui";

export function SignIn(): JSX.Element {
  const [error, setError] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const [shown, setShown] = useState(false);
  const input = useRef<HTMLInputElement>(null);
  useTitle(t("signIn"));

  const submit = async (event: TargetedSubmitEvent<HTMLFormElement>): Promise<void> => {
    event.preventDefault();
    if (busy) return;
    const key = input.current?.value.trim() ?? "";
    const wrong = key === "" ? t("apiKeyMissing") : /^[\x21-\x7e]+$/.test(key) ? null : t("apiKeyCharacters");
    setError(wrong);
    if (wrong) return input.current?.focus();
    setBusy(true);
    try {
      signIn(key, await api.me(key));
    } catch (caught) {
      const unknown = caught instanceof ApiError && caught.status === 401;
      setError(unknown ? t("apiKeyWrong") : sentence(caught));
      setBusy(false);
      input.current?.focus();
    }
  };

  return (
    <main class="signin">
      <div class="signin-card">
        <Logo size={56} />
        <h1>Patchmill</h1>
        <p class="muted">{t("tagline")}</p>
        {refused.value && <Notice kind="warn">{t("refused")}</Notice>}
        <form onSubmit={(event) => void submit(event)} noValidate>
          <Field label={t("apiKey")} hint={t("apiKeyHint")} error={error}>
            {(control) => (
              <div class="joined">
                <input
                  {...control}
                  ref={input}
                  class="input mono"
                  type={(shown ? "text" : "password") as "password"}
                  name="key"
                  autocomplete="off"
                  autocapitalize="off"
                  spellcheck={false}
                  autofocus
                />
                <Button pressed={shown} onClick={() => setShown(!shown)}>
                  {shown ? t("hide") : t("show")}
                </Button>
              </div>
            )}
          </Field>
          <Button kind="primary" type="submit" busy={busy} icon="arrowRight">
            {t("signIn")}
          </Button>
        </form>
      </div>
      <div class="signin-tools">
        <LanguageButton />
        <ThemeButton />
      </div>
    </main>
  );
}
