"""Which problems are held out."""

import pytest

pytest.importorskip("torch", reason="the trainer's tests need torch: pip install torch, then '.[train]'")
pytest.importorskip("transformers", reason="the trainer's tests need transformers: pip install '.[train]'")

from stepcoder.prm.dataset import held_out


@pytest.mark.parametrize(
    ("problems", "share", "count"),
    [(10, 0.2, 2), (9, 0.2, 2), (2, 0.2, 1), (2, 0.9, 1), (1, 0.5, 0), (10, 0.0, 0), (0, 0.2, 0)],
)
def test_a_share_of_the_problems_is_held_out_but_never_all(problems: int, share: float, count: int) -> None:
    assert len(held_out([f"p/{n}" for n in range(problems)] * 3, share)) == count


def test_the_same_problems_give_the_same_choice_in_any_order() -> None:
    ids = [f"p/{n}" for n in range(20)]
    assert held_out(ids, 0.3) == held_out(ids[::-1], 0.3)
    assert held_out(ids, 0.3) != held_out([f"q/{n}" for n in range(20)], 0.3)
