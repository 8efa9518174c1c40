def seat_choir(wishes: list[str], seats: list[int]) -> str:
    
