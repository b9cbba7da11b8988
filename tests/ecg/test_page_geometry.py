"""The map between page and photo, there and back."""

import numpy as np

from ecg.page_geometry import PageGeometry


def test_there_and_back_is_where_one_began() -> None:
    x, y = np.meshgrid(np.arange(40.0), np.arange(30.0))
    bent = np.stack([x * 30 + 8 * np.sin(y / 4) + y, y * 28 + 6 * np.cos(x / 5) - 2 * x], axis=-1)
    geometry = PageGeometry(bent, step_mm=5.0, origin_mm=(-20.0, -20.0))
    rng = np.random.default_rng(0)
    page = rng.uniform([-25, -25], [180, 130], (50, 4, 2))
    photo = geometry.photo_from_page(page)
    np.testing.assert_allclose(geometry.page_from_photo(photo), page, atol=1e-5)
