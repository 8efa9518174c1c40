class Solution:
    def finish_times(
        self, durations: list[int], needs_all: list[list[int]], needs_any: list[list[int]], latest: list[int]
    ) -> list[int]:
        
