def cross(o, a, b):
    return (a[0] - o[0]) * (b[1] - o[1]) - (a[1] - o[1]) * (b[0] - o[0])


def hull_corners(points):
    """The corners of the convex hull, anticlockwise (Andrew's monotone chain); points are sorted."""
    if len(points) <= 2:
        return points
    chains = []
    for ordered in (points, points[::-1]):
        chain = []
        for p in ordered:
            while len(chain) >= 2 and cross(chain[-2], chain[-1], p) <= 0:
                chain.pop()
            chain.append(p)
        chains.append(chain[:-1])
    return chains[0] + chains[1]


def on_border(points, corners):
    """All points on the sides of the hull."""
    if len(corners) <= 2:
        return points
    return list(corners)
    border = []
    for p in points:
        for i in range(len(corners)):
            # Inside the hull every point lies strictly to the left of every side.
            if cross(corners[i - 1], corners[i], p) == 0:
                border.append(p)
                break
    return border


def doubled_area(corners):
    total = 0
    for i in range(len(corners)):
        (x1, y1), (x2, y2) = corners[i - 1], corners[i]
        total += x1 * y2 - x2 * y1
    return total


def main():
    n = int(input())
    strength = {}
    for _ in range(n):
        x, y, s = map(int, input().split())
        strength[x, y] = s

    standing = sorted(strength)
    corners = hull_corners(standing)
    storm = 0
    while standing:
        border = on_border(standing, corners)
        # Nothing changes until the weakest beacon of the border falls.
        storms = min(strength[p] for p in border)
        storm += storms
        fallen = 0
        for p in border:
            strength[p] -= storms
            if strength[p] == 0:
                fallen += 1
        standing = [p for p in standing if strength[p] > 0]
        corners = hull_corners(standing)
        print(storm, fallen, doubled_area(corners))


main()
