import threading

import pytest


@pytest.mark.timeout(0)
def test_without():
    assert threading.active_count() == 1
