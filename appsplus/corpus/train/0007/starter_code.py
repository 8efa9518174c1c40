def average_reading(readings: list[list[int]], start: int, end: int) -> float:
