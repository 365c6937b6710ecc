"""The storm: submissions are entered while SIGKILL hits the arena's processes and servers at random moments,
then everything that is promised of them is counted.

The same code drives the small storm of the tests and the large one (`make storm`, ARENA_STORM=200).
"""

from __future__ import annotations

import random
import re
import time
import urllib.request
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Engine, func, select

from arena.league import accounts, db, events, results, seasons, submissions
from arena.league.models import Job, Race, Racer, Standing, Submission, TimeBucket, Trial
from arena.league.plans import RacePlan
from arena.league.states import JobState, Role, SubmissionState
from arena.league.submissions import Entry
from tests.faults.site import Site
from tests.services import Server

FINE = "# {n}\ndef reward_function(params):\n    return params['progress'] + 0.001 * {n}\n"
BROKEN = "# {n}\ndef reward_function(params):\n    return params['nope']\n"
RACERS = 8
WORKERS = 2
EVERY_FOURTH_IS_BROKEN = 4
WITHIN_S = 900.0

LETTERS = {
    "submission.queued": "Q",
    "submission.claimed": "C",
    "submission.training": "T",
    "training.progressed": "p",
    "submission.racing": "R",
    "lap.completed": "L",
    "submission.recorded": "D",
    "submission.rejected": "X",
    "submission.requeued": "q",
    "submission.stalled": "S",
}
STORY = re.compile(r"Q(C?(Tp*R?)?S?q)*CTp*(RL*D|R?X)")
"""What may happen to a submission: any number of lost attempts, then one that counts."""


@dataclass(slots=True)
class Report:
    """What a storm did and what was found afterwards."""

    submissions: int
    blows: Counter[str] = field(default_factory=Counter)
    requeued_by_organiser: int = 0
    recorded: int = 0
    rejected: int = 0
    lost_attempts: int = 0
    took_s: float = 0.0
    complaints: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """Return plain values."""
        names = [name for name in self.__slots__ if name != "blows"]
        return {name: getattr(self, name) for name in names} | {"blows": dict(self.blows)}


