"""Only files whose cars visibly share nothing may be spread over several children."""

from __future__ import annotations

import ast
import os

import pytest

from arena.garage.confined import is_confined
from arena.garage.hyperparameters import Hyperparameters
from arena.garage.progress import Meter
from arena.garage.settings import ModelMetadata
from arena.garage.training_learner import extract_policy
from arena.garage.training_recipe import Recipe
from arena.garage.training_stints import Watch, Work
from arena.garage.weighing import MOST_SHARDS, shards_worth
from benchmarks import rewards
from simulator.car import CLASSIC
from simulator.course import Course
from simulator.track import Track

CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
MEETING = {"csv_of_its_own", "json_prints", "log_file_at_import", "random_noise", "stray_imports"}


def test_public_styles_keep_to_themselves_but_for_those_with_files_and_random_numbers() -> None:
    meeting = {entry.name for entry in rewards.entries() if not is_confined(ast.parse(entry.text))}
    assert meeting == MEETING


@pytest.mark.parametrize(
    "source",
    [
        "import random",
        "from numpy.random import rand",
        "import numpy as np\nx = np.random.rand()",
        "import math\nmath.calls = 1",
        "import math as m\ndef f():\n    m.calls.append(1)\n    m.calls += [1]",
        "import numpy\nnumpy.pi: float = 3.0",
        "import math\ndel math.pi",
        "import os",
        "import sys",
        "from math import *\n__builtins__['x'] = 1",
        "import math\nvars(math)['x'] = 1",
        "import math\nsetattr(math, 'x', 1)",
        "import math\nmath.__dict__.update(x=1)",
        "open('x', 'a')",
        "import numpy as np\nnp.save('n.npy', np.load('n.npy') + 1)",
        "import statistics\nx = statistics.NormalDist(0, 1).samples(1)",
        "exec('import random')",
        "__import__('random')",
        "from . import other",
    ],
)
def test_ways_for_cars_to_meet_are_seen(source: str) -> None:
    assert not is_confined(ast.parse(source))


def test_only_dear_functions_are_worth_several_children(oval: Track) -> None:
    course = Course(oval)
    dear = "def reward_function(params):\n    return sum(1.0 for _ in range(2000)) + params['x']\n"
    assert shards_worth(dear, course, 256) == min(CORES, MOST_SHARDS)
    assert shards_worth(dear, course, 16) == 1
    assert shards_worth(f"import random\n{dear}", course, 256) == 1
    assert shards_worth("def reward_function(params):\n    return 1.0\n", course, 256) == 1
    assert shards_worth("def reward_function(params):\n    return params['nothing']\n", course, 256) == 1


def test_the_number_of_reward_processes_changes_no_bit(oval: Track) -> None:
    source = """
import math
before, seen = 0.0, []

def reward_function(params):
    global before
    if params["steps"] <= 2:
        before = params["progress"]
        seen.clear()
    gained, before = params["progress"] - before, params["progress"]
    seen.append(gained)
    return math.tanh(gained) + 0.01 * sum(seen[-5:])
"""
    networks = []
    for shards in (1, 2):
        recipe = Recipe(3, Course(oval), ModelMetadata(), Hyperparameters(), 4_096, CLASSIC)
        plan = recipe.plan()
        work = Work(source, recipe, plan, Watch(Meter(plan.steps, plan.num_cars), None, None), shards=shards)
        work.drive(None, None)
        networks.append(extract_policy(work.learner, recipe.metadata, {}).to_bytes())
    assert networks[0] == networks[1]
