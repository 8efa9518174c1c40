def move_desks(rows: list[list[str]], weeks: int) -> list[list[str]]:
