"""A policy with all that is needed to drive it elsewhere, as one archive, as cars of DeepRacer take theirs.

model_metadata.json   the action space, as DeepRacer writes it
policy.onnx           the network, for any ONNX runtime (`onnx_files.py` has its inputs and outputs)
policy.safetensors    the same as plain arrays, for the arena and for people with NumPy
README.md             what the columns are, and a program that drives
"""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from collections.abc import Iterator, Mapping
from typing import Final

from arena.garage.onnx_files import OPSET
from arena.garage.policy import WEIGHTS_FILE, Output, Policy
from arena.garage.sensing import sensors_of
from arena.garage.settings import ModelMetadata
from simulator.actions import Discrete
from simulator.sensors.rows import columns_of, picture_shape
from simulator.sensors.suite import Senses, Sensor

MODEL_FILE: Final = "policy.onnx"

_READINGS: Final = {
    "speed": "measured speed (m/s), divided by 4",
    "steering": "measured steering angle (rad, left positive), divided by 0.5236",
    "offset": "way from the centre line to the car's nose (m, left positive), times 2",
    "heading_error_sin": "sine of the angle from the road's heading to the car's",
    "heading_error_cos": "cosine of that angle",
    "yaw_rate": "turning rate (rad/s, left positive), divided by 3",
    "forward": "{0} m ahead on the centre line: how far forward of the nose (m), divided by {0} + 0.5",
    "left": "{0} m ahead on the centre line: how far to the left of the nose (m), divided by {0} + 0.5",
    "object": "about the next objects on the road; 0 where there is none (simulator/sensors/objects.py)",
}
_SENSORS: Final = {
    Sensor.LIDAR: "distances (m), cut to 0.15 to 1; from 30 degrees left of ahead over the back to the right",
    Sensor.SECTOR_LIDAR: "1 where something in the sector is nearer than 0.5 m; in the order of the lidar",
    Sensor.DISCRETIZED_SECTOR_LIDAR: "8 sectors x 8 bins of 0.25 m, 1 in the bin of the nearest thing",
    Sensor.BORDER_LIDAR: "ways to the road's border (m), divided by 5; from the right over ahead to the left",
}
_STEPS: Final = (
    "\nBefore them the pixels, divided by 255, go through convolutions with a rectifier behind each; what\n"
    "comes out takes the pixels' place."
)
_README: Final = """# A policy of Apex Arena

It was trained on {track} for the car {spec}. 15 times a second it turns {count} numbers into one action.

```python
import onnxruntime

session = onnxruntime.InferenceSession("policy.onnx")
observation = ...  # float32 [1, {count}], see below
(command,) = session.run(["command"], {{"observation": observation}})
steering_deg, speed_mps = command[0]  # left is positive
```

`policy.onnx` speaks opset {opset}. Its outputs:

- `action`: {action}
- `command`: float32 [n, 2], what that means: steering angle in degrees (left is positive), speed in m/s

`policy.safetensors` holds the same weights as arrays. The layers are `weight @ x + bias`, with {activation}
between them{last}.{steps}

## What it sees

`observation` is float32 [n, {count}]. The nose is 0.14 m ahead of the middle of the car.

| place | column | what it is |
| ---: | --- | --- |
{columns}
"""


def car_bundle(policy: Policy, model: bytes) -> bytes:
    """Return a policy and its ONNX file `model` as a .tar.gz; the same policy gives the same bytes."""
    metadata = ModelMetadata(policy.actions, sensors=sensors_of(policy.columns))
    files = {
        "model_metadata.json": (json.dumps(metadata.as_json(), indent=2) + "\n").encode(),
        MODEL_FILE: model,
        WEIGHTS_FILE: policy.to_bytes(),
        "README.md": readme(policy).encode(),
    }
    return _archive(files)


def readme(policy: Policy) -> str:
    """Return what somebody who has only the bundle must know."""
    is_discrete = isinstance(policy.actions, Discrete)
    return _README.format(
        track=policy.about.get("track", "a track that it does not name"),
        spec=policy.about.get("spec", "classic"),
        count=len(policy.columns),
        opset=OPSET,
        action="int64 [n], the place of the action in the list of model_metadata.json"
        if is_discrete
        else "float32 [n, 2] in [-1, 1], steering and speed between low and high of model_metadata.json",
        activation=policy.header()["activation"],
        steps=_STEPS if policy.convolutions else "",
        last=" and after the last one" if policy.output is Output.TANH else "",
        columns="\n".join(_rows(policy)),
    )


def _rows(policy: Policy) -> Iterator[str]:
    """Yield the lines of the table: one for each number of a vector, one for each other sensor."""
    at = 0
    for sensor in policy.senses.sensors:
        names = columns_of((sensor,))
        if sensor in (Sensor.VECTOR, Sensor.OBJECT_VECTOR):
            yield from (f"| {place} | `{name}` | {_reading(name)} |" for place, name in enumerate(names, at))
        else:
            yield f"| {at} to {at + len(names) - 1} | `{sensor}` | {_sensor_words(policy.senses, sensor)} |"
        at += len(names)


def _sensor_words(senses: Senses, sensor: Sensor) -> str:
    if sensor in _SENSORS:
        return _SENSORS[sensor]
    height, width, pictures = picture_shape(senses) or (0, 0, 0)
    pairs = "; left and right pixel side by side" if pictures > 1 else ""
    return f"grey picture of {width} x {height} pixels from 0 to 255, row by row from the top left{pairs}"


def _reading(column: str) -> str:
    if column.startswith("ahead_"):
        _, distance, side = column.split("_")
        return _READINGS[side].format(distance)
    return _READINGS["object" if column.startswith("object_") else column]


def _archive(files: Mapping[str, bytes]) -> bytes:
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)  # of 1970, by nobody: only the content counts
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return gzip.compress(plain.getvalue(), mtime=0)
