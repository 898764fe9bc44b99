/** What stands around every page: header with navigation, language, theme, help; and the focus after a change of page. */
import type { ComponentChildren, JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { Help } from "./help";
import { language, LANGUAGES, speak } from "./i18n";
import { useKeys } from "./keys";
import { go, href, route } from "./router";
import { me, signOut } from "./session";
import { t } from "./texts";
import { setTheme, theme, THEMES } from "./theme";
import { Button, Icon, Logo, type IconName } from "./ui";

export function Shell({ children }: { children: ComponentChildren }): JSX.Element {
  const [helping, setHelping] = useState(false);
  const main = useRef<HTMLElement>(null);
  const { page, id } = route.value;
  const place = `${page}/${id ?? ""}`;
  const before = useRef(place);
  const admin = me.value?.admin ?? false;

  useEffect(() => {
    if (before.current === place) return;
    before.current = place;
    main.current?.focus({ preventScroll: true });
    scrollTo(0, 0);
  }, [place]);
  useKeys(t("everywhere"), [
    { keys: ["?"], does: t("helpDoes"), run: () => setHelping(true) },
    { keys: ["t"], does: t("goTasks"), run: () => go("tasks") },
    { keys: ["n"], does: t("goNew"), run: () => go("new") },
    ...(admin ? [{ keys: ["o"], does: t("goOps"), run: () => go("ops") }] : []),
    { keys: ["Escape"], does: t("closeDoes") },
  ]);

  return (
    <>
      <button type="button" class="skip" onClick={() => main.current?.focus()}>
        {t("skip")}
      </button>
      <header class="header">
        <div class="header-in">
          <a class="brand" href={href("tasks")}>
            <Logo /> <span>Patchmill</span>
          </a>
          <nav class="nav" aria-label={t("main")}>
            <NavLink page="tasks" icon="list" text={t("tasks")} />
            <NavLink page="new" icon="plus" text={t("new")} />
            {admin && <NavLink page="ops" icon="pulse" text={t("ops")} />}
          </nav>
          <div class="header-tools">
            <Who />
            <LanguageButton />
            <ThemeButton />
            <Button kind="quiet" icon="keyboard" label={t("help")} onClick={() => setHelping(true)} />
            <Button kind="quiet" icon="signOut" label={t("signOut")} onClick={() => signOut()} />
          </div>
        </div>
      </header>
      <main class="main" ref={main} tabIndex={-1}>
        {children}
      </main>
      {helping && <Help onClose={() => setHelping(false)} />}
    </>
  );
}

function NavLink({ page, icon, text }: { page: string; icon: IconName; text: string }): JSX.Element {
  const here = route.value.page === page;
  return (
    <a class="nav-link" href={href(page)} aria-current={here ? "page" : undefined}>
      <Icon name={icon} /> <span>{text}</span>
    </a>
  );
}

function Who(): JSX.Element | null {
  const who = me.value;
  if (!who) return null;
  return (
    <span class="who" title={t("tenant")}>
      <span class="sr-only">{t("tenant")} </span>
      {who.tenant}
      {who.admin && <span class="who-admin">{t("admin")}</span>}
    </span>
  );
}

/** Names the other language, in that language. */
export function LanguageButton(): JSX.Element {
  const other = LANGUAGES.find(({ code }) => code !== language.value) ?? LANGUAGES[0];
  return (
    <button type="button" class="button button-quiet" lang={other?.code} onClick={() => other && speak(other.code)}>
      <Icon name="globe" />
      <span>{other?.name}</span>
    </button>
  );
}

export function ThemeButton(): JSX.Element {
  const icons = { auto: "auto", light: "sun", dark: "moon" } as const;
  const next = THEMES[(THEMES.indexOf(theme.value) + 1) % THEMES.length] ?? "auto";
  const label = t("theme", { name: t(theme.value) });
  return <Button kind="quiet" icon={icons[theme.value]} label={label} onClick={() => setTheme(next)} />;
}
