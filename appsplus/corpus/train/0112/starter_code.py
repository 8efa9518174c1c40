def farm_output(positions: list[int], heights: list[int], reach: int) -> list[int]:
