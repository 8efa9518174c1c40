class Solution:
    def free_berths(self, n, taken):
