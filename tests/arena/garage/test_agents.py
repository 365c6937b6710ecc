"""Agents race without training: they see what their car sees, have their time, and spoil no other's race."""

from __future__ import annotations

import json
import math
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import starter_kits
from arena.garage import agents, child, conversation, sandbox
from arena.garage.agent_check import check_agent
from arena.garage.agents import Agent, is_agent
from arena.garage.limits import Limits
from arena.garage.racing import REFERENCE, drive, head_to_head
from arena.garage.trials import Trial
from arena.garage.verdicts import EntrantFault, SandboxError, Verdict
from simulator.bots import Bots
from simulator.course import Course, Direction
from simulator.imperfections import Imperfections
from simulator.objects import Obstacle
from simulator.rules import Rules
from simulator.sensors import LOOKAHEAD_M
from simulator.sensors.objects import OBJECT_VECTOR_COLUMNS
from simulator.track import Track
from tests.arena.garage.test_racing import steering_policy

QUICK = Limits(load_s=0.6, memory_mb=512, cpu_s=60)
STEADY = """
import math
class Agent:
    def act(self, observation):
        forward, left = observation["ahead"][3]
        return math.degrees(math.atan2(left, forward)), 1.5
"""


ACT = "    def act(self, observation): pass\n"


def acting(*lines: str, before: str = "#") -> str:
    """An agent whose `act` begins in line 4 (after `before`, in line 1)."""
    body = "".join(f"        {line}\n" for line in lines)
    return f"{before}\nclass Agent:\n    def act(self, observation):\n{body}"


def first_steps(source: str, track: Course | Track, steps: int = 30, limits: Limits = QUICK) -> Trial:
    """Race for a few steps only."""
    with Agent(source, limits=limits) as agent:
        return drive(agent, track, laps=1, rules=Rules(max_steps=steps))


def told(source: str, course: Course | Track, steps: int = 12) -> list[dict[str, Any]]:
    """Return what an agent has printed, one JSON document per line."""
    with Agent(source, limits=QUICK) as agent:
        drive(agent, course, laps=1, rules=Rules(max_steps=steps))
    return [json.loads(line) for line in agent.output.splitlines()]


def fault_of(source: str, track: Track, limits: Limits = QUICK) -> EntrantFault:
    with pytest.raises(EntrantFault) as caught:
        first_steps(source, track, limits=limits)
    return caught.value


def test_an_agent_drives_a_race_and_twice_the_same(oval: Track) -> None:
    trials = []
    for _ in range(2):
        with Agent(STEADY) as agent:
            trials.append(drive(agent, oval, laps=2))
        assert (agent.late_acts, agent.overtime_left_s, agent.fault) == (0, agents.OVERTIME_S, None)
    assert trials[0].finished
    assert trials[0] == trials[1]
    assert agent.acts == len(trials[0].trace)
    assert len(agent.digest) == 64
    assert agent.usage.cpu_s > 0.0


def test_random_numbers_come_from_the_seed(oval: Track) -> None:
    source = acting(
        "return random.uniform(-5, 5) + np.random.normal(), 1.0", before="import random, numpy as np"
    )
    traces = []
    for seed in (1, 1, 2):
        with Agent(source, seed=seed) as agent:
            traces.append(drive(agent, oval, laps=1, rules=Rules(max_steps=20)).trace)
    assert traces[0] == traces[1]
    assert traces[0] != traces[2]
    with Agent(source, seed=lambda digest: int(digest[:8], 16)) as agent:
        assert agent.seed == int(agent.digest[:8], 16)


@pytest.mark.parametrize(
    "answer",
    [
        "5.0, 2.0",
        "[5, 2]",
        "np.array([5, 2])",
        "(np.float32(5), np.int64(2))",
        '{"steering_angle": 5.0, "speed": 2.0}',
        "(Fraction(5), True + 1)",
    ],
)
def test_an_action_is_two_numbers_in_a_row_or_by_name(oval: Track, answer: str) -> None:
    source = acting(f"return {answer}", before="import numpy as np; from fractions import Fraction")
    trace = first_steps(source, oval, steps=4).trace
    assert trace["command_steering_deg"][0] == 5.0
    assert trace["command_speed_mps"][0] == 2.0


