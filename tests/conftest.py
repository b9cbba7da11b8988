"""What every test shares: one thread a worker, and the data beside the checkout."""

import os
from pathlib import Path

import pytest

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before numpy, torch and OpenCV start their pools
os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")

ROOT = Path(__file__).parents[1]


@pytest.fixture(autouse=True)
def _one_torch_thread() -> None:
    """Two workers of one thread beat one of two; only where a test brought torch in."""
    import sys

    torch = sys.modules.get("torch")
    if torch is not None and hasattr(torch, "set_num_threads"):
        torch.set_num_threads(1)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder with ``ptbxl``, ``real_photos`` and ``paper_images``; tests skip without it.

    ``ECGPHOTO_SHARED`` names the folder that holds ``data``; by default ``shared`` beside the
    checkout.
    """
    folder = Path(os.environ.get("ECGPHOTO_SHARED", ROOT.parent / "shared")) / "data"
    if not (folder / "ptbxl" / "manifest.csv.gz").is_file():
        pytest.skip(f"no data in {folder}: set ECGPHOTO_SHARED to the folder that holds data/")
    return folder
