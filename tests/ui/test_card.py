"""The card of an architecture: a flow's has formulas, that of another model has none."""

from __future__ import annotations

from streamlit.testing.v1 import AppTest


def _flow() -> None:
    from flowplay.catalog import ARCHITECTURES
    from flowplay.ui.card import architecture_card

    architecture_card(ARCHITECTURES["nsf"])


def _another_model() -> None:
    from flowplay.catalog import ARCHITECTURES, Architecture
    from flowplay.ui.card import architecture_card

    flow = ARCHITECTURES["nsf"]
    architecture_card(
        Architecture(
            name="nsf",
            label="Another model",
            idea="It learns without layers.",
            use_when="In tests.",
            weakness="It gives no likelihood.",
            paper=flow.paper,
            defaults={},
            build="nowhere:at_all",
            likelihood="none",
        )
    )


def _shown(page: AppTest) -> str:
    assert not page.exception
    return "\n".join(element.value for element in page.markdown)


def test_a_flow_is_shown_with_its_formulas_and_costs() -> None:
    page = AppTest.from_function(_flow).run()
    assert "Sampling (z → x)" in _shown(page)
    assert len(page.latex) == 2


def test_a_model_that_is_no_flow_is_shown_without_formulas() -> None:
    page = AppTest.from_function(_another_model).run()
    shown = _shown(page)
    assert "It learns without layers." in shown
    assert "It gives no likelihood." in shown
    assert "z → x" not in shown
    assert not page.latex
