"""The league: who races and what counts. Every table and every state change of the arena is here.

Verbs are plain functions that take a `Session` first and the time as `now`; each writes its event in the same
transaction as its change, and the caller commits (`with db.transaction(engine) as session:`).

    accounts      racers, teams, API tokens            seasons    seasons and races, opened and closed
    submissions   entering a race, the way to a result jobs       the lease table that workers claim from
    results       recording trials, laps, standings    standings  the boards, ranks and points
    badges        six awards by rule                   events     the log of everything that happened
    scoring       pure: laps -> official time          artifacts  policies and traces as files
    errors        what is refused, and why             db, models, migrations   the tables

A submission goes queued -> claimed -> training -> racing -> recorded. It leaves that path as rejected (the
entrant's fault, with the reason), stalled (ours, after three faults) or cancelled. A worker that dies sends
it back to queued. No physics and no Flask in this room; it does not know the garage.
"""
