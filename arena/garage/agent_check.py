"""The instant check of an agent: it is made, told about the race and drives its first seconds."""

from __future__ import annotations

import numpy as np

from arena.garage.agents import OVERTIME_S, SOFT_ACT_S, Agent
from arena.garage.cockpit import AgentSeat
from arena.garage.limits import Limits
from arena.garage.sandbox import CheckResult
from arena.garage.sources import decode_source
from arena.garage.verdicts import EntrantFault, Verdict
from simulator.car import CLASSIC, STEP_S, CarSpec
from simulator.course import Course
from simulator.rules import Rules
from simulator.starts import Starts
from simulator.track import Track

CHECK_S = 5.0
"""Simulated seconds of the drive."""
LIMITS = Limits(load_s=5.0, calls_s=5.0, cpu_s=60)  # somebody waits for the answer


def check_agent(source: str | bytes, course: Course | Track, *, spec: CarSpec = CLASSIC) -> CheckResult:
    """Have an agent drive the first seconds of a course, alone among what stands and drives there.

    Never raises `EntrantFault`: what is wrong stands in the result. `SandboxError` passes, because it is not
    the entrant's.
    """
    agent: Agent | None = None
    try:
        text = decode_source(source) if isinstance(source, bytes) else source
        agent = Agent(text, limits=LIMITS)
        with agent:
            driven_m = _driven_m(agent, Course.of(course), spec)
    except EntrantFault as fault:
        output, digest = (agent.output, agent.digest) if agent else ("", "")
        return CheckResult(False, fault.verdict, fault.message, fault.line, (), output, fault.detail, digest)
    message = (
        f"The agent answers: in its first {CHECK_S:.0f} seconds it drove {driven_m:.1f} m. Its slowest "
        f"act took {1e3 * agent.slowest_act_s:.1f} ms of at most {1e3 * SOFT_ACT_S:.0f} ms"
    )
    message += f"; {agent.late_acts} were late." if agent.late_acts else "."
    if agent.is_out:
        message = f"The agent is too slow: its acts have used up {OVERTIME_S:.0f} s of overtime in all."
        return CheckResult(False, Verdict.TIMEOUT, message, None, (), agent.output, "", agent.digest)
    return CheckResult(True, Verdict.OK, message, None, (), agent.output, "", agent.digest)


def _driven_m(agent: Agent, course: Course, spec: CarSpec) -> float:
    """Return how far (m) it comes along the track; cars that go off are put back. Raises `EntrantFault`."""
    leg, direction = course.legs()[0], course.directions[0]
    env = leg.environment(
        leg.cars, spec=spec, rules=Rules.time_trial(1), starts=Starts.LINE, sensors="object_vector"
    )
    observation, _ = env.reset(seed=[0] * leg.cars)
    seat = AgentSeat(agent, env, 0, leg, direction)
    commands = np.zeros((leg.cars, 2))
    for _ in range(round(CHECK_S / STEP_S)):
        company = env.objects.of(slice(0, 1)) if env.objects else None
        commands[0] = seat(observation[:1], env.state[:, :1], company)[0]
        if agent.fault:
            raise agent.fault
        if agent.is_out or env.outcomes:
            break
        observation, *_ = env.drive(commands)
    return float(env.progress[0]) / 100.0 * leg.track.length_m
