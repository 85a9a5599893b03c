import signal
import time

import pytest


@pytest.mark.timeout(0.2)
def test_takes_too_long():
    time.sleep(30)


def test_the_clock_runs():
    assert 0 < signal.getitimer(signal.ITIMER_REAL)[0] <= 60
