import sys
from collections import deque


def earliest(rows, cols, shore):
    for r in range(rows):
        for c in range(cols):
            if shore[r][c] == "S":
                start = (r, c)

    # what matters is where she is and the minute modulo 3
    seen = {(start[0], start[1], 0)}
    queue = deque([(start[0], start[1], 0)])
    while queue:
        r, c, minute = queue.popleft()
        if shore[r][c] == "T":
            return minute
        later = minute + 1
        for dr, dc in ((0, 0), (1, 0), (-1, 0), (0, 1), (0, -1)):
            nr, nc = r + dr, c + dc
            if not (0 <= nr < rows and 0 <= nc < cols):
                continue
            cell = shore[nr][nc]
            if cell == "#" or cell == str(later % 3):
                continue
            if (nr, nc) not in seen:
                seen.add((nr, nc))
                queue.append((nr, nc, later))
    return None


lines = sys.stdin.read().split()
answer = earliest(int(lines[0]), int(lines[1]), lines[2:])
if answer is None:
    print("stranded")
else:
    print(answer)
