"""Text of strangers, made safe for a terminal.

An agent's log, a patch or a message can hold any bytes. A terminal would obey the control sequences among them: move
the cursor over what was printed, set the title, answer into the shell's input. Colours (SGR) stay, all else goes.
"""

from __future__ import annotations

import codecs
import re

RESET = "\x1b[0m"
_SGR = re.compile(r"\x1b\[[0-9;:]*m")
_CONTROL = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]?"  # CSI, SGR among them; cut off at the end of the text
    r"|\x1b[\]PX^_][^\x07\x1b\n]*(?:\x07|\x1b\\)?"  # OSC, DCS, SOS, PM, APC with their text
    r"|\x1b[ -/]*[0-~]?"  # the rest that begin with ESC
    r"|\r\n?"
    r"|[\x00-\x08\x0b-\x1f\x7f-\x9f]"
    r"|[\u202a-\u202e\u2066-\u2069]"  # bidirectional overrides: they show code in another order than it runs
)
# What may be the first part of a sequence whose end is still to come.
_UNFINISHED = re.compile(r"(?:\x1b(?:\[[0-?]*[ -/]*|[\]PX^_][^\x07\x1b\n]*\x1b?|[ -/]*)|\r)\Z")
_LONGEST_SEQUENCE = 4096


def clean(text: str, *, colours: bool = True) -> str:
    """The whole text without control sequences; a lone carriage return becomes a line end."""

    def safe(match: re.Match[str]) -> str:
        found = match.group()
        if found[0] == "\r":
            return "\n"
        if found[0] >= "\u202a":
            return f"<U+{ord(found):04X}>"
        return found if colours and _SGR.fullmatch(found) else ""

    return _CONTROL.sub(safe, text)


def clean_line(text: str) -> str:
    """One line of plain text, for a table's cell or a message."""
    return " ".join(clean(text, colours=False).split())


class Cleaner:
    """`clean` for bytes that come in pieces: a piece may end inside a character or a sequence."""

    def __init__(self) -> None:
        self._decode = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self._rest = ""

    def feed(self, data: bytes) -> str:
        text = self._rest + self._decode.decode(data)
        unfinished = _UNFINISHED.search(text[-_LONGEST_SEQUENCE:])
        keep = len(unfinished.group()) if unfinished and len(unfinished.group()) < _LONGEST_SEQUENCE else 0
        self._rest = text[len(text) - keep :]
        return clean(text[: len(text) - keep])

    def end(self) -> str:
        """What was held back, once nothing more comes."""
        text = self._rest + self._decode.decode(b"", final=True)
        self._rest = ""
        return clean(text)
