"""The headless command: one JSON object, one report, one line for bad input."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from flowplay import config
from flowplay.__main__ import main
from flowplay.catalog import ARCHITECTURES
from flowplay.wire import SavedRun

FAST = ["--depth", "2", "--width", "8", "--samples", "500", "--steps", "20"]


def test_prints_one_json_object(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "--target", "circles", "--seed", "3", "--json", *FAST]) == 0
    printed = capsys.readouterr()
    result = json.loads(printed.out)
    assert {"nll", "entropy", "gap", "steps", "seconds", "ms_per_step", "parameters"} <= set(result)
    assert result["steps"] == 20
    assert result["gap"] == pytest.approx(result["nll"] - result["entropy"])
    assert result["config"]["target"] == "circles"
    assert printed.err == ""


def test_the_same_seed_gives_the_same_run(capsys: pytest.CaptureFixture[str]) -> None:
    results = []
    for _ in range(2):
        main(["train", "--json", "--seed", "5", *FAST])
        results.append(json.loads(capsys.readouterr().out)["nll"])
    assert results[0] == results[1]


@pytest.mark.parametrize(
    ("claimed", "told"), [("exact", "held-out NLL"), ("bound", "held-out bound of the NLL")]
)
def test_an_nll_is_told_only_where_it_is_exact(
    claimed: str,
    told: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    entry = replace(ARCHITECTURES["realnvp"], likelihood=claimed)  # type: ignore[arg-type]
    monkeypatch.setattr(config, "architectures_for", lambda _: {**ARCHITECTURES, "realnvp": entry})
    report = tmp_path / "report.html"
    assert main(["train", "--json", "--html", str(report), *FAST]) == 0
    result = json.loads(capsys.readouterr().out)
    if claimed == "exact":
        assert result["nll"] is not None
        assert "bound" not in result
    else:
        assert (result["nll"], result["gap"]) == (None, None)
        assert result["bound"] > result["entropy"]
    assert told in report.read_text("utf-8")
    assert main(["train", *FAST]) == 0
    assert told in capsys.readouterr().out


def test_writes_a_report(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "report.html"
    assert main(["train", "--html", str(path), *FAST]) == 0
    page = path.read_text("utf-8")
    assert "Two moons, learned by RealNVP" in page
    assert "entropy floor" in page
    assert "held-out NLL" in capsys.readouterr().out


def test_a_saved_run_is_told_of_as_it_was(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "run.safetensors"
    assert main(["train", "--save", str(path), "--json", "--noise", "0.1", *FAST]) == 0
    trained = json.loads(capsys.readouterr().out)
    assert main(["show", str(path), "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown == trained
    assert main(["show", str(path)]) == 0
    assert capsys.readouterr().out.startswith("moons · realnvp: held-out NLL ")


def test_an_energy_is_told_of_by_its_divergence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, report = tmp_path / "run.safetensors", tmp_path / "report.html"
    files = ["--save", str(path), "--html", str(report)]
    assert main(["train", "--target", "u1", "--architecture", "iaf", "--json", *files, *FAST]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["kl"] == pytest.approx(result["log_z"] - result["elbo"])
    assert result["log_z"] == pytest.approx(1.878, abs=1e-3)
    assert 0 < result["ess"] <= 1
    assert main(["show", str(path)]) == 0
    assert capsys.readouterr().out.startswith("u1 · iaf: KL(q‖p) ")
    assert "KL(q‖p), estimate" in report.read_text("utf-8")


def test_data_have_no_divergence_from_an_energy(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "run.safetensors"
    main(["train", "--json", "--save", str(path), *FAST])
    result = json.loads(capsys.readouterr().out)
    new = {"kl", "elbo", "log_z", "log_z_estimate", "ess"}
    assert {result[name] for name in new} == {None}
    # As a run that was saved before there were energies.
    saved = SavedRun.from_bytes(path.read_bytes())
    older = {name: value for name, value in saved.result.items() if name not in new}
    path.write_bytes(replace(saved, result=older).to_bytes())
    assert main(["show", str(path)]) == 0
    assert "held-out NLL" in capsys.readouterr().out


@pytest.mark.parametrize("flag", ["--html", "--save"])
def test_a_folder_in_place_of_a_file_is_refused_before_training(
    flag: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["train", flag, str(tmp_path), *FAST])
    assert stopped.value.code == 2
    assert capsys.readouterr().err == f"flowplay: {flag}: {tmp_path} is a folder.\n"


def test_a_plugin_that_is_not_there_is_one_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLOWPLAY_PLUGINS", "nope")
    with pytest.raises(SystemExit) as stopped:
        main(["train", *FAST])
    assert stopped.value.code == 2
    printed = capsys.readouterr().err
    assert printed.startswith("flowplay: FLOWPLAY_PLUGINS: nope cannot be imported")
    assert printed.count("\n") == 1


def test_a_report_that_fails_loses_no_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError("The disk is full.")

    monkeypatch.setattr("flowplay.reporting.write_report", fail)
    path = tmp_path / "run.safetensors"
    with pytest.raises(SystemExit):
        main(["train", "--html", str(tmp_path / "r.html"), "--save", str(path), "--json", *FAST])
    printed = json.loads(capsys.readouterr().out)
    main(["show", str(path), "--json"])
    assert json.loads(capsys.readouterr().out) == printed


def test_show_says_why_a_run_failed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:

    path = tmp_path / "run.safetensors"
    main(["train", "--save", str(path), "--json", *FAST])
    saved = SavedRun.from_bytes(path.read_bytes())
    failed = replace(saved, result=saved.result | {"failure": "Training diverged."})
    path.write_bytes(failed.to_bytes())
    capsys.readouterr()
    assert main(["show", str(path)]) == 0
    assert capsys.readouterr().err == "Training diverged.\n"


def test_a_saved_run_goes_on_where_it_stood(tmp_path: Path) -> None:
    from flowplay.training import train_slice

    path = tmp_path / "run.safetensors"
    main(["train", "--save", str(path), "--json", *FAST])
    saved = SavedRun.from_bytes(path.read_bytes())
    hot = saved.config.hot.model_copy(update={"budget": 40})
    state, _ = train_slice(saved.state, steps=5, hot=hot)
    assert (saved.snapshot.header.step, state.step) == (20, 25)


def damaged(content: bytes) -> list[bytes]:
    return [
        b"",
        b"no run at all",
        content[: len(content) // 2],
        content.replace(b"moons", b"m00ns"),
    ]


def test_a_file_that_is_no_run_is_refused_in_a_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "run.safetensors"
    main(["train", "--save", str(path), "--json", *FAST])
    for content in damaged(path.read_bytes()):
        path.write_bytes(content)
        capsys.readouterr()
        with pytest.raises(SystemExit) as stopped:
            main(["show", str(path)])
        printed = capsys.readouterr()
        assert stopped.value.code == 2
        assert (printed.out, printed.err.count("\n")) == ("", 1)
    with pytest.raises(SystemExit):
        main(["show", str(tmp_path / "nothing")])
    assert "cannot be read" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--depth", "100000"], "depth"),
        (["--width", "-3"], "width"),
        (["--target", "nope"], "target"),
        (["--seed", "abc"], "seed"),
        (["--bins", "4"], "Neither realnvp nor moons has an option bins"),
        (["--steps", "5", "--seconds", "5"], "not allowed with"),
        (["--noise", "nan"], "noise"),
        (["--noise", "9" * 5000], "is more than 0.3"),
        (
            ["--architecture", "mixed", "--recipe", "planar " + "9" * 4400],
            "has not 1 to 64 layers",
        ),
        (["--colour", "red"], "unrecognized"),
        (["--html", "/nowhere/at/all.html"], "does not exist"),
        (["--save", "/nowhere/at/all"], "does not exist"),
        (["--depth", "64", "--width", "512", "--batch-size", "16384"], "lower the batch size"),
        (["--seconds", "0"], "budget"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(
    arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["train", *arguments])
    printed = capsys.readouterr()
    assert stopped.value.code == 2
    assert printed.out == ""
    assert printed.err.count("\n") == 1
    assert sentence in printed.err
