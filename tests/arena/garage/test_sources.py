"""Uploads are turned into text, or refused in words that say what they are."""

from __future__ import annotations

import contextlib
import io
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arena.garage.sandbox import decode_source
from arena.garage.verdicts import EntrantFault, Verdict

SOURCE = "def reward_function(params):\n\treturn 1.0  # précis\n"


def zip_archive() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("reward_function.py", SOURCE)
    return buffer.getvalue()


@pytest.mark.parametrize(
    "data",
    [
        SOURCE.encode(),
        b"\xef\xbb\xbf" + SOURCE.encode(),
        SOURCE.replace("\n", "\r\n").encode(),
        b"# -*- coding: latin-1 -*-\n" + SOURCE.encode("latin-1"),
    ],
    ids=["utf-8", "byte order mark", "CRLF", "latin-1 declared"],
)
def test_what_python_accepts_is_accepted(data: bytes) -> None:
    text = decode_source(data)
    names: dict[str, object] = {}
    exec(compile(text, "x", "exec"), names)
    assert "reward_function" in names
    assert "précis" in text


@pytest.mark.parametrize(
    ("data", "verdict", "words", "line"),
    [
        (b"", Verdict.EMPTY, "empty", None),
        (b" \n\t\n", Verdict.EMPTY, "empty", None),
        (b"\xef\xbb\xbf", Verdict.EMPTY, "empty", None),
        (b"#" * 20_000_000, Verdict.TOO_LARGE, "20.0 MB", None),
        (b"#" * 140_001, Verdict.TOO_LARGE, "140,001 characters", None),
        (zip_archive(), Verdict.ENCODING, "zip archive", None),
        (b"\x1f\x8b\x08rest", Verdict.ENCODING, "gzip", None),
        (b"a = 1\nb = '\xff'\n", Verdict.ENCODING, "Line 2", 2),
        (b"a = 1\n\n\nb = '\xff'\n", Verdict.ENCODING, "Line 4", 4),
        (b"a = 1\x00\n", Verdict.ENCODING, "zero byte", 1),
        (SOURCE.encode("utf-16"), Verdict.ENCODING, "UTF-16", None),
        (b"# coding: klingon\n", Verdict.ENCODING, "encoding", 1),
        (b"# coding: utf-7\n", Verdict.ENCODING, "utf-7", 1),
    ],
)
def test_other_uploads_are_named(data: bytes, verdict: Verdict, words: str, line: int | None) -> None:
    with pytest.raises(EntrantFault) as caught:
        decode_source(data)
    assert (caught.value.verdict, caught.value.line) == (verdict, line)
    assert words in caught.value.message


def test_the_longest_allowed_file_passes() -> None:
    assert len(decode_source(b"#" * 140_000)) == 140_000


@given(st.binary(max_size=400))
def test_any_bytes_give_text_or_a_fault(data: bytes) -> None:
    with contextlib.suppress(EntrantFault):
        assert decode_source(data).strip()
