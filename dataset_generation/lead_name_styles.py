"""How makers and countries write lead names: aVR, AVR, DII, D2, "Lead II"."""

from __future__ import annotations

LEAD_NAME_STYLES = ("usual", "capitals", "small_r", "d_roman", "d_arabic", "lead")
"""``d_roman`` and ``d_arabic`` are usual in Latin America and southern Europe."""

_ARABIC = {"I": "1", "II": "2", "III": "3"}


def printed_name(lead: str, style: str) -> str:
    """A lead's name as a style writes it.

    Args:
        lead: one of ``ecg.leads.LEADS``.
        style: one of ``LEAD_NAME_STYLES``.
    """
    if style == "capitals":
        return lead.upper()
    if style == "small_r" and lead.startswith("aV"):
        return f"aV{lead[2].lower()}"
    if style == "d_roman" and lead in _ARABIC:
        return f"D{lead}"
    if style == "d_arabic" and lead in _ARABIC:
        return f"D{_ARABIC[lead]}"
    return lead


def word_before(style: str) -> str:
    """What stands before each name; empty for most styles."""
    return "Lead" if style == "lead" else ""
