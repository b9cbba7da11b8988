"""Composition: photos in, recordings, overlays, reports and diagnoses out.

Heavy imports happen on first use, so that ``ecgphoto --help`` answers at once.

Example:
    >>> from pipeline import Diagnoser, load_photos  # doctest: +SKIP
    >>> diagnoser = Diagnoser.load()
    >>> for photo in load_photos("ecg.jpg"):
    ...     diagnosis = diagnoser.diagnose(photo)
    ...     print(diagnosis.mi_decision, diagnosis.mi_probability)
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pipeline.diagnoser import Diagnoser as Diagnoser
    from pipeline.diagnoser import Diagnosis as Diagnosis
    from pipeline.digitizer import Digitizer as Digitizer
    from pipeline.inputs import collect_photos as collect_photos
    from pipeline.photos import Photo as Photo
    from pipeline.photos import PhotoError as PhotoError
    from pipeline.photos import load_photos as load_photos

_HOME = {
    "Diagnoser": "pipeline.diagnoser",
    "Diagnosis": "pipeline.diagnoser",
    "Digitizer": "pipeline.digitizer",
    "Photo": "pipeline.photos",
    "PhotoError": "pipeline.photos",
    "collect_photos": "pipeline.inputs",
    "load_photos": "pipeline.photos",
}
__all__ = list(_HOME)


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
