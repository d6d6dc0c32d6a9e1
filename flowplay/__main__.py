"""The headless command: it trains as a page does, shows saved runs, and compresses with them."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NoReturn, get_args, get_origin

import numpy as np
from pydantic import ValidationError

from flowplay import shelf
from flowplay.catalog import ARCHITECTURES, IMAGE_ARCHITECTURES
from flowplay.config import RunConfig, all_options, complaint
from flowplay.errors import MissingDataError
from flowplay.plugins import load_plugins
from flowplay.problems import PROBLEMS, Energy, ImageProblem

if TYPE_CHECKING:
    from flowplay.models import Model
    from flowplay.wire import Drawing, ImageSet, RunState, SavedRun, Snapshot, Table

#: Held-out points behind the figure that is printed.
HELD_OUT = 10_000

#: Arguments that bring own data, or say how they are read.
_OWN_ARGUMENTS = ("table", "columns", "picture", "text", "images", "fit", "side", "colour")

#: Seconds between two lines of progress.
REPORT_EVERY = 0.5


class _Parser(argparse.ArgumentParser):
    """An argument parser whose complaints are one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="flowplay", description="Train generative models, normalizing flows first."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    train = commands.add_parser("train", help="train a run and print how good it became")
    for name, field in RunConfig.model_fields.items():
        if name in ("version", "options", "target_options", "budget", "budget_unit"):
            continue
        choices: dict[str, Any] = {}
        if name in ("target", "architecture"):
            names = PROBLEMS if name == "target" else {**ARCHITECTURES, **IMAGE_ARCHITECTURES}
            choices["metavar"] = "|".join(names)
        elif get_origin(field.annotation) is Literal:
            choices["metavar"] = "|".join(get_args(field.annotation))
        train.add_argument(f"--{name.replace('_', '-')}", help=field.description, **choices)
    for name, option in all_options().items():
        train.add_argument(f"--{name.replace('_', '-')}", help=option.help)
    budget = train.add_mutually_exclusive_group()
    budget.add_argument("--steps", help="stop after this many optimizer steps")
    budget.add_argument("--seconds", help="stop after this many seconds of training")
    own = train.add_mutually_exclusive_group()
    own.add_argument("--table", type=Path, metavar="FILE", help="learn a CSV, TSV or Parquet file")
    own.add_argument("--picture", type=Path, metavar="FILE", help="learn a PNG, JPEG or WebP")
    own.add_argument("--text", metavar="NAME", help="learn a name, drawn as a picture")
    own.add_argument(
        "--images", type=Path, metavar="FILE", help="learn small images: a ZIP of pictures, or one"
    )
    train.add_argument("--columns", help="with --table: names of 2 to 16 columns, as a,b")
    train.add_argument(
        "--fit", choices=("scale", "cut"), help="with --images: each picture as one image, or cut"
    )
    train.add_argument(
        "--side", type=int, choices=(8, 16), help="with --images: pixels along each side (8)"
    )
    train.add_argument(
        "--colour", action="store_true", help="with --images: keep colours; else they are grey"
    )
    train.add_argument("--json", action="store_true", help="print one JSON object, nothing else")
    train.add_argument("--html", type=Path, metavar="FILE", help="write a standalone report")
    train.add_argument("--save", type=Path, metavar="FILE", help="write the run to a file")
    show = commands.add_parser("show", help="describe a run that --save has written")
    show.add_argument("file", type=Path, metavar="FILE")
    show.add_argument("--json", action="store_true", help="print one JSON object, nothing else")
    compress = commands.add_parser("compress", help="compress images by a run of idf, lossless")
    compress.add_argument("run", type=Path, metavar="RUN", help="what train --save has written")
    compress.add_argument("images", type=Path, metavar="IMAGES.npy", help="uint8 [n, H, W(, C)]")
    compress.add_argument("file", type=Path, metavar="FILE", help="is written")
    compress.add_argument("--json", action="store_true", help="print one JSON object")
    decompress = commands.add_parser("decompress", help="give compressed images back")
    decompress.add_argument("run", type=Path, metavar="RUN", help="the run that compressed them")
    decompress.add_argument("file", type=Path, metavar="FILE", help="what compress has written")
    decompress.add_argument("images", type=Path, metavar="IMAGES.npy", help="is written")
    score = commands.add_parser("score", help="score the rows of a table by a run")
    score.add_argument("run", type=Path, metavar="RUN", help="what train --save has written")
    score.add_argument("file", type=Path, metavar="FILE", help="CSV, TSV or Parquet")
    score.add_argument("--label", help="column that says which rows are anomalies")
    score.add_argument(
        "--share", type=float, default=0.05, help="of held-out points called anomalous (0.05)"
    )
    score.add_argument("--out", type=Path, metavar="FILE", help="write the scored rows as CSV")
    score.add_argument("--json", action="store_true", help="print one JSON object")
    return parser