def test_actions_are_clipped_to_what_the_car_can_do(oval: Track) -> None:
    source = acting("return (1e308, -5) if observation['step'] else (-400, 10**300)")
    trace = first_steps(source, oval, steps=5).trace
    assert trace["command_steering_deg"][:2] == pytest.approx([-30.0, 30.0])
    assert trace["command_speed_mps"][:2].tolist() == [4.0, 0.1]


@pytest.mark.parametrize(
    ("source", "verdict", "line", "words"),
    [
        ("class Agent\n    pass", Verdict.SYNTAX, 1, "expected ':'"),
        ("class Driver: pass\n", Verdict.NO_FUNCTION, None, "defines Driver."),
        ("def reward_function(params): return 1\n", Verdict.NO_FUNCTION, None, "Enter a reward function as"),
        ("Agent = 3\n", Verdict.NO_FUNCTION, None, "is a int"),
        ("class Agent: pass\n", Verdict.NO_FUNCTION, None, "no method act"),
        ("class Agent:\n    def act(self): return 0, 1\n", Verdict.SIGNATURE, 2, "needs 0"),
        ("class Agent:\n    def act(self, o, p): return 0, 1\n", Verdict.SIGNATURE, 2, "needs 2"),
        ("class Agent:\n    async def act(self, o): return 0, 1\n", Verdict.SIGNATURE, 2, "async"),
        ("class Agent:\n    def act(self, o): yield 0, 1\n", Verdict.SIGNATURE, 2, "yield"),
        ("class Agent:\n    def __init__(self, x): pass\n" + ACT, Verdict.RUNTIME, None, "x"),
        ("class Agent:\n    def __init__(self): 1/0\n" + ACT, Verdict.RUNTIME, 2, "Zero"),
        ("class Agent:\n    def reset(self, i): i['tracks']\n" + ACT, Verdict.RUNTIME, 2, "info['track']?"),
        ("import no_such_module\n", Verdict.IMPORT, 1, "No module named"),
        (acting("return observation['sped']"), Verdict.RUNTIME, 4, "Did you mean observation['speed']?"),
        (acting("x = 1"), Verdict.BAD_VALUE, 4, "without a return"),
        (acting("if 0:", "    return 1, 1", "return float('nan'), 1.0"), Verdict.BAD_VALUE, 6, "(nan, 1)"),
        (acting("return 0.0, float('inf')"), Verdict.BAD_VALUE, 4, "(0, inf)"),
        (acting("return 10 ** 400, 1"), Verdict.BAD_VALUE, 4, "300 digits"),
        (acting("return 1.0"), Verdict.BAD_VALUE, 4, "a float"),
        (acting("return 1, 2, 3"), Verdict.BAD_VALUE, 4, "(1, 2, 3)"),
        (acting("return '12'"), Verdict.BAD_VALUE, 4, "a str"),
        (acting("return ('5', '1')"), Verdict.BAD_VALUE, 4, "a tuple"),
        (acting("return {'steering': 1, 'speed': 2}"), Verdict.BAD_VALUE, 4, "a dict"),
        (acting("return [None, 1]"), Verdict.BAD_VALUE, 4, "a list"),
        (acting("return (x for x in (1, 2))"), Verdict.BAD_VALUE, 4, "a generator"),
        (acting("return 1, N()", before="class N: __float__ = lambda self: exit()"), Verdict.RUNTIME, 1,
         "SystemExit"),
        (acting("return self.act(observation)"), Verdict.RUNTIME, 4, "RecursionError"),
        (acting("return len([0] * 10**9), 1"), Verdict.MEMORY, 4, "memory"),
        (acting("while True: print('x' * 1000)"), Verdict.OUTPUT, 4, "prints too much"),
        (acting("os.fork()", before="import os"), Verdict.RUNTIME, 4, "no other processes"),
        (acting("os._exit(0)", before="import os"), Verdict.CRASHED, None, "must return an action"),
    ],
)  # fmt: skip
def test_each_kind_of_bad_agent_has_its_verdict(
    source: str, verdict: Verdict, line: int | None, words: str, oval: Track
) -> None:
    fault = fault_of(source, oval)
    assert (fault.verdict, words in fault.message) == (verdict, True), fault.message
    assert fault.line == line, fault.message


