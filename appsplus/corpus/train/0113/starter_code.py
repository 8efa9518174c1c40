class Solution:
    def restorationWeeks(self, pieces: int, needs: list[list[int]], crew: int) -> list[list[int]]:
