"""Whatever a reward function does, it ends in rewards or in a verdict that names the cause and the line."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from arena.garage.limits import Limits
from arena.garage.sandbox import RewardSandbox, check
from arena.garage.verdicts import EntrantFault, SandboxError, Verdict
from simulator.course import Course, Direction
from simulator.objects import Obstacle
from simulator.params import COLUMNS
from simulator.track import Track

CARS = 8
QUICK = Limits(message_s=0.3, load_s=0.6, memory_mb=512)
GOOD = "def reward_function(params):\n    return params['x'] + 1\n"


def rows(count: int = CARS, steps: float = 2.0) -> NDArray[np.float64]:
    """Params rows whose x is the car's number."""
    table = np.zeros((count, len(COLUMNS)))
    table[:, COLUMNS.index("steps")] = steps
    table[:, COLUMNS.index("x")] = np.arange(count)
    table[:, COLUMNS.index("track_width")] = 1.0
    return table


def rewards_of(source: str, track: Track, messages: int = 1, limits: Limits = QUICK) -> NDArray[np.float64]:
    """Return the rewards of the last of some messages, one after the other with growing `steps`."""
    with RewardSandbox(source, track, CARS, limits=limits) as reward:
        for message in range(messages):
            answer = reward(rows(steps=2.0 + message), np.arange(CARS))
    return answer


def fault_of(source: str, track: Track, messages: int = 1, limits: Limits = QUICK) -> EntrantFault:
    with pytest.raises(EntrantFault) as caught:
        rewards_of(source, track, messages, limits)
    return caught.value


def living_members(group: int) -> list[str]:
    """Return the processes of a group that are not merely waiting to be reaped."""
    members = []
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, process_group = entry.read_text().rsplit(") ", 1)[1].split()[:3]
        except OSError:
            continue
        if int(process_group) == group and state not in "ZX":
            members.append(entry.parent.name)
    return members


def body(*lines: str, before: str = "") -> str:
    """A reward function whose body begins in line 2 (after `before`, in line 1)."""
    return f"{before or '#'}\ndef reward_function(params):\n" + "".join(f"    {line}\n" for line in lines)