class Storm:
    """One storm over one site; `servers` are those that are hit, too."""

    def __init__(self, site: Site, count: int, seed: int, servers: dict[str, Server]) -> None:
        self.site, self.count, self.servers = site, count, servers
        self.random = random.Random(seed)
        self.report = Report(count)
        self.engine = db.connect(site.database_url)
        self.entered = 0
        self.race_id = 0

    def blow(self) -> Report:
        """Enter, strike, wait for the end of every submission, and look at what is left."""
        begun = time.monotonic()
        try:
            self._prepare()
            self._rage(begun + WITHIN_S)
            self._look()
        finally:
            self.site.end()
            self.engine.dispose()
        self.report.took_s = round(time.monotonic() - begun, 1)
        return self.report

    def _prepare(self) -> None:
        db.upgrade(self.engine)
        now = datetime.now(UTC)
        with db.transaction(self.engine) as session:
            olga = accounts.create_racer(session, handle="olga", name="Olga", password=None, now=now)
            olga.role = Role.ORGANISER
            for number in range(RACERS):
                accounts.create_racer(session, handle=f"racer-{number}", name="R", password=None, now=now)
            opens, closes = now - timedelta(hours=1), now + timedelta(days=1)
            season = seasons.open_season(
                session, slug="storm", title="Storm", opens_at=opens, closes_at=closes, by=olga, now=now
            )
            plan = RacePlan(slug="storm", title="Storm", track="oval", laps=1, training_steps=10_000, seed=7)
            race = seasons.open_race(session, season, plan, by=olga, now=now)
            race.max_submissions = race.max_queued = self.count
            session.flush()
            self.race_id = race.id
        self.site.build(WORKERS)

    def _rage(self, deadline: float) -> None:
        blows, struck_at = max(len(self._kinds()), self.count // 5), time.monotonic()
        while True:
            self.site.tend()
            ended = self._ended()
            if ended == self.count and sum(self.report.blows.values()) >= blows:
                return
            for _ in range(self.random.randrange(3)):
                self._enter()
            due = ended >= self.count * sum(self.report.blows.values()) / blows
            if due and time.monotonic() - struck_at > self.random.uniform(0.5, 3.0):
                self._strike()
                struck_at = time.monotonic()
            self._send_stalled_round()
            assert time.monotonic() < deadline, f"{ended} of {self.count} have ended: {self._states()}"
            time.sleep(0.25)

    def _enter(self) -> None:
        if self.entered == self.count:
            return
        number = self.entered
        source = (BROKEN if number % EVERY_FOURTH_IS_BROKEN == 3 else FINE).format(n=number)
        now = datetime.now(UTC)
        with db.transaction(self.engine) as session:
            handle = f"racer-{number % RACERS}"
            racer = session.execute(select(Racer).where(Racer.handle == handle)).scalar_one()
            submissions.submit(session, session.get_one(Race, self.race_id), racer, Entry(source), now)
        self.entered += 1

    def _strike(self) -> None:
        """Hit something that runs; every kind of thing is hit before one is hit again."""
        worker = f"worker-{self.random.randrange(WORKERS)}"
        fewest = min(self.report.blows[kind] for kind in self._kinds())
        kind = self.random.choice([kind for kind in self._kinds() if self.report.blows[kind] == fewest])
        match kind:
            case "reward child":
                hit = self.site.kill_below(worker, 3)
            case "pit":
                hit = self.site.kill_below(worker, 1)
            case "worker":
                hit = self.site.kill(worker)
            case "web" | "dispatcher":
                hit = self.site.kill(kind)
            case _:
                self.servers[kind].kill()
                self.servers[kind].start()
                hit = True
        self.report.blows[kind] += hit

    def _kinds(self) -> list[str]:
        dispatcher = ["dispatcher"] if "dispatcher" in self.site.programs else []
        return ["reward child", "pit", "worker", "web", *dispatcher, *self.servers]

    def _send_stalled_round(self) -> None:
        """Do what the organiser does with what was hit three times."""
        now = datetime.now(UTC)
        with db.reading(self.engine) as session:
            stalled = list(self._submissions(session, SubmissionState.STALLED))
        for found in stalled:
            with db.transaction(self.engine) as session:
                olga = session.execute(select(Racer).where(Racer.handle == "olga")).scalar_one()
                submissions.requeue(session, session.get_one(Submission, found.id), by=olga, now=now)
            self.report.requeued_by_organiser += 1

    def _submissions(self, session: Any, *states: SubmissionState) -> Any:
        return session.execute(select(Submission).where(Submission.state.in_(states))).scalars()

    def _ended(self) -> int:
        with db.reading(self.engine) as session:
            return len(list(self._submissions(session, SubmissionState.RECORDED, SubmissionState.REJECTED)))

    def _states(self) -> dict[str, int]:
        with db.reading(self.engine) as session:
            return Counter(f"{job.state} by {job.worker}" for job in session.scalars(select(Job)))

    def _look(self) -> None:
        """Compare what is left with what was promised."""
        complain = self.report.complaints.append
        with db.reading(self.engine) as session:
            found = list(session.scalars(select(Submission)))
            trials = Counter(session.scalars(select(Trial.submission_id)))
            jobs_left = Counter(job.state for job in session.scalars(select(Job)))
        for submission in found:
            self._look_at(submission, trials[submission.id])
        if jobs_left != {JobState.DONE: self.count}:
            complain(f"jobs: {jobs_left}")
        self.report.recorded = sum(each.state is SubmissionState.RECORDED for each in found)
        self.report.rejected = sum(each.state is SubmissionState.REJECTED for each in found)
        self._look_at_standings()
        self._look_at_tries(found)
        self._look_at_web()

    def _look_at(self, submission: Submission, trials: int) -> None:
        complain = self.report.complaints.append
        is_broken = submission.source is not None and "nope" in submission.source
        wanted = SubmissionState.REJECTED if is_broken else SubmissionState.RECORDED
        if submission.state is not wanted or trials != (not is_broken):
            complain(f"{submission.id}: {submission.state} ({submission.verdict}) with {trials} results")
        if is_broken and (submission.verdict, submission.verdict_line) != ("runtime", 3):
            complain(f"{submission.id}: verdict {submission.verdict} in line {submission.verdict_line}")
        with db.reading(self.engine) as session:
            log = events.read_after(session, 0, limit=10_000, submission_id=submission.id)
        ids = [entry.id for entry in log]
        if ids != sorted(set(ids)):
            complain(f"{submission.id}: event numbers {ids}")
        story = "".join(LETTERS.get(entry.name, "") for entry in log)
        self.report.lost_attempts += story.count("q")
        if not STORY.fullmatch(story):
            complain(f"{submission.id}: events {story}")

    def _look_at_standings(self) -> None:
        before = boards(self.engine)
        with db.transaction(self.engine) as session:
            results.rebuild(session, session.get_one(Race, self.race_id))
        if before != boards(self.engine):
            self.report.complaints.append(f"standings {before}, from the laps {boards(self.engine)}")

    def _look_at_tries(self, found: list[Submission]) -> None:
        """Whatever was repeated cost nobody a try: each result costs one, a verdict none."""
        made = dict.fromkeys((submission.racer_id for submission in found), 0)
        for submission in found:
            made[submission.racer_id] += submission.state is SubmissionState.RECORDED
        with db.reading(self.engine) as session:
            race = session.get_one(Race, self.race_id)
            used = {
                each: submissions.tries_used(session, race, session.get_one(Racer, each)) for each in made
            }
            faults = session.execute(select(func.count()).where(Job.faults > 0)).scalar_one()
        if used != made:
            self.report.complaints.append(f"tries {used}, results {made}, jobs with faults {faults}")

    def _look_at_web(self) -> None:
        """The web process answers, though it was killed."""
        deadline = time.monotonic() + 60
        while True:
            self.site.tend()
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self.site.port}/", timeout=10):
                    return
            except OSError as error:
                if time.monotonic() > deadline:
                    self.report.complaints.append(f"the web does not answer: {error}")
                    return
                time.sleep(0.2)


def boards(engine: Engine) -> tuple[Any, Any]:
    """Return all standings and the histogram as plain rows."""
    with db.reading(engine) as session:
        rows = session.execute(select(*Standing.__table__.columns)).all()
        buckets = session.execute(select(*TimeBucket.__table__.columns)).all()
    return sorted(map(tuple, rows)), sorted(tuple(row) for row in buckets if row[-1])
