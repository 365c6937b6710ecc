"""What the car senses: the look-ahead vector, cameras and lidars.

Importing `simulator.sensors` gives the vector, which is what races are driven with by default; the other
senses are in the modules beside it and are put together by `suite`.
"""

from simulator.sensors.lookahead import LIMIT, LOOKAHEAD_M, OBSERVATION_COLUMNS, observe

__all__ = ["LIMIT", "LOOKAHEAD_M", "OBSERVATION_COLUMNS", "observe"]
