class Solution:
    def first_fault(self, log: list[str], limit: int) -> int:
        opened = []
        for number, line in enumerate(log, start=1):
            action, hatch = line.split()
            if action == "open":
                if hatch in opened:
                    return number
                if len(opened) == limit:
                    return number
                opened.append(hatch)
            else:
                if hatch not in opened:
                    return number
                opened.remove(hatch)

        if opened:
            return len(log) + 1
        return 0