@pytest.mark.parametrize(
    ("source", "verdict", "line", "words"),
    [
        ("def reward_function(params)\n    return 1", Verdict.SYNTAX, 1, "expected ':'"),
        ("x = 1\ndef reward_function(p):\n\tif p:\n        return 1", Verdict.SYNTAX, 4, "tabs"),
        ("x = " + "-" * 100_000 + "1", Verdict.SYNTAX, None, ""),
        ("return 1\n", Verdict.SYNTAX, 1, "outside function"),
        ("x = '\ud800'\n", Verdict.SYNTAX, None, "UTF-8"),
        ("def reward(params): return 1\n", Verdict.NO_FUNCTION, None, "defines reward."),
        ("reward_function = 3\n", Verdict.NO_FUNCTION, None, "int"),
        ("def reward_function(): return 1\n", Verdict.SIGNATURE, 1, "needs 0"),
        ("\ndef reward_function(a, b): return 1\n", Verdict.SIGNATURE, 2, "needs 2"),
        ("def reward_function(*, params): return 1\n", Verdict.SIGNATURE, 1, "exactly one"),
        ("async def reward_function(params): return 1\n", Verdict.SIGNATURE, 1, "async"),
        ("def reward_function(params): yield 1\n", Verdict.SIGNATURE, 1, "yield"),
        ("\nimport tensorflow_of_mine\n", Verdict.IMPORT, 2, "No module named"),
        ("x = 1\ny = x / 0\n", Verdict.IMPORT, 2, "ZeroDivisionError"),
        ("raise SystemExit\n", Verdict.IMPORT, 1, "SystemExit"),
        (body("x = 1", "return params['step']"), Verdict.RUNTIME, 4, "Did you mean params['steps']?"),
        (body("return undefined_name"), Verdict.RUNTIME, 3, "NameError"),
        (body("exit()"), Verdict.RUNTIME, 3, "SystemExit"),
        (body("return reward_function(params)"), Verdict.RUNTIME, 3, "RecursionError"),
        (body("return float(input())"), Verdict.RUNTIME, 3, "EOFError"),
        (
            body("return Number()", before="class Number: __float__ = lambda s: exit()"),
            Verdict.RUNTIME,
            1,
            "SystemExit",
        ),
        (
            body("raise Odd", before="class Odd(Exception): __str__ = lambda s: 1 / 0"),
            Verdict.RUNTIME,
            3,
            "Odd",
        ),
        (body("return float('nan')"), Verdict.BAD_VALUE, 3, "nan"),
        (body("if params['x'] > 3:", "    return float('inf')", "return 1"), Verdict.BAD_VALUE, 4, "inf"),
        (body("return 1e9"), Verdict.BAD_VALUE, 3, "1e+09"),
        (body("return -1e9"), Verdict.BAD_VALUE, 3, "-1e+09"),
        (body("return 10 ** 400"), Verdict.BAD_VALUE, 3, "300 digits"),
        (body("x = 1"), Verdict.BAD_VALUE, 3, "without a return"),
        (body("return [1]"), Verdict.BAD_VALUE, 3, "a list"),
        (body("return 'fast'"), Verdict.BAD_VALUE, 3, "a str"),
        (body("return 1j"), Verdict.BAD_VALUE, 3, "a complex"),
        (body("while True:", "    pass"), Verdict.TIMEOUT, None, "line"),
        (body("while True:", "    try:", "        x = 1", "    except: pass"), Verdict.TIMEOUT, None, "line"),
        (body("return 7 ** (7 ** 10)"), Verdict.TIMEOUT, 3, "line 3"),
        ("x = 1\nwhile x: x += 1\n", Verdict.TIMEOUT, 2, "loading the file"),
        (
            body(
                "while True: pass",
                before="import signal; [signal.signal(s, signal.SIG_IGN) for s in (1, 2, 15)]",
            ),
            Verdict.TIMEOUT,
            3,
            "line 3",
        ),
        (body("return len([0] * 10**9)"), Verdict.MEMORY, 3, "memory"),
        (body("x = [0]", "while True: x = x + x"), Verdict.MEMORY, None, "memory"),
        (body("while True: print('x' * 1000)"), Verdict.OUTPUT, 3, "prints too much"),
        (
            body("while True: os.write(1, b'x' * 10000)", before="import os"),
            Verdict.OUTPUT,
            None,
            "writes too much",
        ),
        (body("os._exit(0)", before="import os"), Verdict.CRASHED, None, "exit status 0"),
        (body("ctypes.string_at(0)", before="import ctypes"), Verdict.CRASHED, None, "SIGSEGV"),
        (body("os.abort()", before="import os"), Verdict.CRASHED, None, "SIGABRT"),
        (body("os.closerange(3, 20)", "return 1", before="import os"), Verdict.CRASHED, None, ""),
    ],
)
def test_each_kind_of_bad_reward_function_has_its_verdict(
    source: str, verdict: Verdict, line: int | None, words: str, oval: Track
) -> None:
    fault = fault_of(source, oval)
    assert (fault.verdict, words in fault.message) == (verdict, True), fault.message
    if line is not None:
        assert fault.line == line
        assert f"line {line}" in fault.message or verdict is Verdict.SIGNATURE


def test_a_traceback_shows_their_frames_only_and_the_params_of_the_call(oval: Track) -> None:
    helper = "def helper(params):\n    return 1 / params['x']\n\n"
    source = helper + "def reward_function(params):\n    return helper(params)\n"
    detail = fault_of(source, oval).detail
    assert detail.count("File ") == 2
    assert 'File "reward_function.py", line 2, in helper' in detail
    assert "return 1 / params['x']" in detail
    assert "'steps': 2" in detail


