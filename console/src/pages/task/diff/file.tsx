/** One file of a diff: its head, and its lines in blocks of which only those in view are in the page. */
import type { JSX } from "preact";
import { useEffect, useMemo, useRef } from "preact/hooks";
import { Button, bytes, CopyButton, Icon, number } from "../../../ui";
import { Written } from "../../../ui/task-text";
import { visible } from "../../../ui/task-visible";
import { colour, tokensOf } from "./colour";
import { languageOf, type Language } from "./languages";
import { DiffLine } from "./line";
import { pairs, parse, type FileDiff, type Line, type Parsed } from "./model";
import { useNear } from "./near";
import { t } from "./texts";

const ROW_PX = 20;
const BLOCK = 40;

interface Props {
  patch: string;
  file: FileDiff;
  split: boolean;
  open: boolean;
  onToggle: (open: boolean) => void;
}

export function File({ patch, file, split, open, onToggle }: Props): JSX.Element {
  return (
    <section class="d-file" id={`d-file-${file.index}`}>
      <header class="d-head">
        <h3 class="d-title">
          <button type="button" class="d-toggle" aria-expanded={open} onClick={() => onToggle(!open)}>
            <Icon name={open ? "chevronDown" : "chevronRight"} size={16} />
            <Path path={file.path} />
          </button>
        </h3>
        <CopyButton text={file.path} label={t("copyName")} />
        {file.kind !== "modified" && <span class={`d-kind d-kind-${file.kind}`}>{t(file.kind)}</span>}
        {file.oldPath !== null && (
          <span class="d-from">
            <Written text={t("from", { path: file.oldPath })} />
          </span>
        )}
        {file.modes && <span class="d-from mono">{file.modes}</span>}
        <Counts file={file} />
      </header>
      {open && <Body {...{ patch, file, split, onToggle }} />}
    </section>
  );
}

export function Path({ path }: { path: string }): JSX.Element {
  const slash = path.lastIndexOf("/") + 1;
  return (
    <span class="d-path">
      <span class="d-folder">
        <Written text={path.slice(0, slash)} />
      </span>
      <Written text={path.slice(slash)} />
    </span>
  );
}

export function Counts({ file }: { file: Pick<FileDiff, "additions" | "deletions"> }): JSX.Element {
  return (
    <span class="d-counts num">
      {file.additions > 0 && <span class="d-plus">+{number(file.additions)}</span>}
      {file.deletions > 0 && <span class="d-minus">−{number(file.deletions)}</span>}
    </span>
  );
}

function Body({ patch, file, split }: Omit<Props, "open">): JSX.Element {
  const box = useRef<HTMLDivElement>(null);
  const near = useNear(box);
  const parsed = useRef<Parsed | null>(null);
  if (file.binary) return <p class="d-say">{t("binary")}</p>;
  if (file.lines === 0) return <p class="d-say">{t("noLines")}</p>;
  if (near && !parsed.current) parsed.current = parse(patch, file);
  const beside = split && file.kind !== "added" && file.kind !== "deleted";
  return (
    <div class="d-body" ref={box} style={parsed.current ? {} : { height: `${file.lines * ROW_PX}px` }}>
      {parsed.current && (beside ? <Beside parsed={parsed.current} file={file} /> : <Below parsed={parsed.current} file={file} />)}
    </div>
  );
}

interface Lines {
  parsed: Parsed;
  file: FileDiff;
}

function Below({ parsed, file }: Lines): JSX.Element {
  return (
    <div class="d-scroll" role="region" tabIndex={0} aria-label={t("region", { path: visible(file.path) })}>
      <Blocks lines={parsed.lines} side="both" parsed={parsed} file={file} />
    </div>
  );
}

function Beside({ parsed, file }: Lines): JSX.Element {
  const rows = useMemo(() => pairs(parsed.lines), [parsed]);
  const boxes = [useRef<HTMLDivElement>(null), useRef<HTMLDivElement>(null)] as const;
  const sides = [useMemo(() => rows.map((row) => row[0]), [rows]), useMemo(() => rows.map((row) => row[1]), [rows])] as const;
  const path = visible(file.path);
  return (
    <div class="d-beside">
      {sides.map((lines, index) => (
        <div
          key={index}
          ref={boxes[index] ?? null}
          class="d-scroll"
          role="region"
          tabIndex={0}
          aria-label={`${t(index === 0 ? "before" : "after")}: ${path}`}
          onScroll={(event) => {
            const other = boxes[1 - index]?.current;
            if (other) other.scrollLeft = event.currentTarget.scrollLeft;
          }}
        >
          <Blocks lines={lines} side={index === 0 ? "old" : "now"} parsed={parsed} file={file} />
        </div>
      ))}
    </div>
  );
}

interface BlocksProps extends Lines {
  lines: readonly (Line | null)[];
  side: "both" | "old" | "now";
}

function Blocks({ lines, side, parsed, file }: BlocksProps): JSX.Element {
  const language = useMemo(() => languageOf(file.path), [file.path]);
  const starts = Array.from({ length: Math.ceil(lines.length / BLOCK) }, (_, index) => index * BLOCK);
  return (
    <div class="d-lines" style={{ "--columns": `${parsed.columns}` }}>
      {starts.map((start) => (
        <Block key={start} lines={lines.slice(start, start + BLOCK)} {...{ side, parsed, language }} />
      ))}
    </div>
  );
}

interface BlockProps extends Omit<BlocksProps, "file"> {
  language: Language | null;
}

function Block({ lines, side, parsed, language }: BlockProps): JSX.Element {
  const box = useRef<HTMLDivElement>(null);
  const near = useNear(box);
  return (
    <div class="d-block" ref={box} style={{ height: `${lines.length * ROW_PX}px` }}>
      {near && <Drawn {...{ lines, side, parsed, language }} />}
    </div>
  );
}

function Drawn({ lines, side, parsed, language }: BlockProps): JSX.Element {
  const numbers = [...new Set(lines.map((line) => line?.piece ?? -1))];
  const pieces = numbers.flatMap((number) => parsed.pieces[number] ?? []);
  useEffect(() => {
    if (language) colour(pieces, language);
  }, [language, parsed]);
  // Read here, so that it is drawn again when colours have come.
  const coloured = pieces.filter((piece) => piece.coloured.value).length > 0;
  const spoken = { added: t("lineAdded"), deleted: t("lineDeleted") };
  return (
    <>
      {lines.map((line, index) => (
        <DiffLine key={index} {...{ line, side, spoken }} tokens={line && coloured ? tokensOf(line) : undefined} />
      ))}
    </>
  );
}

/** Why a file is folded, in its place. */
export function Folded({ file, onOpen }: { file: FileDiff; onOpen: () => void }): JSX.Element | null {
  if (file.binary) return null;
  const size = bytes(file.end - file.start);
  return (
    <p class="d-say">
      {t("large", { n: file.lines, lines: number(file.lines), size })} <Button small onClick={onOpen}>{t("show")}</Button>
    </p>
  );
}
