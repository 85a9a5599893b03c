import signal
import threading

import pytest


@pytest.mark.timeout(0)
def test_without():
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
    assert threading.active_count() == 1