def test_one_failing_call_in_a_thousand_is_found(oval: Track) -> None:
    source = body("return 1 / (1000 - params['steps'] * 8 + params['x'])")
    fault = fault_of(source, oval, messages=200)
    assert (fault.verdict, fault.line) == (Verdict.RUNTIME, 3)
    assert "'steps': 125" in fault.detail


def test_the_first_of_several_failing_calls_is_named(oval: Track) -> None:
    source = body("if params['x'] == 2: return None", "if params['x'] == 5: return 1 / 0", "return 1")
    fault = fault_of(source, oval)
    assert (fault.verdict, fault.line) == (Verdict.BAD_VALUE, 3)


@pytest.mark.parametrize(
    "attack",
    [
        "os.write(fd, b'garbage' * 10)",
        "os.write(fd, b'APEX' + bytes(200))",
        "os.write(fd, forged)",
    ],
)
def test_forged_frames_end_in_a_verdict(attack: str, oval: Track) -> None:
    source = "\n".join(
        [
            "import os, struct",
            "nans = struct.pack('<8d', *[float('nan')] * 8)",
            "forged = struct.pack('<4sHHIIQ', b'APEX', 1, 20, 1, 8, 64) + nans",
            "def reward_function(params):",
            "    for fd in range(3, 64):",
            "        try: " + attack,
            "        except OSError: pass",
            "    return 1",
        ]
    )
    fault = fault_of(source, oval)
    assert fault.verdict is Verdict.CRASHED


def test_globals_belong_to_one_car(oval: Track) -> None:
    source = body("global count", "count += 1", "return count * 100 + params['x']", before="count = 0")
    np.testing.assert_array_equal(rewards_of(source, oval, messages=3), 300 + np.arange(CARS))


def test_a_sleeping_car_keeps_its_globals(oval: Track) -> None:
    source = body("global count", "count += 1", "return count", before="count = 0")
    with RewardSandbox(source, oval, CARS) as reward:
        reward(rows(3), np.array([1, 3, 5]))
        answer = reward(rows(2), np.array([0, 3]))
    np.testing.assert_array_equal(answer, [1, 2])


def test_params_are_fresh_for_every_call(oval: Track) -> None:
    source = body(
        "old = len(params) + len(params['waypoints'])",
        "params.clear() if params['x'] else params['waypoints'].clear()",
        "return old",
    )
    assert len(set(rewards_of(source, oval, messages=3).tolist())) == 1


def test_prints_are_kept_up_to_the_limit_and_never_block(oval: Track) -> None:
    source = body("print('x' * 200, 'é')", "return 1", before="print('loaded')")
    with RewardSandbox(source, oval, CARS) as reward:
        for _ in range(2000):
            reward(rows(), np.arange(CARS))
        output = reward.output
    assert output.startswith("loaded\nxxxx")
    assert output.count("loaded") == 1
    assert 60_000 < len(output.encode()) <= 65_536


def test_raw_writes_do_not_block_either(oval: Track) -> None:
    source = body("os.write(2, b'y' * 5000)", "return 1", before="import os")
    with RewardSandbox(source, oval, CARS) as reward:
        for _ in range(50):
            reward(rows(), np.arange(CARS))
        assert len(reward.output) == 65_536


def test_results_are_numbers_by_pythons_own_rules(oval: Track) -> None:
    source = body(
        "kinds = [1, True, np.float32(0.5), np.int64(3), np.float64(4), '2.5', np.bool_(True), 7.0]",
        "return kinds[int(params['x'])]",
        before="import numpy as np",
    )
    np.testing.assert_array_equal(rewards_of(source, oval), [1, 1, 0.5, 3, 4, 2.5, 1, 7])


