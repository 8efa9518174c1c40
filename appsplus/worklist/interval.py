"""How sure a share is: Wilson's score interval (E. B. Wilson, JASA 22, 1927)."""

import math

Z_95 = 1.959964  # of the normal distribution, two-sided 95 %


def wilson(hits: int, trials: int) -> list[float] | None:
    """The 95 % interval [low, high] of a share that was observed as `hits` of `trials`, to four digits; None for no trial.

    (p + z²/2n ± z sqrt(p(1-p)/n + z²/4n²)) / (1 + z²/n), with p = hits / trials and n = trials
    """
    if trials == 0:
        return None
    share, z2 = hits / trials, Z_95**2 / trials
    middle = share + z2 / 2
    spread = math.sqrt(share * (1 - share) * z2 + z2 * z2 / 4)
    low, high = (middle - spread) / (1 + z2), (middle + spread) / (1 + z2)
    return [round(max(0.0, low), 4), round(min(1.0, high), 4)]
