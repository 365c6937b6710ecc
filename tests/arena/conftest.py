"""Kernels as tests want them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from arena.garage import protection, seccomp


@pytest.fixture
def same_protection_afterwards(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(protection, "_trusting", False)
    yield
    protection.use(None)


@pytest.fixture
def no_seccomp(monkeypatch: pytest.MonkeyPatch) -> None:
    """A kernel without seccomp filters, as far as one can ask it."""
    monkeypatch.setattr(seccomp, "is_offered", lambda: False)
