"""Arrival times over a day: quiet nights, two peaks, one cloudburst. Pure."""

from bisect import bisect
from itertools import accumulate
from random import Random
from typing import Final

# Share of a day's reports by hour; the peak hour holds 10-12 % as hotlines publish it.
_HOURLY_WEIGHTS: Final = (4, 3, 2, 2, 3, 8, 20, 45, 85, 110, 100, 70, 45, 55, 80, 95, 85, 60, 45, 35, 25, 15)
_CUMULATIVE_WEIGHTS: Final = tuple(accumulate(_HOURLY_WEIGHTS))

# A day is played until ten in the evening; from there on the clock runs at real speed. So whoever looks around has two
# hours in which today's figures are the played day's, and the next day to be played is the one after it.
PLAYED_S: Final = len(_HOURLY_WEIGHTS) * 3600
# Nothing is reported in the last minutes that are played: the clock can wait there for late work within the day.
LAST_REPORT_S: Final = PLAYED_S - 10 * 60

BURST_START_S: Final = 15 * 3600 + 20 * 60
BURST_DURATION_S: Final = 40 * 60


def ordinary_second(rng: Random) -> float:
    """Pick a second of the day, peak hours more often."""
    hour = bisect(_CUMULATIVE_WEIGHTS, rng.random() * _CUMULATIVE_WEIGHTS[-1])
    return min((hour + rng.random()) * 3600, LAST_REPORT_S)


def burst_second(rng: Random) -> float:
    """Pick a second within the cloudburst, most often near its beginning."""
    return BURST_START_S + BURST_DURATION_S * rng.random() ** 2
