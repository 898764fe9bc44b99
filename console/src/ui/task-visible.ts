/** Text that an agent or a user wrote, made safe to look at: what would hide or reorder it is shown as a mark. Pure. */

/** Direction overrides and isolates, marks, zero-width space, word joiner, BOM, soft hyphen, tag characters, line separators. */
const HIDDEN = /[\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]|[\u{e0000}-\u{e007f}]/gu;
// eslint-disable-next-line no-control-regex
const CONTROL = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g;
// eslint-disable-next-line no-control-regex
const ANY = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]|\udb40[\udc00-\udc7f]/;
const MARKS = /(⟨(?:U\+[0-9A-F]{4,5}|\^[@-_?])⟩)/;

const name = (character: string): string =>
  `⟨U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")}⟩`;

/** A control character becomes ⟨^[⟩ as terminals write it, everything else that can't be seen its number: ⟨U+202E⟩. Tab and newline stay. */
export function visible(text: string): string {
  if (!ANY.test(text)) return text;
  return text
    .replace(CONTROL, (c) => {
      const code = c.charCodeAt(0);
      return code < 0x80 ? `⟨^${String.fromCharCode(code ^ 0x40)}⟩` : name(c);
    })
    .replace(HIDDEN, name);
}

/** The text in pieces, and whether a piece is such a mark: marks get a colour of their own. */
export function pieces(shown: string): { text: string; mark: boolean }[] {
  return shown
    .split(MARKS)
    .map((text, index) => ({ text, mark: index % 2 === 1 }))
    .filter((piece) => piece.text !== "");
}
