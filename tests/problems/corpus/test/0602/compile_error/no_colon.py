def earliest_passage(lower: list[list[int]], upper: list[list[int]], slot: int, gap: int, day: int) -> int:
    # every closure forbids a range of starting minutes: first, last
    forbidden = []
    for begin, end in lower:
        forbidden.append((begin - slot + 1, end - 1))
    for begin, end in upper:
        offset = slot + gap
        forbidden.append((begin - offset - slot + 1, end - offset - 1))
    forbidden.sort()

    start = 0
    for first, last in forbidden
        if first > start:
            break
        if last >= start:
            start = last + 1
    if start + 2 * slot + gap > day:
        return -1
    return start
