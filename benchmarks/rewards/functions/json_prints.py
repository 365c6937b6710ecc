import json
import logging
import os

logging.basicConfig(level=logging.INFO)
log = logging.getLogger("reward")


def reward_function(params):
    told = {key: params[key] for key in ("steps", "x", "y", "speed", "progress", "is_offtrack")}
    print(json.dumps(told))
    if params["steps"] % 100 == 0:
        log.info("speed %s in process %d", params["speed"], os.getpid())
    return params["progress"] / params["steps"] + params["speed"] / 10


if __name__ == "__main__":
    raise SystemExit("tried out")
