"""The recipe of an official result, and how a result that was made again compares with it.

A recipe is a JSON document: the conditions and the seed of the race, the settings, the digest of the code,
what computed it, and SHA-256 of what came out. It never holds the code. The settings are left out for those
who may not read the code, the seeds while the race takes entries: with them everybody could try in secret
which of their ideas has luck.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Final

MACHINE: Final = "machine"
TRAINED_HERE: Final = "policy"
_MAX_CHARACTERS: Final = 1_000_000
Json = dict[str, Any]


class RecipeError(ValueError):
    """A document that is no recipe, with what was expected."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """What makes a result, and what came out."""

    submission: str
    race: str
    racer: str
    number: int
    conditions: Json
    """Of the race; see `courses.conditions_of`."""
    race_seed: int | None
    seed: int | None
    """Of the training."""
    model_metadata: Json | None
    hyperparameters: Json | None
    digest: str | None
    """SHA-256 of the code's syntax tree: comments and white space do not change it. None without code."""
    versions: dict[str, str]
    policy_sha256: str | None
    """Of what was trained; None where nothing was."""
    trace_sha256: str
    lap_times_ms: list[int]
    official_ms: int | None
    parent: str | None = None
    """The submission that was trained on, and SHA-256 of its policy."""
    parent_policy_sha256: str | None = None
    driver: str = TRAINED_HERE
    """"policy" for what was trained here, "agent", or "trained" for a policy from elsewhere."""
    upload_sha256: str | None = None
    """Of the file of a policy from elsewhere; its `model_metadata` is {} where the file names its actions."""

    def as_json(self) -> Json:
        """Return the document."""
        return asdict(self)

    @classmethod
    def of_json(cls, document: object) -> Recipe:
        """Read a document; keys that are not known are left alone. Raises `RecipeError`."""
        if not isinstance(document, dict):
            raise RecipeError("Expected a recipe, an object; see /api/v1/submissions/ID/recipe.")
        told: Json = _LATER | document
        missing = [field.name for field in fields(cls) if field.name not in told]
        if missing:
            raise RecipeError(f"Expected a recipe; {', '.join(missing[:5])} is missing. Fetch it again.")
        recipe = cls(**{field.name: told[field.name] for field in fields(cls)})
        for name, kinds in _KINDS.items():
            value = getattr(recipe, name)
            if not isinstance(value, kinds) or isinstance(value, bool):
                raise RecipeError(f"The recipe's {name} cannot be {value!r:.60}. Fetch it again.")
        return recipe

    @classmethod
    def of_text(cls, text: str) -> Recipe:
        """Read the document of a file. Raises `RecipeError`."""
        if len(text) > _MAX_CHARACTERS:
            raise RecipeError(f"A recipe is short; this has {len(text):,} characters.")
        try:
            return cls.of_json(json.loads(text))
        except (json.JSONDecodeError, RecursionError) as error:
            raise RecipeError(f"This is not JSON ({error}). Fetch the recipe again.") from error


