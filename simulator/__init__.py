"""The world of Apex Arena: tracks, the car, what it senses, the rules of a drive and the batch environment.

It knows no clock, network, database or entrant code, and needs numpy and gymnasium only. This module is kept
light: importing it imports neither, so that a process which only builds params (`simulator.params`) starts
quickly.
"""

ENV_ID = "ApexArena/TrackRace-v0"

SENSORS_OF_ID: dict[str, tuple[str, ...]] = {
    ENV_ID: ("vector",),
    "ApexArena/TrackRaceCamera-v0": ("front_facing_camera",),
    "ApexArena/TrackRaceStereo-v0": ("stereo_cameras",),
    "ApexArena/TrackRaceLidar-v0": ("front_facing_camera", "lidar"),
    "ApexArena/TrackRaceSectorLidar-v0": ("front_facing_camera", "sector_lidar"),
    "ApexArena/TrackRaceBorderLidar-v0": ("border_lidar",),
    "ApexArena/TrackRaceDiscretizedSectorLidar-v0": ("front_facing_camera", "discretized_sector_lidar"),
    "ApexArena/ObjectAvoidance-v0": ("object_vector",),
    "ApexArena/HeadToBots-v0": ("object_vector",),
}
"""Every registered environment; a lidar comes with the camera, as on the real car."""

TRAFFIC_OF_ID: dict[str, dict[str, object]] = {
    "ApexArena/ObjectAvoidance-v0": {"obstacles": "0.15,1; 0.3,-1; 0.45,1; 0.6,-1; 0.75,1; 0.9,-1"},
    "ApexArena/HeadToBots-v0": {"bots": 3},
}
"""What is on the road in some of them, if nothing else is asked for. Plain data: this module stays light."""


def register_envs() -> None:
    """Register all environments with gymnasium (its plug-in loader calls this); again changes nothing."""
    from gymnasium.envs.registration import register, registry

    for env_id, sensors in SENSORS_OF_ID.items():
        if env_id not in registry:
            register(
                id=env_id,
                entry_point="simulator.env:TrackEnv",
                vector_entry_point="simulator.env:TrackVectorEnv",
                kwargs={"sensors": sensors, **TRAFFIC_OF_ID.get(env_id, {})},
            )
