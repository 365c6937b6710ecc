"""Tracks as SVG: well-formed, whole, and honest about whose lap is drawn."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from simulator import tracks
from simulator.drawing import document, element
from simulator.track import Track

SVG = "{http://www.w3.org/2000/svg}"


@pytest.mark.parametrize("name", tracks.names())
def test_drawing_holds_road_centre_start_and_direction(name: str) -> None:
    drawing = ElementTree.fromstring(element(tracks.load(name)))
    classes = [part.get("class") for part in drawing]
    assert classes == ["track-surface", "track-edge", "track-centre", "track-start", "track-arrow"]


def test_document_shows_the_lap_in_as_many_pieces_as_it_has() -> None:
    track, lap = tracks.load("needle"), tracks.optimum("needle")
    drawing = ElementTree.fromstring(document(track, lap))
    group = drawing.find(f"{SVG}g")
    assert group is not None
    assert len(group) == len(lap.s_m)
    colours = {piece.get("stroke") for piece in group}
    assert len(colours) > 20
    words = " ".join(text.text or "" for text in drawing.iter(f"{SVG}text"))
    assert f"optimum {lap.lap_s:.3f} s" in words


def test_document_without_a_lap_draws_none() -> None:
    drawing = ElementTree.fromstring(document(tracks.load("oval")))
    assert drawing.find(f"{SVG}g") is None


def test_names_cannot_break_out_of_the_drawing() -> None:
    track = Track.from_rows(tracks.load("oval").rows(), '"><script>alert(1)</script>')
    for drawing in (element(track), document(track)):
        assert "<script" not in drawing
        ElementTree.fromstring(drawing)
