"""The house car is in every kind of race: driven by the reference driver, by a kit where boxes stand."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from sqlalchemy import Engine

import starter_kits
from arena import house
from arena.league import db
from arena.league.models import Race
from arena.league.states import Driver, RaceType
from tests.conftest import Cast


@pytest.mark.parametrize("race_type", [RaceType.TIME_TRIAL, RaceType.HEAD_TO_BOTS, RaceType.HEAD_TO_HEAD])
def test_the_reference_driver_drives_the_house_car(
    engine: Engine, race: Race, cast: Cast, race_type: RaceType
) -> None:
    with db.transaction(engine) as session:
        own = session.get_one(Race, race.id)
        own.race_type = race_type
        entry = house.enter(session, own, own.opens_at)
        assert (entry.driver, entry.source, entry.racer.handle) == (Driver.REFERENCE, "", house.HANDLE)
        assert entry.racer.is_house


def test_among_obstacles_a_kit_drives_it(engine: Engine, race: Race, cast: Cast) -> None:
    with db.transaction(engine) as session:
        own = session.get_one(Race, race.id)
        own.race_type = RaceType.OBJECT_AVOIDANCE
        entry = house.enter(session, own, own.opens_at)
        assert entry.driver is Driver.POLICY
        assert entry.source == starter_kits.load(house.KIT_AMONG_OBSTACLES).reward_function


def test_there_is_one_house_car_for_all_races(engine: Engine) -> None:
    now = datetime.now(UTC)
    with db.transaction(engine) as session:
        assert house.racer(session, now).id == house.racer(session, now).id
