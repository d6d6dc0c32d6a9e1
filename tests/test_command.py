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
        (["--colour", "red"], "unrecognized"),
        (["--html", "/nowhere/at/all.html"], "does not exist"),
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
