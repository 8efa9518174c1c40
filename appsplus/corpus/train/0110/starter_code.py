class Solution:
    def shortestShift(self, ovens: list[list[int]], trays: int) -> int:
