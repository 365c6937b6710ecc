"""The demo season: five races on three tracks in which the starter kits' cars train and race for real.

`prepare` fills an empty database once; on later starts it keeps the data and only gives the two demo
accounts new passwords, because the old ones were printed once and are stored nowhere.
"""

import secrets
from datetime import UTC, datetime, timedelta

from rich.console import Console
from rich.panel import Panel
from sqlalchemy.orm import Session

import starter_kits
from arena import house
from arena.league import accounts, db, seasons
from arena.league.models import Racer
from arena.league.plans import RacePlan
from arena.league.states import Direction, RaceType, Role, Timing
from arena.settings import ArenaSettings
from simulator import tracks

SEASON = "demo-season"
SEASON_DAYS = 30
BOXES = "0.3,inner;0.7,outer"
# The kits that drive the races with more to them: a small field, so that the season is soon driven.
SMALL_FIELD = ("follow_the_road", "make_progress")
# The kit for races with obstacles is the house car's there.
KITS = tuple(kit for kit in starter_kits.kits() if kit.name != house.KIT_AMONG_OBSTACLES)
# The kit that drives without training where a race takes agents.
AGENT = "pure_pursuit"
DEMO_ACCOUNTS = (("olga", "Olga Organiser", Role.ORGANISER), ("ann", "Ann Racer", Role.RACER))


def prepare(address: str) -> None:
    """Fill the database where it is empty, and print how to sign in."""
    engine = db.connect(ArenaSettings.from_environment().database_url)
    db.upgrade(engine)
    passwords = {handle: secrets.token_urlsafe(9) for handle, _, _ in DEMO_ACCOUNTS}
    now = datetime.now(UTC)
    with db.transaction(engine) as session:
        for handle, name, role in DEMO_ACCOUNTS:
            accounts.ensure_account(
                session, handle=handle, name=name, role=role, password=passwords[handle], now=now
            )
        if seasons.find_season(session, SEASON) is None:
            fill(session, now)
    engine.dispose()
    print_welcome(address, passwords)


def fill(session: Session, now: datetime) -> None:
    """Open the season with its races and enter the house car and every kit's car, race by race."""
    organiser = accounts.find_racer(session, DEMO_ACCOUNTS[0][0])
    assert organiser is not None
    season = seasons.open_season(
        session,
        slug=SEASON,
        title="Demo Season",
        opens_at=now,
        closes_at=now + timedelta(days=SEASON_DAYS),
        by=organiser,
        now=now,
    )
    cars = [create_driver(session, kit, now) for kit in KITS]
    agent = create_driver(session, starter_kits.load_agent(AGENT), now)
    team = accounts.create_team(session, cars[0], name="Starter kits", now=now)
    for racer in (*cars[1:], agent):
        accounts.join_team(session, racer, team.invite_code, now)
    for plan in plans():
        race = seasons.open_race(session, season, plan, by=organiser, now=now)
        house.enter(session, race, now)
        if plan.takes_agents:
            house.enter_agent(session, race, agent, starter_kits.load_agent(AGENT), now)
        for kit, racer in zip(KITS, cars, strict=True):
            if is_plain(plan) or kit.name in SMALL_FIELD:
                house.enter_kit(session, race, racer, kit, now)


def plans() -> list[RacePlan]:
    """Return the races in the order in which they are driven: first those that everybody understands."""
    easiest, middle, hardest = chosen_tracks()
    return [
        RacePlan(
            slug="first-laps",
            title="First Laps",
            track=easiest,
            timing=Timing.BEST_LAP,
            takes_agents=True,
            takes_policies=True,
        ),
        RacePlan(slug="midfield-cup", title="Midfield Cup", track=middle),
        RacePlan(
            slug="hairpin-masters",
            title="Hairpin Masters",
            track=hardest,
            timing=Timing.AVERAGE,
            average_laps=2,
        ),
        RacePlan(
            slug="box-slalom",
            title="Box Slalom",
            track=easiest,
            race_type=RaceType.OBJECT_AVOIDANCE,
            obstacles=BOXES,
            training_steps=300_000,
        ),
        RacePlan(
            slug="the-other-way",
            title="The Other Way",
            track=middle,
            timing=Timing.BEST_LAP,
            direction=Direction.REVERSED,
            training_steps=300_000,
        ),
    ]


def is_plain(plan: RacePlan) -> bool:
    """Return whether a race is a time trial the usual way round."""
    return plan.race_type is RaceType.TIME_TRIAL and plan.direction is Direction.FORWARD


def chosen_tracks() -> list[str]:
    """Return the easiest, the middle and the hardest of the shipped tracks."""
    by_difficulty = sorted(tracks.names(), key=lambda name: tracks.describe(name).difficulty)
    return [by_difficulty[0], by_difficulty[len(by_difficulty) // 2], by_difficulty[-1]]


def create_driver(session: Session, kit: starter_kits.Kit | starter_kits.AgentKit, now: datetime) -> Racer:
    """Create the account, without a password, under which a kit's car races."""
    return accounts.create_racer(
        session,
        handle=kit.name.replace("_", "-"),
        name=kit.name.replace("_", " ").capitalize(),
        password=None,
        now=now,
    )


def print_welcome(address: str, passwords: dict[str, str]) -> None:
    """Print the address and the two generated passwords; they are stored nowhere else."""
    lines = [f"Open  [bold]{address}[/]  — the first laps appear by themselves within a minute.", ""]
    for handle, name, role in DEMO_ACCOUNTS:
        lines.append(
            f"Sign in as [bold]{handle}[/] ({name}, {role.value}), password [bold]{passwords[handle]}[/]"
        )
    lines += ["", "The passwords are new at each start. Ctrl-C stops the arena; its data stays."]
    Console().print(Panel("\n".join(lines), title="Apex Arena demo", expand=False))
