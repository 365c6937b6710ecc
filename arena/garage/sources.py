"""From uploaded bytes to the text of a reward function or an agent.

Pure and cheap: this is all that the web process ever does with entrant code (it neither parses nor compiles
nor runs it). Everything that Python itself accepts is accepted: byte order marks, CRLF, tabs and an encoding
line of the common kinds.
"""

from __future__ import annotations

import codecs
import io
import tokenize
from typing import Final

from arena.garage.verdicts import EntrantFault, Verdict

MAX_SOURCE_CHARACTERS: Final = (
    140_000  # the limit of the AWS validator; the largest public racing line has 62 kB
)

_LONGEST_CHARACTER_BYTES: Final = 4
_ENCODINGS: Final = frozenset(
    {"utf-8", "utf-8-sig", "ascii", "iso-8859-1", "iso8859-1", "iso8859-15", "cp1252"}
)
_MAGIC: Final = (
    (b"PK\x03\x04", "a zip archive"),
    (b"PK\x05\x06", "an empty zip archive"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
    (b"Rar!", "a RAR archive"),
    (b"BZh", "a bzip2 archive"),
    (b"\xfd7zXZ", "an xz archive"),
    (b"%PDF", "a PDF document"),
    (b"\x89PNG", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"\x7fELF", "a program"),
    (b"\xd0\xcf\x11\xe0", "an Office document"),
    (b"\x93NUMPY", "a NumPy array"),
)


def decode_source(data: bytes) -> str:
    """Return the text of an uploaded `reward_function.py` or `agent.py`.

    Raises `EntrantFault` with EMPTY, TOO_LARGE or ENCODING.
    """
    _refuse_other_files(data)
    if len(data) > MAX_SOURCE_CHARACTERS * _LONGEST_CHARACTER_BYTES:
        raise _too_large(f"{len(data) / 1e6:,.1f} MB")
    text = _decode(data, _encoding_of(data))
    if len(text) > MAX_SOURCE_CHARACTERS:
        raise _too_large(f"{len(text):,} characters")
    if "\0" in text:
        line = text[: text.index("\0")].count("\n") + 1
        raise _encoding(
            "The file holds a zero byte, which no Python source has. Save it as plain UTF-8 text.", line
        )
    if not text.strip():
        raise EntrantFault(
            Verdict.EMPTY,
            "The file is empty. Expected Python source with def reward_function(params), or class Agent.",
        )
    return text


def kind_of(data: bytes) -> str | None:
    """Return what the first bytes say that a file is ("a zip archive"), or None for what may be text."""
    return next((name for magic, name in _MAGIC if data.startswith(magic)), None)


def _refuse_other_files(data: bytes) -> None:
    if name := kind_of(data):
        raise _encoding(f"This is {name}, not Python source. Upload the .py file itself.")
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise _encoding("The file is saved as UTF-16. Save it as UTF-8 and send it again.")


def _encoding_of(data: bytes) -> str:
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
    except SyntaxError as error:
        first_lines = b"\n".join(data.splitlines()[:2])
        _decode(first_lines, "utf-8")  # names the line of a stray byte, if that is the trouble
        raise _encoding(
            f"The encoding line is not understood ({error.msg}). Save the file as UTF-8.", 1
        ) from None
    if encoding.lower() not in _ENCODINGS:
        raise _encoding(
            f"The file declares the encoding {encoding!r}. Save it as UTF-8 and send it again.", 1
        )
    return encoding


def _decode(data: bytes, encoding: str) -> str:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        message = (
            f"Line {line} holds a byte (0x{data[error.start]:02x}) that is not valid {encoding}. "
            "Save the file as UTF-8 and send it again."
        )
        raise _encoding(message, line) from None


def _encoding(message: str, line: int | None = None) -> EntrantFault:
    return EntrantFault(Verdict.ENCODING, message, line=line)


def _too_large(size: str) -> EntrantFault:
    return EntrantFault(
        Verdict.TOO_LARGE,
        f"The file has {size}; at most {MAX_SOURCE_CHARACTERS:,} characters are accepted. "
        "Shorten it, for example by rounding the numbers of a racing line.",
    )
