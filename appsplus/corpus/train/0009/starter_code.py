class Solution:
    def pantry(self, entries: list[str]) -> dict[str, dict[str, int]]:
