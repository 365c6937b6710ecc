"""Reading a form: each field's text is kept as typed, each fault is a sentence beside its field.

A `Form` collects faults instead of stopping at the first, so a page can be shown again with everything that
was typed and all that is wrong with it. `fields.x("name", ...)` returns a usable value even when it is at
fault; look at `faults` before using it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

SLUG = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?")
SLUG_LENGTH = 60
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(slots=True)
class Form:
    """The typed values of one form and what is wrong with them."""

    values: Mapping[str, str]
    zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("UTC"))
    faults: dict[str, str] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Whether no field is at fault."""
        return not self.faults

    def typed(self, name: str, default: object = "") -> str:
        """Return what was typed into a field, without NUL, which PostgreSQL cannot compare with."""
        return self.values.get(name, str(default)).replace("\0", "")

    def fault(self, name: str, sentence: str) -> None:
        """Note what is wrong with a field; the first fault stays."""
        self.faults.setdefault(name, sentence)

    def text(self, name: str, *, longest: int, label: str, required: bool = True) -> str:
        """Read a text without surrounding blanks."""
        found = self.values.get(name, "").strip()
        if required and not found:
            self.fault(name, f"{label} is missing.")
        elif len(found) > longest:
            self.fault(name, f"{label} may have {longest} characters, this has {len(found)}.")
        elif any(ord(character) < 32 for character in found):
            self.fault(name, f"{label} must be one line of text.")
        return found

    def slug(self, name: str, *, label: str, title: str = "title") -> str:
        """Read the name that stands in an address; left empty, it is made from the title."""
        proposal = slug_of(self.values.get(title, ""))
        if proposal and not self.values.get(name, "").strip():
            self.values = {**self.values, name: proposal}
        found = self.text(name, longest=SLUG_LENGTH, label=label)
        if found and not SLUG.fullmatch(found):
            self.fault(name, f"{label} may have small letters, digits and hyphens, like winter-2027.")
        return found

    def integer(self, name: str, *, label: str, low: int, high: int) -> int:
        """Read a whole number within a range; thousands may be grouped."""
        raw = self.values.get(name, "").strip()
        try:
            number = int(re.sub(r"[,_ ]", "", raw))
        except ValueError:
            self.fault(name, f"{label} must be a whole number from {low:,} to {high:,}.")
            return low
        if not low <= number <= high:
            self.fault(name, f"{label} must lie between {low:,} and {high:,}, this is {number:,}.")
            return low
        return number

    def seconds_as_ms(self, name: str, *, label: str, high_s: float) -> int:
        """Read a number of seconds, return integer milliseconds."""
        raw = self.values.get(name, "").strip().replace(",", ".")
        if not re.fullmatch(r"\d{1,6}(\.\d{1,3})?", raw) or float(raw) > high_s:
            self.fault(name, f"{label} must be a number of seconds from 0 to {high_s:g}, like 2 or 2.5.")
            return 0
        return round(float(raw) * 1000)

    def decimal(self, name: str, *, label: str, low: float, high: float) -> float:
        """Read a number within a range; a comma is a point."""
        raw = self.values.get(name, "").strip().replace(",", ".")
        if not re.fullmatch(r"\d{1,6}(\.\d{1,6})?", raw) or not low <= float(raw) <= high:
            self.fault(name, f"{label} must be a number from {low:g} to {high:g}, like {low:g}.")
            return low
        return float(raw)

    def choice(self, name: str, allowed: Sequence[str], *, label: str, default: str = "") -> str:
        """Read one of the allowed values; a form that does not have the field at all means `default`."""
        found = self.values.get(name, default)
        if found not in allowed:
            self.fault(name, f"{label}: choose one of {', '.join(allowed)}.")
            return allowed[0] if allowed else ""
        return found

    def moment(self, name: str, *, label: str) -> datetime:
        """Read a datetime-local field as a moment of the form's zone; return it in UTC."""
        raw = self.values.get(name, "").strip()
        try:
            return datetime.fromisoformat(raw).replace(tzinfo=self.zone).astimezone(UTC)
        except (ValueError, OverflowError):
            self.fault(name, f"{label} must be a date and a time, like 2027-01-31 09:00.")
            return _EPOCH

    def checked(self, name: str) -> bool:
        """Whether a checkbox is ticked."""
        return self.values.get(name, "") not in ("", "off", "0")


def slug_of(title: str) -> str:
    """Return a name for addresses made from a title, "" where nothing of it fits; as web/src/slug.ts does."""
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:SLUG_LENGTH].rstrip("-")