# What older recipes do not name.
_LATER: Final[Json] = {
    "parent": None,
    "parent_policy_sha256": None,
    "driver": TRAINED_HERE,
    "upload_sha256": None,
}
_OPTIONAL_NUMBER, _OPTIONAL_OBJECT = (int, type(None)), (dict, type(None))
_OPTIONAL_TEXT = (str, type(None))
_KINDS: Final[dict[str, type | tuple[type, ...]]] = {
    "submission": str,
    "race": str,
    "racer": str,
    "number": int,
    "conditions": dict,
    "race_seed": _OPTIONAL_NUMBER,
    "seed": _OPTIONAL_NUMBER,
    "model_metadata": _OPTIONAL_OBJECT,
    "hyperparameters": _OPTIONAL_OBJECT,
    "digest": _OPTIONAL_TEXT,
    "versions": dict,
    "policy_sha256": _OPTIONAL_TEXT,
    "trace_sha256": str,
    "lap_times_ms": list,
    "official_ms": _OPTIONAL_NUMBER,
    "parent": _OPTIONAL_TEXT,
    "parent_policy_sha256": _OPTIONAL_TEXT,
    "driver": str,
    "upload_sha256": _OPTIONAL_TEXT,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Remade:
    """What came out here. Without weights, drive and laps where it was not worth training."""

    digest: str | None
    seed: int | None
    upload_sha256: str | None = None
    policy_sha256: str | None = None
    trace_sha256: str | None = None
    lap_times_ms: list[int] | None = None
    parent_policy_sha256: str | None = None
    versions: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing, as published and as found here; None for what is not known."""

    name: str
    published: Any
    here: Any

    @property
    def same(self) -> bool | None:
        """Return whether both are equal, None where one of them is not known."""
        return None if self.published is None or self.here is None else self.published == self.here


@dataclass(frozen=True, slots=True)
class Comparison:
    """A recipe beside what came out of it here."""

    results: tuple[Finding, ...]
    versions: tuple[Finding, ...]

    @property
    def same(self) -> bool:
        """Return whether the result is the official one: versions may differ if nothing else does."""
        return all(finding.same for finding in self.results)

    @property
    def different_versions(self) -> tuple[Finding, ...]:
        """Return the versions, the kind of machine among them, that are known to differ."""
        return tuple(finding for finding in self.versions if finding.same is False)

    @property
    def sentence(self) -> str:
        """Say what was found, and what may explain it."""
        if self.same:
            names = [_IN_WORDS[finding.name] for finding in self.results]
            return f"Same: {', '.join(names[:-1])} and {names[-1]}.{self._although()}"
        wrong = [finding.name for finding in self.results if finding.same is False]
        return f"Not the same: {', '.join(wrong)} {'differs' if len(wrong) == 1 else 'differ'}. {self._why()}"

    def as_json(self) -> Json:
        """Return the whole comparison."""
        return {
            "same": self.same,
            "message": self.sentence,
            "results": [asdict(finding) | {"same": finding.same} for finding in self.results],
            "versions": [asdict(finding) | {"same": finding.same} for finding in self.versions],
        }

    def _although(self) -> str:
        names = ", ".join(finding.name for finding in self.different_versions)
        return f" That holds although there are differences in: {names}." if names else ""

    def _why(self) -> str:
        found = {finding.name: finding.same for finding in self.results}
        versions = {finding.name for finding in self.different_versions}
        if found.get("file") is False:
            return "This is not the file that was entered, so it was not raced."
        if found.get("code") is False:
            other = " (or another Python than the recipe's reads it in another way)"
            reason = other if "python" in versions else ""
            return f"This is not the code that was entered{reason}, so nothing was trained."
        if found.get("seed") is False:
            return "The settings or the race are not those of the entry, so nothing was trained."
        if software := sorted(versions - {MACHINE}):
            return f"Other versions compute other bits: use the recipe's for {', '.join(software)}."
        if MACHINE in versions:
            return (
                "The versions are the same, the machine is of another kind: there the last bits may differ."
            )
        if found["laps"]:
            return (
                "The laps and the versions are the same. A different type of processor may differ in the "
                "last bits; verify on the arena's type to be sure."
            )
        return (
            "The versions are the same. A different type of processor may differ in the last bits, and a lap "
            "can follow from them; verify on the arena's type. If it differs there, tell an organiser."
        )


# What there is to compare, by who drives.
_CONCERNED: Final = {
    TRAINED_HERE: ("code", "seed", "parent", "weights", "drive", "laps"),
    "agent": ("code", "seed", "drive", "laps"),
    "trained": ("file", "drive", "laps"),
}
_IN_WORDS: Final = {
    "code": "the code",
    "seed": "the seed",
    "file": "the policy's file",
    "parent": "the entry before it",
    "weights": "the weights",
    "drive": "the drive",
    "laps": "every lap",
}


def compare(recipe: Recipe, remade: Remade) -> Comparison:
    """Hold what came out here against what was published."""
    findings = {
        "code": Finding("code", recipe.digest, remade.digest),
        "seed": Finding("seed", recipe.seed, remade.seed),
        "file": Finding("file", recipe.upload_sha256, remade.upload_sha256),
        "parent": Finding("parent", recipe.parent_policy_sha256, remade.parent_policy_sha256),
        "weights": Finding("weights", recipe.policy_sha256, remade.policy_sha256),
        "drive": Finding("drive", recipe.trace_sha256, remade.trace_sha256),
        "laps": Finding("laps", recipe.lap_times_ms, remade.lap_times_ms),
    }
    concerned = _CONCERNED.get(recipe.driver, _CONCERNED[TRAINED_HERE])
    results = tuple(findings[name] for name in concerned if name != "parent" or recipe.parent)
    return Comparison(results, compare_versions(recipe.versions, remade.versions))


def compare_versions(published: Mapping[str, str], here: Mapping[str, str]) -> tuple[Finding, ...]:
    """Hold versions against each other; what one side does not name is not known."""
    names = [*published, *(name for name in here if name not in published)]
    return tuple(Finding(name, published.get(name), here.get(name)) for name in names)
