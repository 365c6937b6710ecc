import csv
import os

LOG = os.path.join(os.getcwd(), "ends.csv")
with open(LOG, "w", newline="") as file:
    csv.writer(file).writerow(["steps", "progress"])


def reward_function(params):
    if params["is_offtrack"] and params["progress"] > 90:
        with open(LOG, "a", newline="") as file:
            csv.writer(file).writerow([params["steps"], params["progress"]])
        with open(LOG) as file:
            ends = list(csv.DictReader(file))[-100:]
        return -float(ends[-1]["progress"]) / 100
    return params["speed"] * (1.0 - 2.0 * params["distance_from_center"] / params["track_width"])
