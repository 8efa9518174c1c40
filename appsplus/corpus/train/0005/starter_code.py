def swap_cards(first: list[int], second: list[int]) -> list[list[int]]:
