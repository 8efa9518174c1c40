class Solution:
    def familySizes(self, bracelets: list[str]) -> list[int]:
