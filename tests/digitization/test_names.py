"""Lead names among the lines of print, and which of two names at one place counts."""

import numpy as np
import pytest

from digitization.flat import flat_geometry
from digitization.names import named_lines, search_strip_name, surest
from digitization.page_seen import NameSeen, PulseSeen, RowSeen
from digitization.text_lines import TextLine
from ecg.leads import LEAD_INDEX


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


class _ReadsStrips:
    """Reads a name in all crops whose middle is dark; it is never upside down."""

    def __init__(self, lead, sure=1.0):
        self.lead, self.sure = lead, sure

    def __call__(self, crops):
        found = np.zeros((len(crops), 13), np.float32)
        found[:, -1] = 1
        dark = crops[:, 14:26, 30:50].min(axis=(1, 2)) < 100
        found[dark, LEAD_INDEX[self.lead]] = self.sure
        found[dark, -1] = 1 - self.sure
        return found


def _strip():
    photo = np.full((300, 1200, 3), 255, np.uint8)
    photo[70:80, 95:110] = 0  # a word of 2.5 mm, 1.5 mm over the pulse
    return photo, flat_geometry((1200, 300), 1 / 6)


@pytest.mark.parametrize(
    ("read", "pulse_mm", "found"),
    [
        (_ReadsStrips("V1"), 15.0, ["V1"]),
        (_ReadsStrips("I"), 15.0, []),  # edges of pulses read as "I"
        (_ReadsStrips("V1", sure=0.7), 15.0, []),
        (_ReadsStrips("V1"), 60.0, []),
    ],
    ids=["a name", "an upright stroke", "in doubt", "no pulse before the strip"],
)
def test_a_lone_strip_is_named_over_its_pulse(read, pulse_mm, found):
    photo, geometry = _strip()
    row = RowSeen(25.0, 22.0, 190.0)
    pulses = [PulseSeen(pulse_mm, 14.5, pulse_mm + 5, 24.5)]
    names = search_strip_name(photo, geometry, row, pulses, read)
    assert [name.lead for name in names] == found
