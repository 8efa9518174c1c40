"""Names that programs of the call format may use without importing them. Standard library only.

Graders of functions (LeetCode's, the APPS runner) offer these, starter codes use them (`List[int]`), and models rely on
them. No builtin is shadowed: `pow`, `abs`, `sum` and their like stay Python's own. Programs of the stdin format get none.
"""

import importlib
from functools import cache
from typing import Any

_MODULES = (
    "bisect collections copy datetime fractions functools heapq itertools json math operator os random re statistics"
    " string sys time"
).split()
_NAMES = {
    "typing": "Any Callable Counter DefaultDict Deque Dict FrozenSet Generator Iterable Iterator List Mapping Optional"
    " Sequence Set Tuple TypeVar Union",
    "collections": "ChainMap Counter OrderedDict UserDict defaultdict deque namedtuple",
    "itertools": "accumulate chain combinations combinations_with_replacement compress count cycle dropwhile filterfalse"
    " groupby islice pairwise permutations product repeat starmap takewhile tee zip_longest",
    "functools": "cache cached_property cmp_to_key lru_cache partial reduce total_ordering wraps",
    "heapq": "heapify heappop heappush heappushpop heapreplace merge nlargest nsmallest",
    "bisect": "bisect_left bisect_right insort insort_left insort_right",
    "math": "acos asin atan atan2 ceil comb cos cosh degrees dist e erf exp fabs factorial floor fmod frexp gcd hypot inf"
    " isclose isinf isnan isqrt lcm log log10 log1p log2 modf nan perm pi prod radians sin sinh sqrt tan tanh tau trunc",
    "operator": "add and_ attrgetter floordiv iadd itemgetter mod mul neg or_ sub truediv xor",
    "string": "ascii_letters ascii_lowercase ascii_uppercase digits hexdigits punctuation",
    "random": "choice choices randint randrange sample shuffle uniform",
    "copy": "deepcopy",
    "datetime": "date timedelta",
}


@cache
def origins() -> dict[str, str]:
    """For every name, the import statement that gives it; where two modules share one, the later row of the table."""
    found = {name: f"import {name}" for name in _MODULES}
    for module, names in _NAMES.items():
        found.update({name: f"from {module} import {name}" for name in names.split()})
    return found


@cache
def names() -> dict[str, Any]:
    """The names and what they stand for."""
    found: dict[str, Any] = {name: importlib.import_module(name) for name in _MODULES}
    for module, listed in _NAMES.items():
        found.update({name: getattr(importlib.import_module(module), name) for name in listed.split()})
    return found
