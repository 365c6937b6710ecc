"""What an entry leaves behind, as files: the trained policy, and its drive in DeepRacer's log format.

Both show the action space, which belongs to the settings of an entry: they are for its owner and organisers,
as the source is. The recorded drive itself is public (leaderboard.api.traces).
"""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import replace

from flask import Blueprint, Response
from flask.typing import ResponseReturnValue

from arena.courses import course_of, senses_of
from arena.garage.export import Evaluation, evaluation_zip
from arena.garage.hyperparameters import parse_hyperparameters
from arena.garage.policy import HEADER_FILE, WEIGHTS_FILE, Policy
from arena.garage.settings import parse_model_metadata
from arena.league.errors import NotFound
from arena.league.models import Submission
from arena.league.states import Driver
from leaderboard.auth import load_own_submission, may_read_seeds, now, sign_in_required
from leaderboard.context import Arena, arena
from simulator.archive import NO_DATE
from simulator.car import SPECS
from simulator.trace import Trace

blueprint = Blueprint("downloads", __name__)

SOURCE_FILE = "reward_function.py"
# In the logs of what was not trained here.
NO_REWARD = "# This car was driven without a reward function.\n"


@blueprint.get("/submissions/<public_id>/policy.zip")
@sign_in_required
def policy(public_id: str) -> ResponseReturnValue:
    """Return the trained policy as a folder that `arena race` takes."""
    with arena().reading() as session:
        return policy_answer(arena(), load_own_submission(session, public_id))


@blueprint.get("/submissions/<public_id>/deepracer-logs.zip")
@sign_in_required
def deepracer_logs(public_id: str) -> ResponseReturnValue:
    """Return the drive as a DeepRacer model folder, which deepracer-utils loads as it is."""
    with arena().reading() as session:
        return logs_answer(arena(), load_own_submission(session, public_id))


@blueprint.get("/submissions/<public_id>/uploaded-policy")
@sign_in_required
def upload(public_id: str) -> ResponseReturnValue:
    """Return the file of a policy that was trained elsewhere, as it came."""
    with arena().reading() as session:
        return upload_answer(arena(), load_own_submission(session, public_id))


def logs_answer(where: Arena, found: Submission) -> Response:
    """Return the recorded drive of an entry in DeepRacer's format, zipped. Raises NotFound before it."""
    trial = found.trial
    if trial is None:
        raise NotFound("This entry has no drive (yet). It has one when its race was driven.")
    metadata = parse_model_metadata(found.model_metadata, senses_of(found.race))
    evaluation = Evaluation(
        trace=Trace.from_bytes(where.artifacts.get(trial.trace_key)),
        lap_times_ms=[lap.lap_time_ms for lap in trial.laps],
        course=course_of(found.race),
        metadata=metadata,
        spec=SPECS[found.race.car],
    )
    content = evaluation_zip(
        evaluation,
        trial.driven_at,
        reward_function=found.source if found.driver is Driver.POLICY else NO_REWARD,
        hyperparameters=parse_hyperparameters(found.hyperparameters, metadata.algorithm),
    )
    return attachment(f"{name_of(found)}-deepracer-logs.zip", content)


def policy_answer(where: Arena, found: Submission) -> Response:
    """Return the trained policy of an entry with its source, zipped. Raises NotFound before its training."""
    if found.policy_key is None:
        raise NotFound("This entry has no trained policy (yet). It has one when its race was driven.")
    policy = Policy.from_bytes(where.artifacts.get(found.policy_key))
    if not may_read_seeds(found.race, now()):  # the race's own could be worked out from it
        policy = replace(policy, about={key: said for key, said in policy.about.items() if key != "seed"})
    weights, header = policy.to_bytes(), json.dumps(policy.header(), indent=2) + "\n"
    folder = name_of(found)
    files = {WEIGHTS_FILE: weights, HEADER_FILE: header.encode(), SOURCE_FILE: found.source.encode()}
    return as_zip(f"{folder}-policy.zip", {f"{folder}/{name}": content for name, content in files.items()})


def upload_answer(where: Arena, found: Submission) -> Response:
    """Return the file of a policy that was trained elsewhere, as it came. Raises NotFound for others."""
    if found.upload_key is None:
        raise NotFound("This entry is no policy that was trained elsewhere: it has no such file.")
    content = where.artifacts.get(found.upload_key)
    # A safetensors file begins with the length of its header, which begins with a brace.
    suffix = "safetensors" if content[8:9] == b"{" else "onnx"
    return attachment(f"{name_of(found)}.{suffix}", content, "application/octet-stream")


def name_of(found: Submission) -> str:
    """Return a name for an entry's files: race, racer, number."""
    return f"{found.race.slug}-{found.racer.handle}-{found.number}"


def as_zip(name: str, files: dict[str, bytes]) -> Response:
    """Return files as a zip to keep; the same files give the same bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, content in files.items():
            member = zipfile.ZipInfo(path, NO_DATE)
            member.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(member, content)
    return attachment(name, buffer.getvalue())


def attachment(name: str, content: bytes, content_type: str = "application/zip") -> Response:
    """Return what browsers keep as a file; names of entries are plain ASCII."""
    headers = {"Content-Disposition": f"attachment; filename={name}", "Cache-Control": "private, no-store"}
    return Response(content, headers=headers, content_type=content_type)
