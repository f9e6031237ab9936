"""What is right, or is another optimizer, is never accused, however unusually it is written."""

from __future__ import annotations

import pytest
from audits import audit_here
from hypothesis import given, settings
from hypothesis import strategies as st
from right import RIGHT


@pytest.mark.parametrize("target", RIGHT)
def test_a_right_or_other_class_is_not_accused(target: str) -> None:
    found = audit_here(target)
    assert found.faults == ()
    assert (found.verdict, found.kind) == ("clean", RIGHT[target])


@settings(max_examples=12, deadline=None)
@given(
    target=st.sampled_from(["torch.optim:AdamW", "adamtune.optim:Adam", "right:Folded", "right:DecayInUpdateAdamW"]),
    lr=st.floats(1e-5, 1e-1),
    beta1=st.floats(0.0, 0.99),
    beta2=st.floats(0.5, 0.9999),
    eps=st.floats(1e-12, 1e-4),
)
def test_a_right_class_is_not_accused_with_any_settings(
    target: str, lr: float, beta1: float, beta2: float, eps: float
) -> None:
    found = audit_here(target, lr=lr, betas=[beta1, beta2], eps=eps)
    assert found.faults == ()
    assert found.kind in ("adam", "adamw")