def _config(arguments: argparse.Namespace) -> RunConfig:
    """Read the run's config from the command line.

    Raises:
        ValidationError: as `RunConfig`.
        ValueError: for an option that the chosen target or architecture does not have.
    """
    own = ("command", "steps", "seconds", "json", "html", "save", *_OWN_ARGUMENTS)
    flat = {k: v for k, v in vars(arguments).items() if k not in own and v is not None}
    flat |= _own_data(arguments)
    for unit in ("steps", "seconds"):
        if (amount := getattr(arguments, unit)) is not None:
            flat |= {"budget": amount, "budget_unit": unit}
    config = RunConfig.from_flat(flat)
    for name in set(all_options()) & set(flat) - set(config.options) - set(config.target_options):
        raise ValueError(f"Neither {config.architecture} nor {config.target} has an option {name}.")
    return config


def _own_data(arguments: argparse.Namespace) -> dict[str, str]:
    """Read the data that the command names; return the target that they are.

    Raises:
        ValueError: if they cannot be read; the message is one sentence.
    """
    table, picture, text = arguments.table, arguments.picture, arguments.text
    if arguments.columns is not None and table is None:
        raise ValueError("--columns names columns of a --table.")
    if (arguments.fit or arguments.side or arguments.colour) and arguments.images is None:
        raise ValueError("--fit, --side and --colour say what becomes of --images.")
    given = next((x for x in (table, picture, text, arguments.images) if x is not None), None)
    if given is None:
        return {}
    if arguments.target is not None or arguments.data is not None:
        raise ValueError("Own data are the target: leave --target and --data out.")
    content: Drawing | Table | ImageSet
    target = "picture"
    if arguments.images is not None:
        content, target = _own_images(arguments), "own_images"
    elif text is not None:
        from flowplay.reading.picture import write_name

        content = write_name(text)
    elif picture is not None:
        from flowplay.reading.picture import read_picture

        content = read_picture(_bytes_of(picture), title=picture.stem)
    else:
        from flowplay.reading.table import read_table

        columns = arguments.columns
        names = None if columns is None else [name.strip() for name in columns.split(",")]
        found = read_table(_bytes_of(table), names, title=table.stem)
        content, target = found.table, "table"
        if not arguments.json:
            print(
                f"{len(content.rows):,} rows of {', '.join(content.columns)}; {found.dropped:,} "
                f"with gaps left out; {found.duplicates:,} duplicates.",
                file=sys.stderr,
            )
    return {"target": target, "data": shelf.put(content.to_bytes())}


def _own_images(arguments: argparse.Namespace) -> ImageSet:
    """Read the pictures that the command names as small images.

    Raises:
        ValueError: if they cannot be read; the message is one sentence.
    """
    from flowplay.reading.images import read_images

    path: Path = arguments.images
    found = read_images(
        _bytes_of(path),
        fit=arguments.fit or "scale",
        side=arguments.side or 8,
        colour=arguments.colour,
        title=path.stem,
    )
    if not arguments.json:
        print(
            f"{len(found.images.levels):,} images of {found.pictures:,} pictures; "
            f"{found.left_out:,} files left out. {found.why}",
            file=sys.stderr,
        )
    return found.images


def _bytes_of(path: Path) -> bytes:
    """Return the bytes of a file that is not too large to be read.

    Raises:
        ValueError: if it cannot be read; the message is one sentence.
    """
    from flowplay.reading import MOST_BYTES

    try:
        with path.open("rb") as file:
            return file.read(MOST_BYTES + 1)
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror}.") from error


def _score(arguments: argparse.Namespace) -> int:
    """Print how many rows are anomalies for a run, and how well it tells labelled ones."""
    from flowplay.anomalies import scored_csv, threshold
    from flowplay.problems import Tabular
    from flowplay.reading.scored import read_rows
    from flowplay.training import prepare_process
    from flowplay.training.live_run import LiveRun
    from flowplay.training.scoring import score_rows

    if not 0 < arguments.share < 1:
        raise ValueError("--share lies between 0 and 1.")
    if arguments.out is not None:
        _refuse_unwritable("out", arguments.out)
    prepare_process()
    state = _read_saved(arguments.run).state
    problem = state.config.problem()
    if not isinstance(problem, Tabular) and problem.window is None:
        raise ValueError(f"{problem.label} has no rows that a table could have.")
    columns = problem.columns if isinstance(problem, Tabular) else ["x", "y"]
    rows = read_rows(_bytes_of(arguments.file), columns, arguments.label)
    scored = score_rows(LiveRun(state), state, rows)
    limit = threshold(scored.calibration, arguments.share)
    result = {
        "rows": len(rows.rows),
        "scored": int((~np.isnan(scored.scores)).sum()),
        "seen": int((scored.seen > 0).sum()),
        "anomalies": int((scored.scores > limit).sum()),
        "threshold": limit,
        "share": arguments.share,
        "auc": scored.judged.get("auc"),
        "auc_interval": [scored.judged["auc_low"], scored.judged["auc_high"]]
        if scored.judged
        else None,
        "average_precision": scored.judged.get("average_precision"),
        "anomalous_label": rows.label_name[1] if rows.label_name else None,
    }
    if arguments.out is not None:
        arguments.out.write_bytes(scored_csv(rows, scored, arguments.share))
    if arguments.json:
        print(json.dumps(result), flush=True)
        return 0
    told = "" if result["auc"] is None else f" AUC {result['auc']:.4f}."
    print(
        f"{result['rows']:,} rows, {result['anomalies']:,} of them above the threshold of "
        f"{limit:.4f} nats, which {arguments.share:.1%} of held-out points exceed.{told}",
        flush=True,
    )
    return 0


def _train(config: RunConfig, *, quiet: bool) -> tuple[RunState, Snapshot]:
    """Train a run to the end of its budget, slice by slice, as a worker does."""
    from flowplay import kernels
    from flowplay.training import new_run, prepare_process, train_slice

    prepare_process()
    state, snapshot = train_slice(new_run(config), steps=0)
    while not snapshot.header.finished and not snapshot.header.failure:
        kernels.prepare()
        state, snapshot = train_slice(state, seconds=REPORT_EVERY)
        if not quiet:
            print(f"\r{_progress(snapshot)}", end="", file=sys.stderr)
    if not quiet:
        print(file=sys.stderr)
    return state, snapshot


def _progress(snapshot: Snapshot) -> str:
    measured = "  ".join(
        f"{m.label} {m.value:8.4f} {m.unit}".rstrip() for m in snapshot.measurements.values()
    )
    return f"step {snapshot.header.step:6d}  {measured}  {snapshot.header.seconds:6.1f} s"


def _result(config: RunConfig, state: RunState, snapshot: Snapshot) -> dict[str, Any]:
    """Return what is printed of a run; what its target or model does not have is None."""
    problem, header = config.problem(), snapshot.header
    judged = _judged(config, state)
    nll = judged["nll"]
    entropy = None if problem.density is None else problem.density.entropy
    train = snapshot.measurements.get("train")
    return {
        **judged,
        "entropy": entropy,
        "gap": None if nll is None or entropy is None else nll - entropy,
        **_energy_result(config, state),
        "likelihood": config.entry.likelihood,
        "steps": header.step,
        "seconds": round(header.seconds, 3),
        "ms_per_step": 1000 * header.seconds / max(1, header.step),
        "parameters": header.parameters,
        "train_loss": None if train is None else train.value,
        "device": header.device,
        "failure": header.failure,
        "config": config.model_dump(),
    }


def _judged(config: RunConfig, state: RunState) -> dict[str, Any]:
    """Return the NLL of points that the run has not seen, and how its samples compare with them.

    The NLL is None where it is not exact; a model that has a bound has the mean of that, too. Of
    images there are bits per dimension.
    """
    from flowplay.training.image_figures import image_figures
    from flowplay.training.snapshots import bound_of, held_out_loss_of, is_exact, samples_of

    if isinstance(config.problem(), ImageProblem) and config.entry.likelihood != "none":
        return image_figures(state)
    loss = held_out_loss_of(state, HELD_OUT)
    figures: dict[str, Any] = {
        "nll": loss if is_exact(state) else None,
        "samples": samples_of(state),
    }
    bound = bound_of(state, HELD_OUT)
    if bound is None and config.entry.likelihood == "bound":
        bound = loss
    if bound is not None:
        figures["bound"] = bound
    return figures


def _energy_result(config: RunConfig, state: RunState) -> dict[str, float | None]:
    """Return how near a model is to an energy: estimates from its own draws, and the true log Z."""
    from flowplay.training.snapshots import judged

    energy = config.problem()
    found = judged(state, HELD_OUT) if isinstance(energy, Energy) else {}
    log_z = energy.log_z if isinstance(energy, Energy) else None
    elbo = found.get("elbo")
    return {
        "kl": None if log_z is None or elbo is None else log_z - elbo,
        "elbo": elbo,
        "log_z": log_z,
        "log_z_estimate": found.get("log_z"),
        "ess": found.get("ess"),
    }


def _sentence(config: RunConfig, result: dict[str, Any]) -> str:
    """Say in a sentence how good a run became."""
    nll, bound, gap = result["nll"], result.get("bound"), result["gap"]
    if nll is not None:
        beside = "" if bound is None else f" (bound {bound:.4f})"
        good = f"held-out NLL {nll:.4f} nats{beside}"
    else:
        good = "no likelihood" if bound is None else f"held-out bound of the NLL {bound:.4f} nats"
    if "bits_per_dim" in result:
        good = f"{result['bits_per_dim']:.4f} bits per dimension ({result['bits_per_dim_kind']})"
        if result["bits_per_dim_iw"] is not None:
            good += f", {result['bits_per_dim_iw']:.4f} with importance weights"
    # Runs that were saved before there were energies do not speak of them.
    if result.get("kl") is not None:
        good = (
            f"KL(q‖p) {result['kl']:.4f} nats, ELBO {result['elbo']:.4f} below log Z "
            f"{result['log_z']:.4f}, effective sample size {result['ess']:.3f}; {good}"
        )
    if gap is not None:
        good += f", {gap:.4f} above the entropy {result['entropy']:.4f}"
    if samples := result.get("samples"):
        distance = samples["sliced_w2"]
        good += (
            f", sliced Wasserstein-2 of samples {distance['value']:.4f} ± {distance['error']:.4f} "
            f"(data {distance['data']:.4f})"
        )
    return (
        f"{config.target} · {config.architecture}: {good}, after {result['steps']} steps in "
        f"{result['seconds']:.1f} s ({result['ms_per_step']:.2f} ms a step, "
        f"{result['parameters']} parameters)."
    )


def _read_saved(path: Path) -> SavedRun:
    """Read a saved run, all of it.

    Raises:
        ValueError: if the file cannot be read, or is no saved run; the message is one sentence.
    """
    from flowplay.wire import SavedRun

    try:
        saved = SavedRun.from_bytes(path.read_bytes())
        saved.config, saved.state, saved.snapshot  # noqa: B018
        saved.put_data()
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror}.") from error
    except ValidationError as error:
        raise ValueError(f"{path}: {complaint(error)}") from error
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    return saved


def _show(path: Path, *, as_json: bool) -> int:
    saved = _read_saved(path)
    _print_result(saved.config, saved.result, as_json=as_json)
    return 0


def _compress(run: Path, images: Path, file: Path, *, as_json: bool) -> int:
    """Compress images to a file, and print its size beside others."""
    from flowplay.codec import codec_of, read_images
    from flowplay.codec.report import report, sentence

    _refuse_unwritable("file", file)
    model = _model_of(run)
    codec = codec_of(model)
    levels = read_images(images)
    data = codec.compress(levels)
    file.write_bytes(data)
    figures = report(codec, levels, len(data))
    print(json.dumps(figures) if as_json else sentence(figures), flush=True)
    return 0


def _decompress(run: Path, file: Path, images: Path) -> int:
    """Write the images of a compressed file."""
    from flowplay.codec import codec_of, write_images

    _refuse_unwritable("images", images)
    levels = codec_of(_model_of(run)).decompress(file.read_bytes())
    write_images(images, levels)
    print(f"{len(levels)} images.", flush=True)
    return 0


def _model_of(run: Path) -> Model:
    from flowplay.training import prepare_process
    from flowplay.training.live_run import LiveRun

    prepare_process()
    return LiveRun(_read_saved(run).state).model


def _print_trained(arguments: argparse.Namespace, config: RunConfig) -> int:
    state, snapshot = _train(config, quiet=arguments.json)
    result = _result(config, state, snapshot)
    if arguments.save is not None:
        from flowplay.wire import SavedRun

        saved = SavedRun.of(config, state.to_bytes(), snapshot.to_bytes(), result)
        arguments.save.write_bytes(saved.to_bytes())
    _print_result(config, result, as_json=arguments.json)
    if arguments.html is not None:
        from flowplay.reporting import write_report

        write_report(arguments.html, config, state, result)
    return 1 if snapshot.header.failure else 0


def _print_result(config: RunConfig, result: dict[str, Any], *, as_json: bool) -> None:
    print(json.dumps(result) if as_json else _sentence(config, result), flush=True)
    if result["failure"]:
        print(result["failure"], file=sys.stderr)


def _refuse_unwritable(name: str, path: Path) -> None:
    """Refuse a file that cannot be written.

    Raises:
        ValueError: if it cannot.
    """
    if not path.parent.is_dir():
        raise ValueError(f"--{name}: the folder {path.parent} does not exist.")
    if path.is_dir():
        raise ValueError(f"--{name}: {path} is a folder.")
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise ValueError(f"--{name}: {path} cannot be written.")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code (2 for bad input, 1 for a run that broke)."""
    try:
        load_plugins()
    except ImportError as error:
        _Parser(prog="flowplay").error(str(error))
    parser = _parser()
    arguments = parser.parse_args(argv)
    try:
        if arguments.command == "score":
            return _score(arguments)
        if arguments.command == "show":
            return _show(arguments.file, as_json=arguments.json)
        if arguments.command == "compress":
            run, images, file = arguments.run, arguments.images, arguments.file
            return _compress(run, images, file, as_json=arguments.json)
        if arguments.command == "decompress":
            return _decompress(arguments.run, arguments.file, arguments.images)
        config = _config(arguments)
        for name in ("html", "save"):
            path = getattr(arguments, name)
            if path is not None:
                _refuse_unwritable(name, path)
        return _print_trained(arguments, config)
    except ValidationError as error:
        parser.error(complaint(error))
    except (ValueError, OSError, MissingDataError) as error:
        parser.error(str(error))


if __name__ == "__main__":
    sys.exit(main())
