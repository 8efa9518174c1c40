class Solution:
    def countMixups(self, badges: list[int], width: int, extra: int) -> int:
