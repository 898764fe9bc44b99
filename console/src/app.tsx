/** Signed in or not, and which page. */
import { effect } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { api, ApiError } from "./api";
import { locale } from "./i18n";
import { Lazy } from "./lazy";
import { NewPage } from "./pages/new";
import { SignIn } from "./pages/signin";
import { TasksPage } from "./pages/tasks";
import { href, route } from "./router";
import { key, me, signedIn } from "./session";
import { Shell } from "./shell";
import { t } from "./texts";
import { Button, Dialogs, Empty, LinkButton, Loading, Notice, sentence, Toasts } from "./ui";

effect(() => {
  document.documentElement.lang = locale();
});

const task = () => import("./pages/task");
const ops = () => import("./pages/ops");

export function App(): JSX.Element {
  return (
    <>
      {signedIn.value ? (
        <Shell>
          <Page />
        </Shell>
      ) : key.value === null ? (
        <SignIn />
      ) : (
        <Resume key={key.value} withKey={key.value} />
      )}
      <Dialogs />
      <Toasts />
    </>
  );
}

function Page(): JSX.Element {
  const { page, id } = route.value;
  if (page === "tasks" && id !== null) return <Lazy key={id} load={task} props={{ id }} />;
  if (page === "tasks") return <TasksPage />;
  if (page === "new") return <NewPage />;
  if (page === "ops") {
    if (!me.value?.admin) return <Empty alone icon="key" title={t("onlyAdmin")} />;
    return <Lazy key="ops" load={ops} props={{}} />;
  }
  return (
    <Empty alone icon="box" title={t("noPage")}>
      <p>{t("noPageBody")}</p>
      <LinkButton href={href("tasks")}>{t("toTasks")}</LinkButton>
    </Empty>
  );
}

/** A key from before the page was loaded again: the server says whose it is. */
function Resume({ withKey }: { withKey: string }): JSX.Element {
  const [error, setError] = useState<ApiError | null>(null);
  const [round, setRound] = useState(0);
  useEffect(() => {
    const abort = new AbortController();
    setError(null);
    api.me(withKey, abort.signal).then(
      (who) => (me.value = who),
      (caught: unknown) => !abort.signal.aborted && setError(caught as ApiError),
    );
    return () => abort.abort();
  }, [withKey, round]);
  return (
    <main class="lonely">
      {error ? (
        <Notice kind="error">
          {sentence(error)} <Button onClick={() => setRound(round + 1)}>{t("reload")}</Button>
        </Notice>
      ) : (
        <Loading />
      )}
    </main>
  );
}
