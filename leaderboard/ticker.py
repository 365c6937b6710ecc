"""The ticker's sentences: what people read of an event. Everything that people typed is escaped."""

from __future__ import annotations

from flask import url_for
from markupsafe import Markup

from leaderboard.queries import TickerItem
from leaderboard.words import lap_time


def sentence(item: TickerItem) -> Markup:
    """Say in one sentence what happened, with links to the racer and the race."""
    who, where, payload = _who(item), _where(item), item.payload
    match item.name:
        case "standing.changed":
            place = Markup("is on place {} with").format(payload["rank"]) if payload.get("rank") else "drove"
            return Markup("{} {} {} in {}.").format(who, place, lap_time(payload.get("official_ms")), where)
        case "badge.awarded":
            return Markup("{} earned the badge “{}”.").format(who, payload.get("title", payload.get("badge")))
        case "racer.joined":
            return Markup("{} has joined.").format(who)
        case "race.opened":
            return Markup("{} is open.").format(where)
        case "race.closed":
            return Markup("The results of {} are final.").format(where)
        case _:
            return Markup("The season has {}.").format("opened" if item.name == "season.opened" else "ended")


def _who(item: TickerItem) -> Markup:
    if item.racer is None:
        return Markup("Somebody")
    link = url_for("people.racer", handle=item.racer)
    return Markup('<a href="{}"><strong>{}</strong></a>').format(link, item.racer_name)


def _where(item: TickerItem) -> Markup:
    if item.race is None:
        return Markup("a race")
    link = url_for("pages.race", slug=item.race)
    return Markup('<a href="{}">{}</a>').format(link, item.race_title)
