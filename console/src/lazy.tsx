/** A page that is loaded when it is first shown. */
import type { ComponentType, JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { t } from "./texts";
import { Button, Loading, Notice } from "./ui";

interface Props<P> {
  load: () => Promise<{ default: ComponentType<P> }>;
  props: P;
}

export function Lazy<P extends object>({ load, props }: Props<P>): JSX.Element {
  const [Page, setPage] = useState<ComponentType<P> | null>(null);
  const [failed, setFailed] = useState(false);
  useEffect(() => {
    let gone = false;
    load().then(
      (module) => !gone && setPage(() => module.default),
      () => !gone && setFailed(true),
    );
    return () => void (gone = true);
  }, [load]);
  if (Page) return <Page {...props} />;
  if (!failed) return <Loading />;
  return (
    <Notice kind="error">
      {t("chunkFailed")} <Button onClick={() => location.reload()}>{t("reload")}</Button>
    </Notice>
  );
}
