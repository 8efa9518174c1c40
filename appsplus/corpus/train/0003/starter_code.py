class Solution:
    def caption(self, text: str, width: int) -> str:
