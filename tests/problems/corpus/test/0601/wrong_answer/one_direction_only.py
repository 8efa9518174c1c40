class Solution:
    def familySizes(self, bracelets: list[str]) -> list[int]:
        sizes = {}
        for bracelet in bracelets:
            form = self.smallest_form(bracelet)
            sizes[form] = sizes.get(form, 0) + 1
        return sorted(sizes.values(), reverse=True)

    def smallest_form(self, bracelet: str) -> tuple[int, ...]:
        best = None
        for beads in (bracelet,):
            for start in range(len(beads)):
                # number the colours in the order in which they appear
                numbers = {}
                form = []
                for colour in beads[start:] + beads[:start]:
                    if colour not in numbers:
                        numbers[colour] = len(numbers)
                    form.append(numbers[colour])
                    if best is not None and form[-1] > best[len(form) - 1]:
                        break
                    if best is not None and form[-1] < best[len(form) - 1]:
                        best = None
                if best is None:
                    best = tuple(form)
        return best
