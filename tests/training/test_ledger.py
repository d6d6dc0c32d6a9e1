"""A point's ledger, over the registry: its last line is the flow's own log-density."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from flowplay.flows import FAMILIES, Flow, Standardization, build_flow
from flowplay.training.ledger import point_ledger, point_ledgers
from flowplay.ui.components.ledger_view import _short, ledger_rows, worked_log_det
from flowplay.wire import Ledger

POINTS = 100


def random_flow(name: str) -> Flow:
    torch.manual_seed(1)
    standardization = Standardization(torch.tensor([-1.0, 2.0]), torch.tensor([0.5, 3.0]))
    flow = build_flow(name, depth=3, width=16, seed=0, standardization=standardization).double()
    with torch.no_grad():
        for p in flow.parameters():
            p.add_(0.1 * torch.randn_like(p))
    return flow


@pytest.fixture(scope="module", params=FAMILIES)
def flow(request: pytest.FixtureRequest) -> Flow:
    return random_flow(request.param)


def test_last_line_is_log_prob(flow: Flow) -> None:
    last = len(flow.bijections)
    x = flow.sample(POINTS, 1.2, torch.Generator().manual_seed(0))
    with torch.no_grad():
        expected = flow.log_prob(x)
    ledgers = point_ledgers(flow, last, x)
    assert len(ledgers) == POINTS
    for point, log_prob, ledger in zip(x.tolist(), expected.tolist(), ledgers, strict=True):
        assert ledger.total == pytest.approx(log_prob, abs=1e-5)
        assert ledger.log_prob == pytest.approx(log_prob, abs=1e-5)
        assert ledger.running_sums[0] == pytest.approx(ledger.log_dets.sum(), abs=1e-12)
        np.testing.assert_allclose(ledger.states[-1], point, rtol=0, atol=1e-12)


def test_jacobians_are_those_of_the_layers(flow: Flow) -> None:
    ledger = point_ledger(flow, len(flow.bijections), (-0.8, 1.5))
    determinants = np.linalg.det(ledger.jacobians)
    np.testing.assert_allclose(np.log(np.abs(determinants)), -ledger.log_dets, atol=1e-6)
    np.testing.assert_allclose(np.prod(ledger.singular_values, 1), np.abs(determinants), rtol=1e-6)
    assert (ledger.singular_values[:, 0] >= ledger.singular_values[:, 1]).all()


def test_a_point_of_any_layer_is_carried_to_the_data(flow: Flow) -> None:
    for k in range(len(flow.bijections) + 1):
        ledger = point_ledger(flow, k, (0.3, -0.4))
        np.testing.assert_allclose(ledger.states[k], (0.3, -0.4), atol=max(flow.tolerance, 1e-8))


def test_a_float32_flow_is_left_alone() -> None:
    flow = build_flow("realnvp", depth=2, width=8)
    ledger = point_ledger(flow, 2, (0.5, 0.5), step=7, token="here")
    assert next(flow.parameters()).dtype == torch.float32
    assert (ledger.step, ledger.token) == (7, "here")
    assert Ledger.from_bytes(ledger.to_bytes()).total == ledger.total


def test_what_is_no_point_is_refused() -> None:
    flow = build_flow("realnvp", depth=2, width=8)
    with pytest.raises(ValueError, match="between 0 and 2"):
        point_ledger(flow, 3, (0.0, 0.0))
    with pytest.raises(ValueError, match="finite"):
        point_ledger(flow, 1, (0.0, math.nan))
    with torch.no_grad():
        for p in flow.parameters():
            p.fill_(math.inf)
    with pytest.raises(ValueError, match="beyond all numbers"):
        point_ledger(flow, 1, (0.0, 0.0))


def test_the_table_runs_from_the_data_to_the_base() -> None:
    flow = random_flow("realnvp")
    ledger = point_ledger(flow, 4, (0.3, 0.4))
    rows = ledger_rows(ledger)
    assert [row["k"] for row in rows] == [4, 3, 2, 1, 0]
    first, *_, last = (row["cells"] for row in rows)
    assert isinstance(first, list)
    assert isinstance(last, list)
    assert first[:3] == ["x", "0.3000", "0.4000"]
    assert last[4] == f"{ledger.log_dets.sum():.4f}".replace("-", "−")


def test_the_log_det_by_hand_is_the_one_in_the_table(flow: Flow) -> None:
    """Recomputed from the digits that are shown, as a reader would."""
    last = len(flow.bijections)
    ledger = point_ledger(flow, last, (0.3, 0.4))
    rows = {row["k"]: row["cells"] for row in ledger_rows(ledger)}
    for k in range(1, last + 1):
        worked = worked_log_det(ledger, k)
        entries = worked["entries"]
        assert isinstance(entries, list)
        (a, b, c, d) = (float(entry.replace("−", "-")) for entry in entries)
        shown = rows[k - 1]
        assert isinstance(shown, list)
        in_table = float(shown[3].replace("−", "-"))
        # Four digits of four entries: their rounding is all that may differ.
        rounding = 5e-5 * (abs(a) + abs(b) + abs(c) + abs(d)) / abs(a * d - b * c) + 2e-4
        assert -math.log(abs(a * d - b * c)) == pytest.approx(in_table, abs=rounding)
        assert shown[3] in str(worked["sign"])


def test_a_small_determinant_is_not_written_as_zero() -> None:
    small = np.array([[[0.003, 0.0], [1.0, 0.02]]])
    log_det = -np.log([6e-5])
    ledger = Ledger("", 0, ["one"], 0.0, 0.0, np.zeros((2, 2)), log_det, small, np.ones((1, 2)))
    worked = worked_log_det(ledger, 1)
    assert worked["entries"] == ["0.003000", "0.0000", "1.0000", "0.02000"]
    assert str(worked["det"]).endswith("= 0.00006000")
    assert worked["log"] == "log|det J| = log 0.00006000 = −9.7212 nats, from z₀ to x"


def test_stretches_are_written_as_all_numbers_are() -> None:
    assert [_short(v) for v in (1234.5, 0.5, 2.5e-6)] == ["1,230", "0.5", "2.5 × 10⁻⁶"]