@pytest.mark.parametrize(
    ("waiting", "wall_s"), [("while True: pass", 5.0), ("import time; time.sleep(99)", 0.5)]
)
def test_an_agent_that_never_answers_is_stopped_at_its_line(
    oval: Track, waiting: str, wall_s: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(agents, "HARD_ACT_S", 0.1)
    monkeypatch.setattr(conversation, "_LEAST_WALL_S", wall_s)
    fault = fault_of(acting("if observation['step'] > 2:", f"    {waiting}", "return 0, 1"), oval)
    assert (fault.verdict, fault.line) == (Verdict.TIMEOUT, 5)
    assert "one call was stopped in line 5" in fault.message


def busy(seconds: str) -> str:
    """An agent whose every answer is later by a step's steering, and takes its time."""
    return acting(
        f"until = time.process_time() + {seconds}",
        "while time.process_time() < until: pass",
        "print(json.dumps(observation['overtime_left_s']))",
        "return observation['step'] + 1, 1.0",
        before="import json, time",
    )


def test_a_late_act_holds_the_answer_before_and_is_paid_from_the_bank(
    oval: Track, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(agents, "SOFT_ACT_S", 0.03)
    with Agent(busy("0.06 if observation['step'] in (2, 3) else 0")) as agent:
        trace = drive(agent, oval, laps=1, rules=Rules(max_steps=8)).trace
    assert trace["command_steering_deg"].tolist() == [1.0, 2.0, 2.0, 3.0, 5.0, 6.0, 7.0]
    assert agent.late_acts == 2
    seen = [float(line) for line in agent.output.splitlines()]
    assert seen[:3] == [2.0, 2.0, 2.0]
    assert 2.0 > seen[3] > seen[4] == seen[5] == agent.overtime_left_s
    assert 1.80 <= agent.overtime_left_s <= 1.94


def test_an_agent_that_is_late_every_time_is_out_when_its_bank_is_empty(
    oval: Track, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(agents, "SOFT_ACT_S", 0.005)
    monkeypatch.setattr(agents, "OVERTIME_S", 0.1)
    with Agent(busy("0.03")) as agent:
        trial = drive(agent, oval, laps=1)
    assert (trial.ended_by, trial.finished, trial.completed_laps) == ("time_bank_empty", False, 0)
    assert agent.overtime_left_s == 0.0
    assert 2 <= agent.late_acts == agent.acts <= 5
    assert len(trial.trace) == agent.acts
    assert agent.fault is None


def test_time_between_two_answers_is_paid_as_well(oval: Track, monkeypatch: pytest.MonkeyPatch) -> None:
    """An agent may forge its own answer and think on: the next answer pays for that."""
    monkeypatch.setattr(agents, "SOFT_ACT_S", 0.01)
    source = acting(
        "class Slow:",
        "    def __del__(self):",
        "        until = time.process_time() + 0.05",
        "        while time.process_time() < until: pass",
        "self.kept = Slow()",
        "return 0, 1",
        before="import time",
    )
    with Agent(source) as agent:
        drive(agent, oval, laps=1, rules=Rules(max_steps=6))
    assert agent.late_acts >= 3


def test_whoever_only_sleeps_is_found_out_by_the_wall_clock(oval: Track) -> None:
    sleepy = acting("time.sleep(0.05)", "return 0, 1", before="import time")
    fault = fault_of(sleepy, oval, Limits(calls_s=0.2))
    assert fault.verdict is Verdict.TIMEOUT
    assert "must not sleep" in fault.message


def test_a_queue_for_the_machines_cores_is_no_sleep(oval: Track, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child.Child, "queued_s", lambda _: 60.0)
    sleepy = acting("time.sleep(0.05)", "return 0, 1", before="import time")
    with Agent(sleepy, limits=Limits(calls_s=0.2)) as agent:
        assert drive(agent, oval, laps=1, rules=Rules(max_steps=9)).ended_by == "time_up"


def test_an_act_that_gets_no_core_is_a_fault_of_the_machine(
    oval: Track, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(agents, "HARD_ACT_S", 0.1)
    monkeypatch.setattr(conversation, "_LEAST_WALL_S", 0.5)
    monkeypatch.setattr(child.Child, "queued_s", lambda _: time.monotonic())
    with (
        Agent(acting("time.sleep(99)", before="import time"), limits=QUICK) as agent,
        pytest.raises(SandboxError, match="not given a core"),
    ):
        drive(agent, oval, laps=1)


def test_a_reward_function_in_the_wrong_place_is_told_so_and_an_agent_as_well(oval: Track) -> None:
    assert "race it as it is" in sandbox.check(STEADY, oval).message
    assert "the car then learns from it" in check_agent("def reward_function(p): return 1\n", oval).message


PRINTING = """
import json
class Agent:
    def reset(self, info):
        self.info = info
    def act(self, observation):
        plain = {key: value for key, value in observation.items() if key not in ("vector", "ahead")}
        arrays = {key: observation[key].tolist() for key in ("vector", "ahead")}
        print(json.dumps(plain | arrays))
        return 10.0, 2.0
"""


def test_an_agent_is_told_what_its_car_sees(oval: Track) -> None:
    course = Course(oval, obstacles=(Obstacle(0.3),))
    seen = told(PRINTING, course)
    with Agent(PRINTING) as agent:
        trace = drive(agent, course, laps=1, rules=Rules(max_steps=12)).trace
    assert len(seen) == len(trace)
    for row, each in enumerate(seen):
        assert each["x"] == pytest.approx(trace["x_m"][row], abs=1e-5)
        assert each["y"] == pytest.approx(trace["y_m"][row], abs=1e-5)
        assert each["heading"] == pytest.approx(math.degrees(trace["yaw_rad"][row]), abs=1e-4)
        assert each["speed"] == pytest.approx(trace["speed_mps"][row], abs=1e-5)
        assert each["steering_angle"] == pytest.approx(math.degrees(trace["steering_rad"][row]), abs=1e-4)
        assert each["progress"] == pytest.approx(trace["progress"][row], abs=1e-5)
        assert (each["step"], each["lap"], each["is_offtrack"]) == (row, 1, False)
        assert each["last_action"] == ([0.0, 0.1] if row == 0 else [10.0, 2.0])
        (box,) = each["objects"]
        assert box["distance"] == pytest.approx(
            0.3 * oval.length_m - float(each["projection_distance"]), abs=0.2
        )
        assert np.hypot(*np.array(each["ahead"]).T) == pytest.approx(np.array(LOOKAHEAD_M), rel=0.5)
        assert len(each["vector"]) == len(OBJECT_VECTOR_COLUMNS)


def test_reset_is_told_about_track_car_and_time(oval: Track) -> None:
    source = """
import json
class Agent:
    def reset(self, info):
        track = info.pop("track")
        for name in ("waypoints", "left_border", "right_border", "widths"):
            track[name] = list(track[name].shape)
        print(json.dumps(info | track))
    def act(self, observation):
        return 0, 1
"""
    (info,) = told(source, Course(oval, Direction.REVERSED), steps=3)
    count = len(oval.waypoints)
    assert (info["waypoints"], info["left_border"], info["widths"]) == ([count, 2], [count, 2], [count])
    assert (info["direction"], info["length"]) == ("reversed", pytest.approx(oval.length_m))
    assert (info["laps"], info["race_type"], info["imperfect"]) == (1, "time_trial", False)
    assert info["tick_s"] == pytest.approx(1 / 15)
    assert (info["act_limit_s"], info["overtime_s"]) == (0.02, 2.0)
    assert info["car"]["max_steering_deg"] == 30.0
    assert len(info["vector_columns"]) == 36


def test_an_imperfect_car_deceives_its_agent_as_it_deceives_a_policy(oval: Track) -> None:
    noisy = Course(oval, imperfections=Imperfections(grip=0.0, latency_steps=0, noise=3.0))
    seen = told(PRINTING, noisy)
    with Agent(PRINTING) as agent:
        trace = drive(agent, noisy, laps=1, rules=Rules(max_steps=12)).trace
    speeds = [float(each["speed"]) for each in seen]
    headings = [float(each["heading"]) for each in seen]
    assert np.abs(speeds - trace["speed_mps"]).max() > 0.1
    assert np.abs(headings - np.degrees(trace["yaw_rad"])).max() > 0.5


def test_agents_race_alternating_laps_among_bots_and_against_drivers_of_all_kinds(oval: Track) -> None:
    pursuit = starter_kits.load_agent("pure_pursuit").agent
    with Agent(pursuit) as agent:
        both_ways = drive(agent, Course(oval, Direction.ALTERNATE), laps=2)
    assert [lap.direction for lap in both_ways.laps] == [Direction.FORWARD, Direction.REVERSED]
    with Agent(pursuit) as agent:
        among_bots = drive(agent, Course(oval, bots=Bots()), laps=1, rules=Rules(max_steps=40))
    assert among_bots.ended_by in ("time_up", "crashed")
    with Agent(pursuit) as one, Agent(STEADY) as other:
        heat = head_to_head([one, steering_policy(1.5, 1.0), other, REFERENCE], oval, laps=1)
    assert [trial.finished for trial in heat.trials] == [True] * 4


def test_an_agent_that_fails_spoils_no_race_but_its_own(oval: Track) -> None:
    failing = acting("if observation['step'] == 9: 1 / 0", "return 0, 2")
    leaving = "class Agent:\n    def reset(self, info): exit()\n" + ACT
    with Agent(failing) as bad, Agent(leaving) as worse, Agent(STEADY) as good:
        heat = head_to_head([bad, worse, good], oval, laps=1)
    assert [trial.ended_by for trial in heat.trials] == ["fault", "fault", "finished"]
    assert heat.order[0] == 2
    assert bad.fault is not None
    assert worse.fault is not None
    assert (bad.fault.line, worse.fault.line) == (4, 2)
    with pytest.raises(EntrantFault), Agent(failing) as again:
        drive(again, Course(oval, cars=2), laps=1)


def test_a_program_is_told_by_what_it_defines() -> None:
    assert is_agent(STEADY)
    assert not is_agent("def reward_function(params): return 1\n")
    assert not is_agent(STEADY + "def reward_function(params): return 1\n")
    assert not is_agent("x = 1\n")
    with pytest.raises(EntrantFault, match="cannot read"):
        is_agent("class Agent(:")


def test_the_instant_check_drives_the_first_seconds(oval: Track) -> None:
    good = check_agent(STEADY, oval)
    assert (good.ok, good.verdict, good.rewards) == (True, Verdict.OK, ())
    assert "it drove" in good.message
    assert len(good.digest) == 64
    bad = check_agent(acting("print('hello')", "return None").encode(), Course(oval, bots=Bots()))
    assert (bad.ok, bad.verdict, bad.line, bad.output) == (False, Verdict.BAD_VALUE, 5, "hello\n")
    assert check_agent(b"PK\x03\x04", oval).verdict is Verdict.ENCODING


def test_the_instant_check_refuses_an_agent_that_is_always_late(
    oval: Track, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(agents, "SOFT_ACT_S", 0.001)
    monkeypatch.setattr(agents, "OVERTIME_S", 0.02)
    late = check_agent(busy("0.02"), oval)
    assert (late.ok, late.verdict) == (False, Verdict.TIMEOUT)
    assert "too slow" in late.message


def test_a_file_of_the_arena_is_out_of_reach(oval: Track, tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("sword")
    fault = fault_of(acting(f"return len(open({str(secret)!r}).read()), 1"), oval)
    assert fault.verdict is Verdict.RUNTIME
