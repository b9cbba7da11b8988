"""Lead names among the lines of print, and which of two names at one place counts."""

import numpy as np
import pytest

from digitization.names import named_lines, surest
from digitization.page_seen import NameSeen
from digitization.text_lines import TextLine


def _line(text, sure=0.95, box=(10.0, 20.0, 26.0, 23.0)):
    return TextLine(text, np.full(len(text), sure, np.float32), box)


@pytest.mark.parametrize(
    ("text", "lead"),
    [
        ("avf", "aVF"),
        ("lead avf", "aVF"),
        ("leadv3", "V3"),
        ("lead i", "I"),
        ("dii", "II"),
        ("d3", "III"),
        ("v6", "V6"),
        ("i", None),  # any upright stroke is one
        ("v7", None),
        ("ii v1", None),
        ("25 mm/s", None),
        ("lead", None),
    ],
)
def test_lines_that_are_a_name_are_names(text, lead):
    assert [name.lead for name in named_lines([_line(text)])] == ([lead] if lead else [])


def test_a_name_stands_behind_the_word_before_it():
    (name,) = named_lines([_line("lead v5")])
    assert name.x_mm == pytest.approx(10 + 16 * 6 / 7)
    assert name.half_mm == pytest.approx((16 / 7, 1.5))
    assert not named_lines([_line("lead v5", sure=0.6)])


def test_the_surest_of_the_names_at_one_place_counts():
    seen = (NameSeen("aVR", 50, 20, 0.9), NameSeen("III", 50, 40, 0.9), NameSeen("I", 90, 20, 0.3))
    lines = (
        NameSeen("V6", 52, 21, 0.99),
        NameSeen("II", 51, 40, 0.8),
        NameSeen("V1", 150, 20, 0.8),
    )
    names = {(name.lead, name.x_mm) for name in surest(seen, lines)}
    assert names == {("V6", 52), ("III", 50), ("I", 90), ("V1", 150)}
