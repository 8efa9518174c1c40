"""Small objects made and thrown away by a method."""


class V:
    """A vector."""

    def __init__(self, x, y):
        self.x = x
        self.y = y

    def add(self, o):
        """The sum of two."""
        return V(self.x + o.x, self.y + o.y)


v = V(0, 0)
d = V(1, 2)
for _ in range(500000):
    v = v.add(d)
