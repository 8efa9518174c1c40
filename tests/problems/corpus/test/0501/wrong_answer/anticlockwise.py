def move_desks(rows: list[list[str]], weeks: int) -> list[list[str]]:
    height = len(rows)
    width = len(rows[0])

    # the desks at the edge in the order in which one walks around
    edge = []
    for column in range(width):
        edge.append((0, column))
    for row in range(1, height):
        edge.append((row, width - 1))
    if height > 1 and width > 1:
        for column in range(width - 2, -1, -1):
            edge.append((height - 1, column))
        for row in range(height - 2, 0, -1):
            edge.append((row, 0))

    result = [list(row) for row in rows]
    for position, (row, column) in enumerate(edge):
        new_row, new_column = edge[(position - weeks) % len(edge)]
        result[new_row][new_column] = rows[row][column]
    return result
