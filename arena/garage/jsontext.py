"""Reading an entrant's JSON: every refusal says where, what was expected, what came and what to do."""

from __future__ import annotations

import difflib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from arena.garage.sources import kind_of
from arena.garage.verdicts import EntrantFault, Verdict

MAX_SETTINGS_CHARACTERS: Final = 100_000
_LONGEST_CHARACTER_BYTES: Final = 4


def settings_fault(message: str, line: int | None = None) -> EntrantFault:
    return EntrantFault(Verdict.SETTINGS, message, line=line)


def decode_settings(data: bytes, file: str) -> str:
    """Return the text of a settings file; raise `EntrantFault` (SETTINGS) when it is none."""
    wanted = f"Expected {file} itself, JSON saved as UTF-8."
    if name := kind_of(data):
        raise settings_fault(f"{file} is {name}. {wanted}")
    if len(data) > _LONGEST_CHARACTER_BYTES * MAX_SETTINGS_CHARACTERS:
        raise settings_fault(
            f"{file} has {len(data) / 1e6:,.1f} MB; at most {MAX_SETTINGS_CHARACTERS:,} characters are "
            "accepted. Only the settings belong in it."
        )
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise settings_fault(
            f"{file} holds a byte (0x{data[error.start]:02x}) that is not valid UTF-8. {wanted}", line
        ) from None
    if not text.strip():
        raise settings_fault(f"{file} is empty. {wanted} To go without, leave it out.")
    return text


def read_json(text: str, file: str) -> object:
    """Parse `text`; raise `EntrantFault` (SETTINGS) with line and column when it is not JSON."""
    if len(text) > MAX_SETTINGS_CHARACTERS:
        raise settings_fault(
            f"{file} has {len(text):,} characters; at most {MAX_SETTINGS_CHARACTERS:,} are accepted. "
            "Only the settings belong in it."
        )
    try:
        return json.loads(text.removeprefix("\ufeff"), parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        message = (
            f"{file} is not valid JSON: {error.msg} in line {error.lineno}, column {error.colno}. "
            "JSON wants double quotes around names, commas between entries and none after the last."
        )
        raise settings_fault(message, error.lineno) from None
    except (RecursionError, ValueError) as error:
        raise settings_fault(f"{file} is not usable JSON: {error}.") from None


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is not a JSON number; write a finite one")


@dataclass(frozen=True, slots=True)
class Interval:
    """An allowed range, both ends included, with the unit for the message."""

    low: float
    high: float
    unit: str = ""

    def __str__(self) -> str:
        unit = f" {self.unit}" if self.unit else ""
        return f"{self.low:g} to {self.high:g}{unit}"

    def number(self, value: object, key: str) -> float:
        """Return `value` as a float; raise `EntrantFault` when it is no number or outside."""
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise settings_fault(f"{key}: expected a number from {self}, got {shown(value)}.")
        try:
            number = float(value)
        except OverflowError:  # JSON knows whole numbers of any length
            number = math.inf
        if not math.isfinite(number):
            raise settings_fault(f"{key}: expected a finite number from {self}, got {shown(value)}.")
        if not self.low <= number <= self.high:
            raise settings_fault(f"{key}: {number:g} is outside the allowed range {self}.")
        return number

    def whole(self, value: object, key: str) -> int:
        number = self.number(value, key)
        if number != int(number):
            raise settings_fault(f"{key}: expected a whole number from {self}, got {number:g}.")
        return int(number)


def choice(value: object, key: str, allowed: dict[str, str]) -> str:
    """Return the canonical name of `value`, whose accepted spellings are the keys of `allowed`."""
    if isinstance(value, str) and value.strip().lower() in allowed:
        return allowed[value.strip().lower()]
    names = ", ".join(dict.fromkeys(allowed.values()))
    raise settings_fault(f"{key}: expected one of {names}, got {shown(value)}.")


def shown(value: object) -> str:
    """Name a JSON value briefly, in the words of JSON."""
    if value is None:
        return "null"
    text = json.dumps(value)
    text = text if len(text) <= 40 else text[:37] + "..."
    kinds = {bool: "", int: "", float: "", str: "the text ", list: "the list ", dict: "the object "}
    return kinds[type(value)] + text


MOST_WARNINGS: Final = 10


def unknown_keys(document: Mapping[str, object], known: tuple[str, ...], file: str) -> tuple[str, ...]:
    """Return a warning for each key that is not known, at most ten."""
    warnings: list[str] = []
    for key in document:
        if len(warnings) == MOST_WARNINGS:  # looking for near names takes long, and a file may have thousands
            break
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1)
            hint = f" Did you mean {near[0]}?" if near else ""
            warnings.append(f"{file}: the key {key[:40]} is not known and has no effect.{hint}")
    return tuple(warnings)
