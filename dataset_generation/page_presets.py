"""Pages by the name of their preset."""

from __future__ import annotations

import numpy as np

from dataset_generation.kit_page import kit_page
from dataset_generation.page_spec import PageSpec, load_page_preset, sample_page
from dataset_generation.preset_file import FOLDER, names_in
from dataset_generation.ptb_v_page import ptb_v_page

FIXED_PAGES = ("ptb-v", "ecg-image-kit")
"""Pages of one layout, as two older generators draw them."""


def page_preset_names() -> tuple[str, ...]:
    """Presets that ship."""
    return (*names_in(FOLDER / "pages"), *FIXED_PAGES)


def page_of(preset: str, rng: np.random.Generator, layout: str | None = None) -> PageSpec:
    """Sample a page.

    Args:
        preset: one of ``page_preset_names()``, or the path of a TOML file.
        rng: source of randomness.
        layout: layout id; None takes the preset's. Fixed pages have their own.

    Raises:
        ValueError: if there is no such preset, or its file makes no sense.
    """
    if preset == "ptb-v":
        return ptb_v_page()
    if preset == "ecg-image-kit":
        return kit_page(rng)
    return sample_page(rng, layout, load_page_preset(preset))
