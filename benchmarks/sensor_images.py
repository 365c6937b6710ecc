"""The pictures of docs/senses.md: `python -m benchmarks.sensor_images [FOLDER]` draws them anew.

They are what the sensors give, enlarged; only the lidar's is a drawing, from above, of what it measures.
"""

from __future__ import annotations

import struct
import sys
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from simulator import tracks
from simulator.sensors import colours, lidar
from simulator.sensors.boxes import CAR, Boxes
from simulator.sensors.camera import Camera
from simulator.sensors.ground import ground_of
from simulator.sensors.view import CameraSpec, Pose, stereo_specs
from simulator.track import Track

Picture = NDArray[np.uint8]

FOLDER = Path("docs/images")
ENLARGED = 2
GAP = 8
PAPER = 255


def write_png(path: Path, picture: Picture) -> None:
    """Write a grey picture [height, width]."""
    height, width = picture.shape
    lines = np.hstack([np.zeros((height, 1), dtype=np.uint8), picture])
    chunks = (
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)),
        (b"IDAT", zlib.compress(lines.tobytes(), 9)),
        (b"IEND", b""),
    )
    with path.open("wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n")
        for kind, data in chunks:
            file.write(
                struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
            )


def row_of(pictures: list[Picture]) -> Picture:
    """Return pictures of equal height side by side, enlarged."""
    enlarged = [picture.repeat(ENLARGED, axis=0).repeat(ENLARGED, axis=1) for picture in pictures]
    gap = np.full((len(enlarged[0]), GAP), PAPER, dtype=np.uint8)
    parts = [part for picture in enlarged for part in (picture, gap)]
    return np.hstack(parts[:-1])


def standing(track: Track, s_m: float, offset_m: float = 0.0) -> Pose:
    """Return a car at a place of the track, looking along it."""
    s = np.array([s_m])
    base, heading = track.at(s, np.array([offset_m])), track.heading_at(s)
    return Pose(base[:, 0], base[:, 1], np.cos(heading), np.sin(heading))


def looked(name: str, s_m: float, spec: CameraSpec | None = None, boxes: Boxes | None = None) -> Picture:
    """Return what a camera sees from a place on a circuit."""
    track = tracks.load(name)
    frames = Camera(spec or CameraSpec(), ground_of(track)).render(standing(track, s_m), boxes)
    return np.asarray(frames[0])


def on_track(name: str, s_m: float, offset_m: float, size: tuple[float, float, float] | None = None) -> Boxes:
    """Return a box, or a car, that stands along the track."""
    track, s = tracks.load(name), np.array([s_m])
    place, heading = track.at(s, np.array([offset_m])), track.heading_at(s)
    return Boxes.at(place, heading, size, grey=60.0) if size else Boxes.at(place, heading)


def with_objects() -> list[Picture]:
    """Return a box on the left lane, and a car on the right one with a box behind it."""
    box, car = on_track("oval", 1.2, 0.25), on_track("oval", 0.9, -0.25, CAR)
    both = Boxes(np.concatenate([on_track("oval", 1.9, -0.1).rows, car.rows], axis=1))
    return [looked("oval", 0.0, boxes=box), looked("oval", 0.0, boxes=both)]


def recoloured() -> list[Picture]:
    """Return one view in the colours of four episodes."""
    frames = np.stack([looked("harbour", 3.0)] * 4)
    colours.recolour(frames, colours.tables(np.full(4, 1, np.uint64), np.arange(1, 5, dtype=np.uint64)))
    return list(frames)


def lidar_from_above(size: int = 480, half_m: float = 2.4) -> Picture:
    """Return a scan: light is what the beams pass, dots are hits, the wedge in front is blind."""
    place = (np.arange(size) + 0.5) * (2.0 * half_m / size) - half_m
    ahead, left = -place[:, None], -place[None, :]
    boxes = Boxes.at([[-0.3, 1.0], [-1.7, -0.5], [0.3, -1.2], [1.5, 0.1]], [0.2, 0.5, -0.4, 0.0])
    still = Pose(np.array([-lidar.FORWARD_M]), np.zeros(1), np.ones(1), np.zeros(1))
    scan = lidar.distances(still, boxes)[0]
    distance, turn = np.hypot(ahead, left), np.mod(np.arctan2(left, ahead), 2.0 * np.pi)
    step = lidar.BEAM_RAD[1] - lidar.BEAM_RAD[0]
    beam = np.rint((turn - lidar.BEAM_RAD[0]) / step).astype(int)
    swept = (beam >= 0) & (beam < lidar.BEAMS)
    beam = np.clip(beam, 0, lidar.BEAMS - 1)
    picture = np.full((size, size), 60, dtype=np.uint8)
    picture[swept & (distance < scan[beam])] = 125
    on_beam = np.abs(turn - lidar.BEAM_RAD[beam]) * distance < 0.006
    picture[swept & (distance < scan[beam]) & on_beam] = 165
    for ring in (0.5, 1.0, 2.0):
        picture[np.abs(distance - ring) < 0.006] = 90
    for x, y, heading, length, width, _, _ in boxes.of(0):
        cos, sin = np.cos(heading), np.sin(heading)
        along, across = (ahead - x) * cos + (left - y) * sin, (left - y) * cos - (ahead - x) * sin
        picture[(np.abs(along) < 0.5 * length) & (np.abs(across) < 0.5 * width)] = 20
    for angle, reading in zip(lidar.BEAM_RAD, scan, strict=True):
        hit = np.hypot(ahead - reading * np.cos(angle), left - reading * np.sin(angle)) < 0.025
        picture[hit] = 255
    picture[(np.abs(ahead + lidar.FORWARD_M) < 0.5 * CAR[0]) & (np.abs(left) < 0.5 * CAR[1])] = 210
    return picture


def main() -> None:
    """Draw all pictures into a folder."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    scene = on_track("oval", 1.0, 0.1)
    pair = stereo_specs(CameraSpec())
    pictures = {
        "camera": row_of([looked(name, s) for name, s in (("oval", 1.2), ("harbour", 3.0), ("needle", 9.0))]),
        "camera_boxes": row_of(with_objects()),
        "camera_stereo": row_of([looked("oval", 0.0, spec, scene) for spec in pair]),
        "camera_colours": row_of(recoloured()),
        "lidar": lidar_from_above(),
    }
    for name, picture in pictures.items():
        write_png(folder / f"{name}.png", picture)


if __name__ == "__main__":
    main()
