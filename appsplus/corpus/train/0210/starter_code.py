class Solution:
    def duel(self, pond: list[str], row: int, column: int) -> str:
        
