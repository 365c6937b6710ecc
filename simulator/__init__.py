"""The world of Apex Arena: tracks, the car, what it senses, the rules of a drive and the batch environment.

It knows no clock, network, database or entrant code, and needs numpy and gymnasium only. This module is kept
light: importing it imports neither, so that a process which only builds params (`simulator.params`) starts
quickly.
"""

ENV_ID = "ApexArena/TrackRace-v0"


def register_envs() -> None:
    """Register `ENV_ID` with gymnasium (its plug-in loader calls this); a second call changes nothing."""
    from gymnasium.envs.registration import register, registry

    if ENV_ID not in registry:
        register(
            id=ENV_ID,
            entry_point="simulator.env:TrackEnv",
            vector_entry_point="simulator.env:TrackVectorEnv",
        )
