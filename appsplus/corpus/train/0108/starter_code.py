def distinct_readers(passes_to: list[int]) -> list[int]:
