def bell_cost(roads: list[list[int]], small: list[int], big: list[int]) -> int:
    
