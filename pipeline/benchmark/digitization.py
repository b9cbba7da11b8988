"""How well pages are read: generated fold-10 pages, real pictures, and pictures that are no ECG."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.benchmark import BenchmarkError
from pipeline.benchmark.cases import PAGE_CASES, parse_case
from pipeline.benchmark.page_figures import MODEL, overall_figures, page_figures
from pipeline.benchmark.pages import (
    PageWork,
    ReadPage,
    case_folder,
    load_read_page,
    read_all,
    read_missing,
    readings_folder,
)
from pipeline.benchmark.records import open_ptbxl, stratified_order, test_records
from pipeline.benchmark.table import Figure, write_figures

if TYPE_CHECKING:
    from pipeline.digitizer import Digitizer
    from pipeline.options import BenchmarkOptions

PAGES = 40
NAME_PAGES = 3000
BUDGET_CASES = ("3x4+1/clean", "3x4+1/photo", "3x4+1/hard_photo")
_GENERATED = "PTB-XL fold 10, generated pages"
_NAME_CASES = tuple(
    f"{layout}/scan/{variant}"
    for layout in ("3x4", "3x4+1", "3x4+3", "6x2", "6x2+1", "12x1")
    for variant in ("100dpi", "150dpi")
)


def measure_digitization(options: BenchmarkOptions) -> Path:
    """Measure every case asked for and write ``digitization.csv`` after each.

    Raises:
        BenchmarkError: a case that there is not, or whose data were not named.
    """
    path = options.out / "digitization.csv"
    for name in wanted_cases(options):
        measure = _OTHER_CASES.get(name, functools.partial(_generated_pages, name=name))
        write_figures(path, measure(options))
    return path


def wanted_cases(options: BenchmarkOptions) -> list[str]:
    """Names of the cases to measure: those asked for, patterns laid out, or all there are data for.

    Raises:
        BenchmarkError: there is no such case.
    """
    known = (*PAGE_CASES, *_OTHER_CASES)
    if not options.cases:
        missing = {"real_photos"} if options.real_photos is None else set()
        if options.real_photos is None or options.data is None:
            missing.add("real_scans")
        if options.paper_images is None:
            missing.add("paper_images")
        return [name for name in known if name not in missing]
    wanted: list[str] = []
    for asked in options.cases:
        matching = [name for name in known if fnmatch(name, asked)]
        if not matching:
            others = ", ".join(_OTHER_CASES)
            try:
                parse_case(asked)
            except BenchmarkError as error:
                raise BenchmarkError(f"{error}; other cases are {others}") from None
        wanted += [name for name in matching or [asked] if name not in wanted]
    return wanted


def _generated_pages(options: BenchmarkOptions, name: str) -> list[Figure]:
    case = parse_case(name)
    records = list(test_records(options, options.count or PAGES))
    pages = list(read_all(records, case, options.seed, options.out, options.workers))
    return page_figures(name, pages, _GENERATED)


def _names(options: BenchmarkOptions) -> list[Figure]:
    """Leads under a wrong name on many cheap pages: every layout, scans, records in turn.

    A later run with a higher ``--count`` goes on where this one ended.
    """
    ptbxl = open_ptbxl(options)
    order = stratified_order(ptbxl, options.seed)
    count = options.count or NAME_PAGES
    folder = _names_folder(options)
    paths = [folder / f"{number:05d}.npz" for number in range(count)]
    for first in range(0, count, 100):
        work: list[PageWork] = []
        for number in range(first, min(first + 100, count)):
            if not paths[number].exists():
                record = ptbxl.record(order[number % len(order)], 500)
                case = parse_case(_NAME_CASES[number % len(_NAME_CASES)])
                work.append((record, case, options.seed + 1 + number, paths[number]))
        read_missing(work, f"names {first}-{first + 99}", options.workers)
    return page_figures("names", [load_read_page(path) for path in paths], _GENERATED)


def _real_photos(options: BenchmarkOptions) -> list[Figure]:
    from pipeline.benchmark.real_photos import real_photo_figures

    folder = _named(options.real_photos, "--real-photos")
    return real_photo_figures(folder, _digitizer().digitize, readings_folder(options.out))


def _real_scans(options: BenchmarkOptions) -> list[Figure]:
    from pipeline.benchmark.real_photos import real_scan_figures

    folder = _named(options.real_photos, "--real-photos")
    kept = readings_folder(options.out)
    return real_scan_figures(folder, open_ptbxl(options), _digitizer().digitize, kept)


def _paper_images(options: BenchmarkOptions) -> list[Figure]:
    from pipeline.benchmark.paper_images import paper_image_figures

    folder = _named(options.paper_images, "--paper-images")
    kept = readings_folder(options.out)
    return paper_image_figures(folder, _digitizer().digitize, kept, options.out, options.count)


def _not_ecg(options: BenchmarkOptions) -> list[Figure]:
    from pipeline.benchmark.rejection import COUNT, answers, rejection_figures

    found = answers(
        _digitizer().digitize,
        readings_folder(options.out),
        options.count or COUNT,
        options.seed,
    )
    return rejection_figures(found, MODEL)


def _error_budget(options: BenchmarkOptions) -> list[Figure]:
    from pipeline.benchmark.error_budget import PAGES as BUDGET_PAGES
    from pipeline.benchmark.error_budget import budget_figures
    from segmentation.looks import Looks

    looks = Looks.load()
    figures: list[Figure] = []
    for name in BUDGET_CASES:
        records = list(test_records(options, options.count or BUDGET_PAGES))
        figures += budget_figures(parse_case(name), records, looks, options.seed, MODEL)
    return figures


def _names_folder(options: BenchmarkOptions) -> Path:
    return readings_folder(options.out) / f"names_{options.seed}"


def _quality(options: BenchmarkOptions) -> list[Figure]:
    """Over the generated pages that were read already, those of ``names`` included."""
    names = (load_read_page(path) for path in sorted(_names_folder(options).glob("*.npz")))
    pages = [*kept_pages(options), *names]
    return overall_figures("generated_pages", pages, _GENERATED, options.seed)


def _failures(options: BenchmarkOptions) -> list[Figure]:
    """No figures: the gallery of the worst of the generated pages that were read already."""
    from pipeline.benchmark.failures import WORST, write_gallery

    write_gallery(
        options.out,
        kept_pages(options),
        open_ptbxl(options),
        _digitizer().digitize,
        options.seed,
        options.count or WORST,
    )
    return []


def kept_pages(options: BenchmarkOptions) -> Sequence[ReadPage]:
    """Pages of all cases of generated pages that today's reader has read."""
    pages: list[ReadPage] = []
    for name in PAGE_CASES:
        folder = case_folder(options.out, parse_case(name), options.seed)
        pages += [load_read_page(path) for path in sorted(folder.glob("*.npz"))]
    return pages


@functools.cache
def _digitizer() -> Digitizer:
    from pipeline.digitizer import Digitizer

    return Digitizer.load()


def _named(folder: Path | None, option: str) -> Path:
    if folder is None:
        raise BenchmarkError(f"this case needs real pictures: name their folder with {option}")
    return folder


_OTHER_CASES: dict[str, Callable[[BenchmarkOptions], list[Figure]]] = {
    "names": _names,
    "real_photos": _real_photos,
    "real_scans": _real_scans,
    "paper_images": _paper_images,
    "not_ecg": _not_ecg,
    "error_budget": _error_budget,
    "quality": _quality,
    "failures": _failures,
}
