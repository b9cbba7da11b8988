"""How well twelve leads are made of fewer: by model, by what is given, from signals and photos."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from ecg.leads import LEADS, derivable_leads, derive_limb_leads
from ecg.resampling import resample
from pipeline.benchmark import BenchmarkError
from pipeline.benchmark.cases import parse_case
from pipeline.benchmark.pages import read_all
from pipeline.benchmark.reconstruction_figures import CompletedCase, reconstruction_figures
from pipeline.benchmark.reconstruction_plot import plot_leads
from pipeline.benchmark.records import open_ptbxl, stratified_order
from pipeline.benchmark.table import write_figures
from reconstruction.complete import complete
from reconstruction.reconstructor import (
    RATE_HZ,
    SAMPLES,
    NetworkReconstructor,
    ReconstructionError,
    Reconstructor,
)
from reconstruction.task import millivolts
from reconstruction.visible import PAGE_3X4_1, show_leads

if TYPE_CHECKING:
    from ecg.ptbxl import PtbXl
    from pipeline.options import BenchmarkOptions

LEAD_CASES: dict[str, tuple[str, ...]] = {
    "I": ("I",),
    "I+II": ("I", "II"),
    "I+II+V3": ("I", "II", "V3"),
}
PAGE_CASE = "3x4+1"
READ_CASES = ("3x4+1/clean", "3x4+1/photo")
PAGES = 50
_SHIPPED = ("completion", "rescnn_small")


@dataclass(frozen=True, eq=False)
class _Case:
    """Records as they are shown, ``(n, 12, samples)`` mV at 100 Hz, and as they are."""

    name: str
    shown_mv: NDArray[np.float32]
    truth_mv: NDArray[np.float32]
    ids: NDArray[np.int64]


def measure_reconstruction(options: BenchmarkOptions) -> Path:
    """Measure every case and model asked for and write ``reconstruction.csv``.

    A record that a model cannot take, or a page that is not read, counts as flat leads: 0.
    """
    ptbxl = open_ptbxl(options)
    path = options.out / "reconstruction.csv"
    wanted = options.cases or (*LEAD_CASES, PAGE_CASE, *READ_CASES)
    for name in wanted:
        case = _case(name, ptbxl, options)
        curves = {}
        for model, reconstructor in _models(name, ptbxl, options):
            completed = _complete(case, model, reconstructor)
            figures, curves[model] = reconstruction_figures(completed, ptbxl, options.seed)
            write_figures(path, figures)
        plot_leads(options.out / f"reconstruction_{name.replace('/', '_')}.png", name, curves)
    return path


def _case(name: str, ptbxl: PtbXl, options: BenchmarkOptions) -> _Case:
    if name in READ_CASES:
        return _read_case(name, ptbxl, options)
    ids = ptbxl.select(split="test", rate_hz=100)
    if options.count:
        chosen = np.random.default_rng(options.seed).permutation(len(ids))[: options.count]
        ids = ids[np.sort(chosen)]
    truth = millivolts(ptbxl.signals(ids, 100))
    if name in LEAD_CASES:
        shown = show_leads(truth, LEAD_CASES[name])
    elif name == PAGE_CASE:
        shown = np.stack([PAGE_3X4_1.show(record, RATE_HZ) for record in truth])
    else:
        raise BenchmarkError(
            f"there is no case {name!r} of reconstruction; take some of "
            f"{', '.join((*LEAD_CASES, PAGE_CASE, *READ_CASES))}"
        )
    return _Case(name, shown, truth, np.asarray(ids))


def _read_case(name: str, ptbxl: PtbXl, options: BenchmarkOptions) -> _Case:
    """Pages printed, photographed and digitized; one that was not read shows nothing."""
    ids = stratified_order(ptbxl, options.seed)[: options.count or PAGES]
    records = [ptbxl.record(int(ecg_id), 500) for ecg_id in ids]
    shown = np.full((len(ids), len(LEADS), SAMPLES), np.nan, np.float32)
    pages = read_all(records, parse_case(name), options.seed, options.out, options.workers)
    for place, page in enumerate(pages):
        if page.status == "read":
            signal = resample(page.signal_mv, 500, RATE_HZ)[:, :SAMPLES]
            shown[place, :, : signal.shape[1]] = signal
    truth = np.stack([resample(record.signal_mv, 500, RATE_HZ) for record in records])
    return _Case(name, shown, truth[..., :SAMPLES].astype(np.float32), np.array(ids))


def _models(
    case: str, ptbxl: PtbXl, options: BenchmarkOptions
) -> Iterator[tuple[str, Reconstructor]]:
    """The models that take what a case shows: the baselines, what ships, and folders named."""
    import checkpoints
    from reconstruction.linear import fit_linear
    from reconstruction.template import TemplateReconstructor

    given = LEAD_CASES.get(case)
    if given is None:
        yield "template", TemplateReconstructor()
    else:
        from learning.inference import TorchNetwork

        ids = ptbxl.select(split="train", rate_hz=100)
        network = fit_linear(ptbxl.signals(ids, 100), given)
        facts = {"model": "linear", "leads": given, "deviation": [0.0] * len(LEADS)}
        yield "linear", NetworkReconstructor(TorchNetwork(network), facts)
    folders = [checkpoints.path(name) for name in _SHIPPED if name in checkpoints.available()]
    for folder in (*folders, *options.models):
        reconstructor = NetworkReconstructor.open(folder)
        needs = set(reconstructor.needs)
        if not needs or (given is not None and needs == set(given)):
            yield reconstructor.name, reconstructor


def _complete(case: _Case, model: str, reconstructor: Reconstructor) -> CompletedCase:
    given = LEAD_CASES.get(case.name)
    scored = np.stack([~np.isfinite(derive_limb_leads(record)) for record in case.shown_mv])
    if given is not None:
        scored[:] = np.array([lead not in derivable_leads(given) for lead in LEADS])[:, None]
    else:
        # On a page limb leads follow from each other in part of the time; all unseen is scored.
        printed = PAGE_3X4_1.mask(SAMPLES, RATE_HZ)
        scored[:] = ~np.isfinite(derive_limb_leads(np.where(printed, 0.0, np.nan)))
    signal = np.zeros_like(case.truth_mv)
    deviation = np.full_like(case.truth_mv, np.nan)
    failed, times = 0, []
    for place, shown in enumerate(tqdm(case.shown_mv, desc=f"{case.name} {model}", disable=None)):
        began = time.perf_counter()
        try:
            done = complete(shown, RATE_HZ, reconstructor)
        except ReconstructionError:
            failed += 1
            continue
        times.append(time.perf_counter() - began)
        signal[place], deviation[place] = done.signal_mv, done.deviation_mv
    return CompletedCase(
        name=case.name,
        model=model,
        ids=case.ids,
        shown_mv=case.shown_mv,
        truth_mv=case.truth_mv,
        signal_mv=signal,
        deviation_mv=deviation,
        scored=scored,
        failed=failed,
        milliseconds=1000 * float(np.median(times)) if times else float("nan"),
    )
