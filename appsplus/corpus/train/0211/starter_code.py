def best_jingle(words: list[str], scores: list[int], letters: int, length: int) -> list:
    
