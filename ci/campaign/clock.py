"""The time that campaigns and hunts count: seconds of the monotonic clock, from no particular moment.

In the test of campaigns it is what the targets have done: CMACHECK_CLOCK names a file to which they add a byte for each
hundredth of a second that they stand for. On a busy machine a campaign then takes longer and does the same.
"""

import os
import time


def now():
    if "CMACHECK_CLOCK" in os.environ:
        return os.stat(os.environ["CMACHECK_CLOCK"]).st_size / 100
    return time.monotonic()
