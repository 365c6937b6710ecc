import logging

logger = logging.getLogger("reward file")
logger.setLevel(logging.DEBUG)
handler = logging.FileHandler("/opt/simapp/logs/reward.log", mode="a", encoding="utf-8")
handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
logger.addHandler(handler)


def reward_function(params):
    if params["steps"] % 20 == 0:
        logger.info("progress %s after %s steps", params["progress"], params["steps"])
    return float(params["progress"] / max(1, params["steps"]))
