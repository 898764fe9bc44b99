/** The page's title in the browser's tab. */
import { useEffect } from "preact/hooks";

export function useTitle(text: string): void {
  useEffect(() => {
    document.title = `${text} · Patchmill`;
  }, [text]);
}
