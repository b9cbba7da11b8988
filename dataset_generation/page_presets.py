"""Pages by the name of their preset."""

from __future__ import annotations

import numpy as np

from dataset_generation.kit_page import kit_page
from dataset_generation.page_spec import PagePreset, PageSpec, load_page_preset, sample_page
from dataset_generation.preset_file import FOLDER, names_in
from dataset_generation.ptb_v_page import ptb_v_page

FIXED_PAGES = ("ptb-v", "ecg-image-kit")
"""Pages of one layout, as two older generators draw them."""


def page_preset_names() -> tuple[str, ...]:
    """Presets that ship."""
    return (*names_in(FOLDER / "pages"), *FIXED_PAGES)


def page_preset(name: str) -> PagePreset | None:
    """The preset of a name or TOML file; None for a fixed page.

    Raises:
        ValueError: if there is none, or its file makes no sense.
    """
    if name in FIXED_PAGES:
        return None
    if not name.endswith(".toml") and name not in page_preset_names():
        known = ", ".join(page_preset_names())
        raise ValueError(f"there are no pages {name!r}: take {known}, or the path of a .toml file")
    return load_page_preset(name)


def page_of(
    name: str,
    rng: np.random.Generator,
    layout: str | None = None,
    preset: PagePreset | None = None,
) -> PageSpec:
    """Sample a page.

    Args:
        name: one of ``page_preset_names()``, or the path of a TOML file.
        rng: source of randomness.
        layout: layout id; None takes the preset's. Fixed pages have their own.
        preset: what is sampled from in place of the preset of that name.

    Raises:
        ValueError: if there is no such preset, or its file makes no sense.
    """
    if name == "ptb-v":
        return ptb_v_page()
    if name == "ecg-image-kit":
        return kit_page(rng)
    return sample_page(rng, layout, preset or page_preset(name))