def test_the_same_seed_gives_the_same_chance(oval: Track) -> None:
    source = body(
        "return random.random() + np.random.rand() + sum(map(ord, list({'a', 'b', 'c'})[0]))",
        before="import random; import numpy as np",
    )

    def draw(seed: int) -> list[float]:
        with RewardSandbox(source, oval, CARS, seed=seed) as reward:
            return [float(each) for each in reward(rows(), np.arange(CARS))]

    assert draw(3) == draw(3) != draw(4)


def test_the_digest_sees_the_code_and_not_its_looks(oval: Track) -> None:
    def digest(source: str) -> str:
        with RewardSandbox(source, oval, 1) as reward:
            return reward.digest

    plain = digest("def reward_function(params):\n    return 1.0\n")
    assert plain == digest(
        '"""Mine."""\n# v2\n\ndef reward_function( params ):\n  "doc"\n  return (1.0)  # one\n'
    )
    assert plain != digest("def reward_function(params):\n    return 2.0\n")


def test_the_child_sees_no_environment_and_an_empty_folder(
    oval: Track, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ARENA_SECRET", "swordfish")
    source = body(
        "print(sorted(os.environ), os.listdir('.'), os.getcwd(), sys.argv)",
        "return sum(is_open(number) for number in range(512))",
        before="\n".join(
            [
                "import os, sys",
                "def is_open(number):",
                "    try: return bool(os.fstat(number))",
                "    except OSError: return False",
            ]
        ),
    )
    with RewardSandbox(source, oval, CARS) as reward:
        descriptors = reward(rows(1), np.array([0]))[0]
        output = reward.output
    assert "SECRET" not in output
    assert "[]" in output
    assert str(Path.cwd()) not in output
    assert descriptors == 6


def test_what_it_writes_stays_small_and_in_its_memory(oval: Track, tmp_path: Path) -> None:
    source = body(
        f"with open({str(tmp_path / 'log.txt')!r}, 'a') as file: file.write('x' * 100)",
        f"with open({str(tmp_path / 'log.txt')!r}) as file: return len(file.read())",
    )
    with RewardSandbox(source, oval, CARS) as reward:
        np.testing.assert_array_equal(reward(rows(3), np.arange(3)), [100, 200, 300])
    assert not list(tmp_path.iterdir())
    big = body("f = open('big', 'wb')", "while True: f.write(b'x' * 10**6)")
    fault = fault_of(big, oval)
    assert (fault.verdict, "File too large" in fault.message) == (Verdict.RUNTIME, True)


def test_a_child_killed_from_outside_is_not_the_entrants_fault(oval: Track) -> None:
    with RewardSandbox(body("time.sleep(3)", "return 1", before="import time"), oval, CARS) as reward:
        killer = threading.Timer(0.2, os.kill, (reward.pid, signal.SIGKILL))
        killer.start()
        with pytest.raises(SandboxError, match="killed from outside"):
            reward(rows(), np.arange(CARS))
        killer.join()


def test_a_fault_leaves_nothing_behind_and_the_next_sandbox_works(oval: Track) -> None:
    source = body("if os.fork() == 0: time.sleep(60)", "while True: pass", before="import os, time")
    with RewardSandbox(source, oval, CARS, limits=QUICK) as reward:
        with pytest.raises(EntrantFault):
            reward(rows(), np.arange(CARS))
        group = reward.pid
    deadline = time.monotonic() + 10.0  # a killed process takes a moment to be gone
    while living_members(group) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not living_members(group)
    np.testing.assert_array_equal(rewards_of(GOOD, oval), 1 + np.arange(CARS))


def test_after_a_fault_every_call_tells_it_again(oval: Track) -> None:
    with RewardSandbox(body("return None"), oval, CARS) as reward:
        for _ in range(2):
            with pytest.raises(EntrantFault, match="returned None"):
                reward(rows(), np.arange(CARS))


def test_dear_calls_pass_and_cost_is_counted(oval: Track) -> None:
    source = body("sum(i * i for i in range(3000))", "return 1")
    with RewardSandbox(source, oval, CARS, limits=QUICK) as reward:
        reward(rows(256), np.zeros(256, np.int64))
        assert reward.calls == 256
        assert reward.usage.cpu_s > 0
    assert reward.usage.peak_mb > 10


def test_waiting_has_an_end_over_all_calls(oval: Track) -> None:
    limits = Limits(calls_s=0.2)
    fault = fault_of(body("time.sleep(0.01)", "return 1", before="import time"), oval, 10, limits)
    assert (fault.verdict, "too slow" in fault.message) == (Verdict.TIMEOUT, True)


def test_cpu_time_has_an_end(oval: Track) -> None:
    limits = Limits(cpu_s=1, message_s=30.0)
    fault = fault_of(body("while True: pass"), oval, 1, limits)
    assert (fault.verdict, "CPU seconds" in fault.message) == (Verdict.TIMEOUT, True)


def test_a_sleeping_reward_function_is_stopped_by_the_wall_clock(
    oval: Track, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("arena.garage.conversation._LEAST_WALL_S", 0.5)
    limits = Limits(message_s=0.05)
    fault = fault_of(body("time.sleep(60)", before="import time"), oval, 1, limits)
    assert (fault.verdict, fault.line) == (Verdict.TIMEOUT, 3)


def test_two_hundred_and_fifty_six_cars_of_a_long_racing_line_start_quickly(oval: Track) -> None:
    points = ",\n".join(
        f"    [{i * 0.013:.5f}, {i * 0.017:.5f}, {i % 7 * 0.41:.5f}, {i * 0.0667:.5f}]" for i in range(1500)
    )
    source = f"line = [\n{points}\n]\ndef reward_function(params):\n    return line[int(params['x'])][3]\n"
    assert len(source) > 60_000
    began = time.monotonic()
    with RewardSandbox(source, oval, 256):
        assert time.monotonic() - began < 3.0


def test_check_answers_with_the_rewards_of_named_states(oval: Track) -> None:
    result = check(GOOD, oval)
    assert (result.ok, result.verdict, result.line) == (True, Verdict.OK, None)
    assert len(result.rewards) >= 12
    assert len({each.state for each in result.rewards}) == len(result.rewards)
    assert len(result.digest) == 64


@pytest.mark.parametrize(
    ("source", "verdict", "line"),
    [
        (b"", Verdict.EMPTY, None),
        (b"\xff\xfe", Verdict.ENCODING, None),
        ("def reward_function(params):\n  return params['nothing']", Verdict.RUNTIME, 2),
        (body("if params['is_offtrack']: return None", "return 1"), Verdict.BAD_VALUE, 3),
        (body("if params['progress'] == 100: return 1 / 0", "return 1"), Verdict.RUNTIME, 3),
    ],
)
def test_check_tells_faults_as_a_result(
    source: str | bytes, verdict: Verdict, line: int | None, oval: Track
) -> None:
    result = check(source, oval)
    assert (result.ok, result.verdict, result.line) == (False, verdict, line)
    assert result.message
    assert result.as_json()["verdict"] == str(verdict)


def test_cars_of_each_leg_have_params_of_their_own_way_round(oval: Track) -> None:
    course = Course(oval, Direction.ALTERNATE, obstacles=(Obstacle(0.3), Obstacle(0.6)))
    source = body("return 10 * params['is_reversed'] + len(params['objects_location']) + params['x'] * 0")
    with RewardSandbox(source, course, CARS) as reward:
        half = CARS // 2
        assert reward.of_leg(0)(rows(half), np.arange(half)).tolist() == [2.0] * half
        assert reward.of_leg(1)(rows(half), np.arange(half)).tolist() == [12.0] * half
        with pytest.raises(ValueError, match="expected params rows of"):
            reward(np.zeros((1, 5)), np.array([0]))


def test_a_fault_on_the_second_leg_shows_the_params_of_that_leg(oval: Track) -> None:
    course = Course(oval, Direction.ALTERNATE)
    source = body("return 1 / (not params['is_reversed'])")
    with RewardSandbox(source, course, CARS) as reward, pytest.raises(EntrantFault) as caught:
        reward.of_leg(1)(rows(1), np.array([0]))
    assert caught.value.verdict is Verdict.RUNTIME
    assert "'is_reversed': True" in caught.value.detail


def test_legs_need_as_many_cars_each(oval: Track) -> None:
    with pytest.raises(ValueError, match="as many cars on each of 2 legs, got 5"):
        RewardSandbox(body("return 1"), Course(oval, Direction.ALTERNATE), 5)


def test_two_children_answer_as_one_does_where_cars_share_nothing(oval: Track) -> None:
    counting = body("global count", "count += 1", "return count + params['x']", before="count = 0")
    cars = np.array([4, 1, 0, 5, 2])
    answers = []
    for shards in (1, 2, 3):
        with RewardSandbox(counting, oval, 7, shards=shards) as reward:
            assert len(set(reward.pids)) == shards
            reward(rows(3), np.arange(3))
            answers.append(reward(rows(5), cars).tolist())
            assert reward.calls == 8
    assert answers[0] == answers[1] == answers[2]


def test_two_children_on_a_course_with_two_ways_round_know_their_cars_ways(oval: Track) -> None:
    course = Course(oval, direction=Direction.ALTERNATE)
    source = body("return params['is_reversed']")
    for cars in (4, 6, 10):
        with RewardSandbox(source, course, cars, shards=2) as reward:
            half = np.arange(cars // 2)
            assert reward.of_leg(0)(rows(len(half)), half).tolist() == [0.0] * len(half)
            assert reward.of_leg(1)(rows(len(half)), half).tolist() == [1.0] * len(half)


def test_children_draw_their_own_random_numbers(oval: Track) -> None:
    source = body("return random.random()", before="import random")
    with RewardSandbox(source, oval, 4, shards=2, seed=3) as reward:
        drawn = reward(rows(4), np.arange(4))
    assert len(set(drawn.tolist())) == 4
    with RewardSandbox(source, oval, 4, shards=2, seed=3) as reward:
        np.testing.assert_array_equal(reward(rows(4), np.arange(4)), drawn)


def test_a_fault_in_one_child_ends_all(oval: Track) -> None:
    source = body("print('called')", "return 1 / (params['x'] - 1.0)")
    batch = rows(4)
    batch[:, COLUMNS.index("x")] = [0.0, 1.0, 0.0, 1.0]
    with RewardSandbox(source, oval, 4, shards=2) as reward:
        pids = reward.pids
        with pytest.raises(EntrantFault, match="division by zero") as caught:
            reward(batch, np.arange(4))
        assert (caught.value.verdict, caught.value.line) == (Verdict.RUNTIME, 4)
        with pytest.raises(EntrantFault, match="division by zero"):
            reward(batch, np.arange(4))
        assert reward.output.count("called") >= 3
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)


def test_the_cpu_time_of_all_children_together_is_limited(oval: Track) -> None:
    source = body("for _ in range(200000): pass", "return 1.0")
    with RewardSandbox(source, oval, 4, shards=4, limits=Limits(cpu_s=1, calls_s=60.0)) as reward:

        def work() -> None:
            for _ in range(1000):
                reward(rows(4), np.arange(4))

        with pytest.raises(EntrantFault, match=r"too slow|CPU seconds") as caught:
            work()
    assert caught.value.verdict is Verdict.TIMEOUT


def test_children_work_while_nobody_waits(oval: Track) -> None:
    with RewardSandbox(
        body("time.sleep(0.05)", "return 2", before="import time"), oval, 4, shards=4
    ) as reward:
        answer = reward.begin(rows(4), np.arange(4))
        time.sleep(0.1)
        began = time.perf_counter()
        assert answer().tolist() == [2.0] * 4
        assert time.perf_counter() - began < 0.1
