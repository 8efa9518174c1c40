"""The cache with room to grow has what transformers' own has, whatever is appended and whichever rows leave."""

import pytest

torch = pytest.importorskip("torch", reason="the trainer's tests need torch: pip install torch, then '.[train]'")
transformers = pytest.importorskip(
    "transformers", reason="the trainer's tests need transformers: pip install '.[train]'"
)

from stepcoder.key_values import ROOM, RoomyLayer, new_cache


def test_it_has_what_a_cache_that_copies_has() -> None:
    draw = torch.Generator().manual_seed(3)
    roomy, plain = RoomyLayer(), transformers.cache_utils.DynamicLayer()
    rows, copied = 6, 0
    for step in range(3 * ROOM):
        new = [torch.randn(rows, 2, 7 if step == 0 else 1, 4, generator=draw) for _ in range(2)]
        stood = roomy.keys.data_ptr() if step else 0
        for one, other in zip(roomy.update(*new), plain.update(*new), strict=True):
            assert torch.equal(one, other)
        assert roomy.get_mask_sizes(1) == plain.get_mask_sizes(1)
        copied += roomy.keys.data_ptr() != stood
        if step in (5, 6, 100):
            left = torch.arange(rows)[torch.randperm(rows, generator=draw)[: rows - 1]].sort().values
            roomy.batch_select_indices(left)
            plain.batch_select_indices(left)
            rows -= 1
            assert torch.equal(roomy.keys, plain.keys)
            assert torch.equal(roomy.values, plain.values)
    assert copied <= 3  # not with every token


def test_layers_that_keep_something_else_stay_as_they_are() -> None:
    shape = {
        "hidden_size": 8,
        "intermediate_size": 8,
        "num_attention_heads": 2,
        "num_key_value_heads": 2,
        "vocab_size": 9,
    }
    config = transformers.Qwen2Config(
        **shape, num_hidden_layers=2, use_sliding_window=True, sliding_window=4, max_window_layers=1
    )
    cache = new_cache(transformers.Qwen2ForCausalLM(config))
    sliding = transformers.cache_utils.DynamicSlidingWindowLayer
    assert [type(layer) for layer in cache.layers] == [RoomyLayer, sliding]
