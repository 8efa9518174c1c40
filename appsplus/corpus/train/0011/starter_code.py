class Solution:
    def clicks(self, start: int, stop: int) -> int:
