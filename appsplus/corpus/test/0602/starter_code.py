def earliest_passage(lower: list[list[int]], upper: list[list[int]], slot: int, gap: int, day: int) -> int:
