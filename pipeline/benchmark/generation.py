"""How fast PTB-V is made, where the time goes, and how exact its truth is."""

from __future__ import annotations

import json
import resource
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from dataset_generation.masks import four_class_mask, lead_masks, lead_masks_png, mask_png
from dataset_generation.photo import Photo
from dataset_generation.sample import Recipe, encode, make, sample
from dataset_generation.sources import RecordSource, open_source
from dataset_generation.truth import PhotoTruth, read_truth
from ecg.leads import LEAD_INDEX
from ecg.reading import PageRejected, Reading
from pipeline.benchmark import BenchmarkError
from pipeline.benchmark.real_photos import real_photo_figures
from pipeline.benchmark.table import Figure, write_figures
from pipeline.overlay import draw_overlay
from pipeline.photos import load_photos

if TYPE_CHECKING:
    from pipeline.options import BenchmarkOptions

PRESETS = ("clean", "scan", "photo", "hard_photo", "screen", "photocopy", "fax", "ptbv_2022")
SAMPLES = 48
PASSES = 3
MEGAPIXELS = 1.5
MEMORY_SAMPLES = 1000
MODEL = "generator"


def measure_generation(options: BenchmarkOptions) -> Path:
    """Measure every preset (and ``memory``) and write ``generation.csv``."""
    cv2.setNumThreads(1)
    count = options.count or SAMPLES
    path = options.out / "generation.csv"
    cases = options.cases or (*PRESETS, "memory", *(("realism",) if options.looks else ()))
    if "realism" in cases:
        write_figures(path, _realism(options))
    if set(cases) == {"realism"}:
        return path
    source = open_source(options.data, "train", records=count, seed=options.seed)
    for case in (case for case in cases if case != "realism"):
        figures = _memory(source, options) if case == "memory" else _preset(source, case, options)
        write_figures(path, figures)
    return path


def _realism(options: BenchmarkOptions) -> list[Figure]:
    """Real photos read by looks that were trained on one kind of generated pages each.

    Writes ``realism.jpg`` too: the same photos as each set of looks read them.

    Raises:
        BenchmarkError: if there are no looks, or no real photos.
    """
    from digitization.read_page import ReadOptions, read_page
    from segmentation.looks import NAMES, Looks

    if not options.looks or options.real_photos is None:
        raise BenchmarkError("realism needs --real-photos and the --looks to compare")
    figures, columns = [], []
    for folder in options.looks:
        folders = {
            role: folder / name / "checkpoint"
            for role, name in NAMES.items()
            if (folder / name / "checkpoint").is_dir()
        }
        looks = Looks.load(folders)
        steps = json.loads((folders["trace"] / "config.json").read_text())["metadata"]["steps"]

        def read(photo: NDArray[np.uint8], looks: Looks = looks) -> Reading:
            return read_page(photo, looks, ReadOptions())

        with tempfile.TemporaryDirectory() as kept:
            for figure in real_photo_figures(
                options.real_photos,
                read,
                Path(kept),
                f"looks trained {steps} steps on {folder.name}",
            ):
                group = figure.case.partition("/")[2]
                figures.append(replace(figure, case=f"realism/{folder.name}/{group}"))
        columns.append(_as_read(options.real_photos, read, folder.name))
    options.out.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(options.out / "realism.jpg"), np.hstack(columns)[..., ::-1])
    return figures


def _as_read(
    folder: Path, read: Callable[[NDArray[np.uint8]], Reading], title: str
) -> NDArray[np.uint8]:
    """What was read of some photos, one above the other, or why nothing was.

    The photos themselves are others' and are left white.
    """
    tiles = []
    for path in sorted(folder.glob("*.jpg"))[::5][:4]:
        photo = next(iter(load_photos(path))).pixels
        white = np.full_like(photo, 255)
        try:
            picture, words = draw_overlay(white, read(photo)), f"{title}: {path.name}"
        except PageRejected as error:
            picture, words = white, f"{title}: {path.name}: {error}"
        tile = np.full((420, 560, 3), 255, np.uint8)
        scale = min(560 / picture.shape[1], 390 / picture.shape[0])
        small = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        tile[30 : 30 + small.shape[0], : small.shape[1]] = small
        cv2.putText(tile, words[:76], (6, 20), cv2.FONT_HERSHEY_SIMPLEX, 0.42, (20, 20, 20), 1)
        tiles.append(tile)
    return np.vstack(tiles)


def _recipe(preset: str, seed: int) -> Recipe:
    pages = "ptb-v" if preset == "ptbv_2022" else "papers"
    scale = None if preset not in ("clean", "scan", "photocopy", "fax") else 6.0
    return Recipe(seed, pages, (), ((preset, 1.0),), MEGAPIXELS, scale, "auto", True)


def _preset(source: RecordSource, preset: str, options: BenchmarkOptions) -> list[Figure]:
    recipe = _recipe(preset, options.seed)
    records = [source.read(entry) for entry in source.entries]
    pairs = list(zip(source.entries, records, strict=True))
    make(recipe, *pairs[0][:1], 1, pairs[0][1], None)  # fonts, lazily imported modules
    passes = []
    for _ in range(PASSES):  # a shared machine is faster at one time than at another
        start = time.process_time()
        made = [make(recipe, entry, 0, record, source.target(record)) for entry, record in pairs]
        passes.append(len(pairs) / (time.process_time() - start))
    figures = {
        "samples_per_second_per_core": float(np.median(passes)),
        "samples_per_second_per_core_best": max(passes),
        "megapixels": float(np.mean([np.prod(one.truth.photo_size) / 1e6 for one in made])),
        "megabytes": float(np.mean([sum(map(len, one.files.values())) / 1e6 for one in made])),
    }
    photos = [sample(recipe, entry, 0, record) for entry, record in pairs]
    figures |= _stages(photos)
    errors = [
        truth_errors(photo, read_truth(done.files["json"]))
        for photo, done in zip(photos, made, strict=True)
    ]
    for name in errors[0]:
        figures[name] = float(np.nanmax([error[name] for error in errors]))
    data = f"{source.name}, {MEGAPIXELS:g} megapixels a photo, page of 6 pixels per mm"
    return [Figure(preset, name, value, len(pairs), MODEL, data) for name, value in figures.items()]


def _stages(photos: list[Photo]) -> dict[str, float]:
    """CPU milliseconds a photo of each stage; ``take`` holds ``draw``."""
    stages: dict[str, Callable[[Photo], object]] = {
        "camera": lambda photo: photo.camera,
        "draw": lambda photo: photo.page.draw(photo.spec.camera.pixels_per_mm),
        "take": lambda photo: photo.take(),
        "encode_with_take": lambda photo: encode(photo, "auto"),
        "mask": lambda photo: mask_png(four_class_mask(photo)),
        "lead_masks": lambda photo: lead_masks_png(lead_masks(photo)),
    }
    spent = {}
    for name, stage in stages.items():
        start = time.process_time()
        for photo in photos:
            stage(photo)
        spent[f"{name}_ms"] = 1000 * (time.process_time() - start) / len(photos)
    return spent


def truth_errors(photo: Photo, truth: PhotoTruth) -> dict[str, float]:
    """Largest errors of one photo's truth, as it is stored.

    Returns:
        ``round_trip_px`` (photo to page to photo, on the page), ``line_uv_rms`` and
        ``line_samples`` (centre lines read back through the stored lattice against the signal),
        ``mask_to_line_px_rms`` and ``_p95`` (middle of a lead's mask, in whole pixels, from its
        line).
    """
    size = np.array(photo.spec.camera.photo_size)
    grid = np.stack(
        np.meshgrid(np.linspace(0, size[0] - 1, 60), np.linspace(0, size[1] - 1, 45)), -1
    )
    page = photo.camera.page_from_photo(grid)
    limits = np.array([photo.page.spec.width_mm, photo.page.spec.height_mm])
    inside = ((page >= 0) & (page <= limits)).all(axis=-1)
    away = np.linalg.norm(photo.camera.photo_from_page(page) - grid, axis=-1)[inside]
    spec, scale = photo.page.spec, truth.pixels_per_mm
    stored = truth.photo_from_page
    uv, samples, middles = [0.0], [0.0], [np.empty(0)]
    masks = lead_masks(photo)
    traces = [trace for trace in photo.page.traces if len(trace.points_mm)]
    for stretch, trace in zip(truth.stretches, traces, strict=True):
        # Linear about each point: how far the stored line is off, along both axes of the page.
        here = stored.photo_from_page(trace.points_mm)
        along = stored.photo_from_page(trace.points_mm + [0.1, 0.0]) - here
        down = stored.photo_from_page(trace.points_mm + [0.0, 0.1]) - here
        jacobian = np.stack([along, down], axis=-1) / 0.1
        off_mm = np.linalg.solve(jacobian, (stretch.photo_points - here)[..., None])[..., 0]
        uv.append(1000 * float(np.sqrt((off_mm[:, 1] ** 2).mean())) / spec.gain_mm_per_mv)
        samples.append(500 * float(np.abs(off_mm[:, 0]).max()) / spec.speed_mm_per_s)
        bit = ((masks >> LEAD_INDEX[trace.lead]) & 1).astype(np.float32)
        middles.append(_middle_of_mask(bit, stretch.photo_points, spec.trace_width_mm * scale))
    middle = np.abs(np.concatenate(middles))
    return {
        "round_trip_px": float(away.max(initial=0.0)),
        "line_uv_rms": max(uv),
        "line_samples": max(samples),
        "mask_to_line_px_rms": float(np.sqrt((middle**2).mean())) if len(middle) else np.nan,
        "mask_to_line_px_p95": float(np.percentile(middle, 95)) if len(middle) else np.nan,
    }


def _middle_of_mask(
    mask: NDArray[np.float32], points: NDArray[np.float64], width_px: float
) -> NDArray[np.float64]:
    """Signed distance of a stroke's middle from its line, where the line runs straight."""
    step = 12
    if len(points) < 3 * step:
        return np.empty(0)
    before, here, after = points[: -2 * step], points[step:-step], points[2 * step :]
    between = (points[step // 2 : -3 * step // 2], points[3 * step // 2 : -step // 2])
    bow = [here - (before + after) / 2]
    bow += [half - (end + here) / 2 for half, end in zip(between, (before, after), strict=True)]
    straight = np.max([np.linalg.norm(part, axis=-1) for part in bow], axis=0) < 0.15
    tangent = after - before
    tangent /= np.maximum(np.linalg.norm(tangent, axis=-1, keepdims=True), 1e-9)
    normal = np.stack([-tangent[:, 1], tangent[:, 0]], axis=-1)
    reach = np.arange(-np.ceil(width_px) - 3, np.ceil(width_px) + 3.01, 0.25)
    at = (here[:, None] + reach[None, :, None] * normal[:, None]).astype(np.float32)
    seen = cv2.remap(mask, at, None, cv2.INTER_LINEAR)
    whole = (seen[:, 0] == 0) & (seen[:, -1] == 0) & (seen.max(axis=1) > 0.9) & straight
    return np.asarray((seen[whole] * reach).sum(axis=1) / seen[whole].sum(axis=1))


def _memory(source: RecordSource, options: BenchmarkOptions) -> list[Figure]:
    """Growth of the largest memory held, from a tenth of the samples to all of them."""
    recipe = _recipe("hard_photo", options.seed)
    count = MEMORY_SAMPLES if options.count is None else 10 * options.count
    records = [(entry, source.read(entry)) for entry in source.entries]
    held = []
    for number in range(count):
        entry, record = records[number % len(records)]
        make(recipe, entry, number, record, None)
        held.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    data = f"{source.name}, {MEGAPIXELS:g} megapixels a photo"
    return [
        Figure("memory", "peak_mib", held[-1], count, MODEL, data),
        Figure("memory", "growth_mib", held[-1] - held[count // 10], count, MODEL, data),
    ]
