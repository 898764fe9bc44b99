/**
 * Colours code, beside the page: hostile code may make a grammar slow, and here it can be ended.
 *
 * In: {id, language, texts}. Out: {id, texts}: for each line of each text pairs of a length and a class, "" for none.
 */
import { createLowlight } from "lowlight";
import { GRAMMARS, type Language } from "./languages";

export interface Job {
  id: number;
  language: Language;
  texts: string[];
}
export type Tokens = (number | string)[];
export interface Done {
  id: number;
  texts: Tokens[][];
}

interface Node {
  type: string;
  value?: string;
  properties?: { className?: unknown };
  children?: Node[];
}

const low = createLowlight();
const loading = new Map<Language, Promise<void>>();

self.addEventListener("message", (event: MessageEvent<Job>) => void answer(event.data));

async function answer({ id, language, texts }: Job): Promise<void> {
  let found: Tokens[][] = [];
  try {
    await grammar(language);
    found = texts.map((text) => flat(low.highlight(language, text, { prefix: "" }) as unknown as Node));
  } catch {
    // A grammar that stumbles leaves the code as it is.
  }
  self.postMessage({ id, texts: found } satisfies Done);
}

function grammar(language: Language): Promise<void> {
  let known = loading.get(language);
  if (!known) {
    known = GRAMMARS[language]().then((module) => low.register({ [language]: module.default }));
    loading.set(language, known);
  }
  return known;
}

function flat(root: Node): Tokens[] {
  const lines: Tokens[] = [[]];
  const walk = (node: Node, css: string): void => {
    if (node.value === undefined) {
      const own = Array.isArray(node.properties?.className) ? String(node.properties.className[0]) : css;
      for (const child of node.children ?? []) walk(child, own);
      return;
    }
    node.value.split("\n").forEach((text, index) => {
      if (index > 0) lines.push([]);
      if (text !== "") lines[lines.length - 1]?.push(text.length, css);
    });
  };
  walk(root, "");
  return lines;
}
