def is_fair(rota: list[str], rest: int) -> bool:
