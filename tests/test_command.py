"""The headless command: one JSON object, one report, one line for bad input."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from flowplay.__main__ import main

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
    # Judged by 10,000 held-out points when it was trained, by those of its snapshot now.
    assert shown.pop("nll") == pytest.approx(trained.pop("nll"), abs=0.1)
    assert shown.pop("gap") == pytest.approx(trained.pop("gap"), abs=0.1)
    assert shown == trained
    assert main(["show", str(path)]) == 0
    assert capsys.readouterr().out.startswith("moons · realnvp: held-out NLL ")


def test_a_saved_run_goes_on_where_it_stood(tmp_path: Path) -> None:
    from flowplay.training import train_slice
    from flowplay.wire import SavedRun

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
