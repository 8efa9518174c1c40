def min_firings(sizes: list[int], low: list[int], high: list[int], capacity: int, after: list[list[int]]) -> int:
    
