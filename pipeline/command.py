"""The console command ``ecgphoto``.

Nothing heavy is imported here: each sub-command imports what it needs when it runs, so that
``ecgphoto --help`` answers at once. Findings go to stdout, progress and complaints to stderr.
Exit codes: 0 all read, 3 finished with rejections or errors, 2 usage or nothing could be written.
"""

from __future__ import annotations

import io
import json
import logging
import os
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from classification.options import TrainMaps, TrainSignals
from classification.train_combination import TrainCombination
from dataset_generation.augment_options import AugmentOptions
from dataset_generation.export_options import ExportOptions
from dataset_generation.options import GalleryOptions, GenerateOptions
from pipeline.options import BenchmarkOptions, DiagnoseOptions, DigitizeOptions
from pipeline.reading_study.options import ReadingStudyOptions
from pipeline.readings_options import ReadingsOptions
from reconstruction.options import TrainReconstructor
from segmentation.quantize import QuantizeLooks
from segmentation.train import TrainLook

if TYPE_CHECKING:
    from pipeline.batch import Outcome, Process

_MOST_JOBS = 4
EXIT_OK = 0
EXIT_USAGE = 2
EXIT_NOT_ALL_READ = 3
EXIT_STOPPED = 130

_DESCRIPTION = (
    "From a photo of a paper ECG to a calibrated 12-lead recording and an MI probability."
)


def _look(name: str) -> object:
    # The room's own configuration is the one description; the sub-command's name gives ``look``.
    default = TrainLook(look=name, ptbxl=tyro.MISSING, out=tyro.MISSING)  # type: ignore[arg-type]
    summary = f"Train the network of the {name.replace('-', ' ')}."
    return tyro.conf.subcommand(name, default=default, description=summary)


@dataclass(frozen=True)
class TrainOptions:
    """Train one of the networks; the same command goes on with a stopped run."""

    network: (
        Annotated[TrainLook, _look("page-look")]
        | Annotated[TrainLook, _look("layout-look")]
        | Annotated[TrainLook, _look("trace-look")]
        | Annotated[TrainLook, _look("lead-names")]
        | Annotated[TrainLook, _look("text-lines")]
        | Annotated[TrainSignals, tyro.conf.subcommand("signal-mi")]
        | Annotated[TrainMaps, tyro.conf.subcommand("maps-mi")]
        | Annotated[TrainCombination, tyro.conf.subcommand("mi-combination")]
        | Annotated[QuantizeLooks, tyro.conf.subcommand("int8-looks")]
        | Annotated[TrainReconstructor, tyro.conf.subcommand("reconstructor")]
    )


