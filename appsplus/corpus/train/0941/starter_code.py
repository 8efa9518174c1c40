class Solution:
    def guarded(self, shifts: List[List[int]], pause: int) -> List[List[int]]:
