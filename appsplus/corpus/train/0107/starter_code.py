def count_fair_pieces(beads: str, shortest: int) -> int:
