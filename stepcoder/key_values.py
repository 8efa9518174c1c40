"""A key-value cache with room to grow.

transformers' `DynamicCache` copies all keys and values of a batch for every token that is written; this one sets room aside,
and copies them only where that is used up or rows leave. Layers that keep something else (a sliding window, a state) stay
as transformers makes them.
"""

from typing import Any

from torch import Tensor
from transformers.cache_utils import DynamicCache, DynamicLayer

ROOM = 64  # positions that are set aside at once


class RoomyLayer(DynamicLayer):
    """Keys and values of a layer, (B, heads, N, width): the part that is used of tensors with more room."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._rooms: tuple[Tensor, Tensor]

    def update(self, key_states: Tensor, value_states: Tensor, *_: Any, **__: Any) -> tuple[Tensor, Tensor]:
        """Append some positions, (B, heads, new, width); returns all keys and values."""
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
            self._rooms = key_states[..., :0, :], value_states[..., :0, :]
        before, after = self.get_seq_length(), self.get_seq_length() + key_states.shape[-2]
        if after > self._rooms[0].shape[-2]:
            self._rooms = _with_room(self._rooms[0], before, after), _with_room(self._rooms[1], before, after)
        for room, new in zip(self._rooms, (key_states, value_states), strict=True):
            room[..., before:after, :] = new
        self.keys, self.values = (room[..., :after, :] for room in self._rooms)
        return self.keys, self.values

    def batch_select_indices(self, indices: Tensor) -> None:
        """Keep some rows."""
        used = self.get_seq_length()
        keys, values = self._rooms
        self._rooms = keys[indices], values[indices]
        self.keys, self.values = (room[..., :used, :] for room in self._rooms)


def _with_room(old: Tensor, used: int, needed: int) -> Tensor:
    new = old.new_empty(*old.shape[:-2], needed + ROOM, old.shape[-1])
    new[..., :used, :] = old[..., :used, :]
    return new


def new_cache(lm: Any) -> DynamicCache:
    """An empty cache for a language model."""
    cache = DynamicCache(config=lm.config)
    cache.layers = [RoomyLayer() if type(layer) is DynamicLayer else layer for layer in cache.layers]
    return cache
