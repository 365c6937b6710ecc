import copy
import datetime
import os
import sys

try:
    import matplotlib.pyplot as plt
except ImportError:
    plt = None

print("loaded", datetime.datetime.now().isoformat(), sys.version_info[:2], os.path.basename(__file__))


def reward_function(params):
    p = copy.copy(params)
    if plt is not None and False:
        plt.plot([p["x"]], [p["y"]])
    return p["speed"] ** 2 * (not p["is_offtrack"]) + 1e-4
