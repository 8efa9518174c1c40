class Solution:
    def cheapest(self, volumes: list[int], colours: str, limit: int) -> list[int]:
        