_Command = (
    Annotated[DigitizeOptions, tyro.conf.subcommand("digitize")]
    | Annotated[DiagnoseOptions, tyro.conf.subcommand("diagnose")]
    | Annotated[GenerateOptions, tyro.conf.subcommand("generate")]
    | Annotated[ExportOptions, tyro.conf.subcommand("export")]
    | Annotated[AugmentOptions, tyro.conf.subcommand("augment")]
    | Annotated[GalleryOptions, tyro.conf.subcommand("gallery")]
    | Annotated[ReadingsOptions, tyro.conf.subcommand("readings")]
    | Annotated[ReadingStudyOptions, tyro.conf.subcommand("reading-study")]
    | Annotated[TrainOptions, tyro.conf.subcommand("train")]
    | Annotated[BenchmarkOptions, tyro.conf.subcommand("benchmark")]
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one sub-command and returns its exit code; 130 where it was stopped by the keyboard."""
    try:
        return _main(arguments)
    except KeyboardInterrupt:
        print("ecgphoto: stopped; what is finished is kept", file=sys.stderr)
        return EXIT_STOPPED


def _main(arguments: Sequence[str] | None) -> int:
    """Runs one sub-command and returns its exit code.

    Args:
        arguments: what the user typed after ``ecgphoto``; by default the process's own.

    Raises:
        SystemExit: after help (0) or a usage error (2).
    """
    if isinstance(sys.stdout, io.TextIOWrapper):  # names may hold bytes that are no UTF-8
        sys.stdout.reconfigure(errors="backslashreplace")
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    if arguments == ["--version"]:
        print(f"ecgphoto {version('ecgphoto')}")
        return EXIT_OK
    options: Any = tyro.cli(
        _Command,
        prog="ecgphoto",
        description=_DESCRIPTION,
        args=arguments or ["--help"],
        config=(
            tyro.conf.FlagCreatePairsOff,
            tyro.conf.OmitArgPrefixes,
            tyro.conf.OmitSubcommandPrefixes,
        ),
    )
    if isinstance(options, DigitizeOptions):
        return _read_photos(options)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    if isinstance(options, GenerateOptions):
        return _generate(options)
    if isinstance(options, ExportOptions):
        from pipeline.export_command import run_export

        return run_export(options)
    if isinstance(options, AugmentOptions):
        from pipeline.augment_command import run_augment

        return run_augment(options)
    if isinstance(options, GalleryOptions):
        return _draw_gallery(options)
    if isinstance(options, ReadingsOptions):
        from pipeline.readings_command import run_readings

        return run_readings(options)
    if isinstance(options, ReadingStudyOptions):
        from pipeline.reading_study.command import run_reading_study

        return run_reading_study(options)
    if isinstance(options, TrainOptions):
        return _train(options.network)
    return _benchmark(options)


def _benchmark(options: BenchmarkOptions) -> int:
    from ecg.ptbxl import DatasetNotFoundError
    from pipeline.benchmark import BenchmarkError, run

    try:
        run(options.name, options)
    except (BenchmarkError, DatasetNotFoundError) as error:
        print(f"ecgphoto: {error}", file=sys.stderr)
        return EXIT_USAGE
    return EXIT_OK


def _generate(options: GenerateOptions) -> int:
    from dataset_generation.command import generate
    from dataset_generation.dataset import GenerationError
    from pipeline.cluster import ClusterError, on_ray

    try:
        summary = generate(options, on_ray(options.cluster) if options.cluster else None)
    except (GenerationError, ClusterError) as error:
        print(f"ecgphoto: {error}", file=sys.stderr)
        return EXIT_USAGE
    told = f"{summary.written} photos written"
    if summary.kept:
        told += f", {summary.kept} kept"
    if summary.failures:
        told += f", {len(summary.failures)} records left out"
    where = f"see {options.out}/data_card.md"
    if not summary.whole:
        where = "other parts are still to be made; the run that makes the last writes the index"
    print(f"{told}; {where}", file=sys.stderr)
    return EXIT_NOT_ALL_READ if summary.failures or summary.notes else EXIT_OK


def _draw_gallery(options: GalleryOptions) -> int:
    from dataset_generation.gallery import make_gallery
    from dataset_generation.sources import RecordError, SourceError, open_source

    try:
        source = open_source(options.data, records=1, seed=options.seed)
        written = make_gallery(source, options.out)
    except (SourceError, RecordError) as error:
        print(f"ecgphoto: {error}", file=sys.stderr)
        return EXIT_USAGE
    except OSError as error:
        print(f"ecgphoto: cannot write {options.out}: {error.strerror or error}", file=sys.stderr)
        return EXIT_USAGE
    print(f"{len(written)} pictures; see {options.out / 'README.md'}", file=sys.stderr)
    return EXIT_OK


_Training = (
    TrainLook | TrainSignals | TrainMaps | TrainCombination | QuantizeLooks | TrainReconstructor
)


def _train(config: _Training) -> int:
    from dataset_generation.readings_folder import ReadingsError
    from ecg.ptbxl import DatasetNotFoundError
    from learning.checkpoint import CheckpointError
    from learning.options import TrainError
    from learning.registry import UnknownNetworkError

    mistakes = (
        *(DatasetNotFoundError, ReadingsError, CheckpointError, UnknownNetworkError),
        *(TrainError, FloatingPointError),
    )
    try:
        _run_training(config)
    except mistakes as error:
        print(f"ecgphoto: {error}", file=sys.stderr)
        return EXIT_USAGE
    return EXIT_OK


def _run_training(config: _Training) -> None:
    if isinstance(config, TrainLook):
        from segmentation.train import train_look

        train_look(config)
    elif isinstance(config, TrainSignals):
        from classification.train_signals import main as train_signals

        train_signals(config)
    elif isinstance(config, TrainMaps):
        from classification.train_maps import main as train_maps

        train_maps(config)
    elif isinstance(config, QuantizeLooks):
        from segmentation.quantize import quantize_looks

        quantize_looks(config)
    elif isinstance(config, TrainReconstructor):
        from reconstruction.train import main as train_reconstructor

        train_reconstructor(config)
    else:
        from classification.train_combination import main as fit_combination

        fit_combination(config)


def _read_photos(options: DigitizeOptions) -> int:
    """``digitize`` and ``diagnose``."""
    diagnose = isinstance(options, DiagnoseOptions)
    from pipeline.inputs import collect_photos
    from pipeline.outputs import OutputError, ResultTree
    from pipeline.page_file import PageFileError, read_page_file
    from pipeline.photos import PhotoError

    try:
        photos = collect_photos(options.photos, options.out, records=diagnose)
        given: dict[str, Any] = {}
        if options.page is not None:
            given["given"] = read_page_file(options.page, photos, options.max_megapixels)
        tree = ResultTree(options.out, diagnose)
        from pipeline.batch import run_batch

        jobs = options.jobs or min(os.cpu_count() or 1, _MOST_JOBS, len(photos))
        if jobs > 1:
            # Photos side by side use the cores better than each on all of them.
            os.environ.setdefault("OMP_NUM_THREADS", "1")
        process = _load_process(options, given)
        outcomes = run_batch(
            photos, tree, process, diagnose, options.max_megapixels, options.formats, jobs
        )
        return _show(outcomes, len(photos), options)
    except (PhotoError, OutputError, PageFileError) as error:
        print(f"ecgphoto: {error}", file=sys.stderr)
        return EXIT_USAGE


def _load_process(options: DigitizeOptions, given: dict[str, Any]) -> Process:
    hints: dict[str, Any] = {
        **given,
        "layout": None if options.layout == "auto" else options.layout,
        "speed_mm_per_s": None if options.speed == "auto" else float(options.speed),
        "gain_mm_per_mv": None if options.gain == "auto" else float(options.gain),
        "mm_per_px": options.mm_per_px,
        "precision": options.precision,
    }
    if isinstance(options, DiagnoseOptions):
        from pipeline.diagnoser import Diagnoser

        return Diagnoser.load(**hints, complete=options.complete, explain=options.explain).diagnose
    from pipeline.digitizer import Digitizer

    return Digitizer.load(**hints).digitize


def _show(outcomes: Iterable[Outcome], files: int, options: DigitizeOptions) -> int:
    """Tells of each photo as soon as it is done; returns the exit code."""
    from tqdm import tqdm

    documents = []
    counts = {"read": 0, "rejected": 0, "error": 0}
    bar = tqdm(total=files, unit="photo", file=sys.stderr, disable=options.quiet or files < 2)
    with bar:
        last = None
        for outcome in outcomes:
            counts[outcome.row.status] += 1
            if outcome.row.photo != last:
                bar.update()
                last = outcome.row.photo
            if options.json:
                documents.append(_document(outcome))
            else:
                with bar.external_write_mode(file=sys.stdout):
                    print(_line(outcome), flush=True)
    if options.json:
        document = {"out": str(options.out), "counts": counts, "photos": documents}
        print(json.dumps(document, ensure_ascii=False, indent=2, allow_nan=False))
    else:
        told = ", ".join(f"{count} {status}" for status, count in counts.items() if count)
        print(f"{told}; results in {options.out}", file=sys.stderr)
    return EXIT_OK if not counts["rejected"] + counts["error"] else EXIT_NOT_ALL_READ


def _document(outcome: Outcome) -> dict[str, Any]:
    from pipeline.result_files import as_json

    document: dict[str, Any] = as_json(asdict(outcome.row))
    if outcome.diagnosis is not None:
        rate = outcome.diagnosis.heart_rate
        document["heart_rate_bpm"] = None if rate is None else round(rate.bpm, 1)
        document["mi"] = as_json(outcome.diagnosis.mi)
        document["doubt"] = outcome.diagnosis.doubt
    return document


def _line(outcome: Outcome) -> str:
    row = outcome.row
    name = row.photo if row.page == 1 else f"{row.photo}, page {row.page}"
    if row.status != "read":
        return f"{name}: {row.status}: {row.reason}"
    line = f"{name}: "
    if row.layout:
        line += f"{row.layout}, {row.speed_mm_per_s:g} mm/s, {row.gain_mm_per_mv:g} mm/mV, "
    line += f"{row.leads_found} of 12 leads"
    if row.quality is not None:
        line += f", quality {row.quality:.2f}"
    if outcome.diagnosis is not None:
        rate = outcome.diagnosis.heart_rate
        if rate is not None:
            line += f", {rate.bpm:.0f} beats/min"
        line += f"\n  myocardial infarction: {_DECISIONS[outcome.diagnosis.mi_decision]}"
        if row.mi_probability is not None:
            line += f" (probability {row.mi_probability:.2f})"
        elif row.reason:
            line += f": {row.reason}"
        if outcome.diagnosis.doubt:
            line += f"\n  doubt: {outcome.diagnosis.doubt}"
        line += f"\n  report: {outcome.folder}/report.html"
    return f"{line}, {row.seconds:.1f} s" if outcome.diagnosis is None else line


_DECISIONS = {
    "mi": "signs found",
    "no_mi": "no signs found",
    "cannot_tell": "cannot tell",
    "not_assessed": "not assessed",
}
