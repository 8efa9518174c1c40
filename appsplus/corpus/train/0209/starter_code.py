class Solution:
    def first_chorus(self, periods: list[int], offsets: list[int], start: int) -> list[int]:
        
