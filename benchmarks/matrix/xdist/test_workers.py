import os

import pytest
import shop


@pytest.mark.xdist_group("a")
@pytest.mark.parametrize("number", range(6))
def test_group(number, worker_id, testrun_uid):
    assert worker_id.startswith(("gw", "master"))
    assert testrun_uid


@pytest.mark.xdist_group("a")
def test_leak_in_a_group():
    shop.sell(3)


@pytest.mark.parametrize("number", range(6))
def test_others(number, tmp_path_factory):
    assert os.path.basename(tmp_path_factory.mktemp("till")).startswith("till")
