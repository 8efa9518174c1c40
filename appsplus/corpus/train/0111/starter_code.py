def smallest_fence(planks: str, clashes: list[str]) -> str:
