"""Whether, and how, the children of this process are locked.

Other people's code runs locked or not at all. Where the kernel offers no lock (macOS, old kernels), a person
may still run their own files on their own machine: a command line says so with `trust_local_code`, and
`settle` finds out what really works here, so that it can be told. Where a lock works it is always used.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from arena.garage import lock
from arena.garage.lock import Profile
from arena.garage.verdicts import SandboxUnavailableError

ADVICE: Final = (
    "Use Linux 4.14 or newer on x86_64 or aarch64, or a container on such a machine. For your own files "
    "only, on your own machine, start with ARENA_SANDBOX=local-trusted."
)


@dataclass(frozen=True, slots=True)
class Protection:
    """The profile of the lock, or None and the reason why there is none."""

    profile: Profile | None
    reason: str = ""

    @property
    def sentence(self) -> str:
        """Say in words how entrant code is held."""
        if self.profile is Profile.READING:
            return "sandbox: locked (seccomp and Landlock)"
        if self.profile is Profile.STRICT:
            return "sandbox: locked (seccomp; this kernel has no Landlock, so no file can be opened)"
        return (
            f"sandbox: local-trusted, WITHOUT a lock, because {self.reason}. "
            "Run only files that you would run yourself."
        )


_trusting = False
_current: Protection | None = None


def trust_local_code() -> None:
    """Allow children without a lock where there can be none: for people's own files on their own machine."""
    global _trusting
    _trusting = True


def use(protection: Protection | None) -> None:
    """Set what `current` answers; None asks the kernel again."""
    global _current
    _current = protection


def current() -> Protection:
    """Return how the next child is protected. Raises `SandboxUnavailableError`."""
    if _current is not None:
        return _current
    profile = lock.best_profile()
    return Protection(profile) if profile else _without(lock.refusal())


def settle() -> Protection:
    """Start a child to see which lock really holds here, and keep to it. Raises `SandboxUnavailableError`."""
    from arena.garage.child import proves_to_be_locked

    best = lock.best_profile()
    candidates = list(Profile)[list(Profile).index(best) :] if best else []
    reason = lock.refusal()
    for profile in candidates:
        use(Protection(profile))
        try:
            proves_to_be_locked()
        except SandboxUnavailableError as error:
            reason = str(error)
        else:
            return current()
    use(_without(reason))
    return current()


def _without(reason: str) -> Protection:
    if not _trusting:
        raise SandboxUnavailableError(f"Refusing to run entrant code without a lock: {reason}. {ADVICE}")
    return Protection(None, reason)
