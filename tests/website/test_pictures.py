"""The pictures of the page about concepts."""

from xml.etree import ElementTree as ET

import pytest

from integration.website import pictures
from integration.website.build import ROOT
from integration.website.drawing import Drawing

SVG = "{http://www.w3.org/2000/svg}"


@pytest.mark.parametrize("name", pictures.PICTURES)
def test_a_picture_is_current_and_fits_its_frame(name: str) -> None:
    text = (ROOT / pictures.FOLDER / name).read_text()
    assert text == pictures.PICTURES[name](), "run: ./vcn docs --write"
    picture = ET.fromstring(text)  # noqa: S314 - our own text
    width, height = (float(picture.attrib[side]) for side in ("width", "height"))
    for box in picture.iter(f"{SVG}rect"):
        assert float(box.get("x", "0")) + float(box.attrib["width"]) <= width
        assert float(box.get("y", "0")) + float(box.attrib["height"]) <= height


def test_words_are_escaped() -> None:
    draw = Drawing(100, 50, "a < b")
    draw.box(0, 0, 90, 40, "x & y")
    picture = ET.fromstring(draw.svg())  # noqa: S314 - our own text
    assert picture.findtext(f"{SVG}title") == "a < b"
    assert picture.findtext(f"{SVG}text") == "x & y"
