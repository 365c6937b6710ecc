"""How entrant code is held on this machine, said in words."""

from __future__ import annotations

from arena.options import messages


def hold_own_files() -> None:
    """Allow a person's own files to run on their own machine even where there is no lock, and say how they
    are held.
    """
    from arena.garage import protection

    protection.trust_local_code()
    held = protection.settle()
    messages.print(held.sentence, style="dim" if held.profile else "yellow", markup=False)
