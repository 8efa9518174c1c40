class Solution:
    def first_fault(self, log: list[str], limit: int) -> int:
