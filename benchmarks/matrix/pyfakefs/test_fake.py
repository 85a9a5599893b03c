import os
import pathlib
import shutil
import tempfile

import pytest
import shop


def test_open(fs):
    fs.create_file("/shop/bill", contents="3")
    with open("/shop/bill") as bill:
        assert bill.read() == "3"
    assert not os.path.exists("/proc")


def test_paths(fs):
    folder = pathlib.Path("/shop")
    folder.mkdir()
    (folder / "bill").write_text("3")
    assert os.listdir("/shop") == ["bill"]
    shutil.rmtree(folder)


def test_temporary(fs):
    with tempfile.NamedTemporaryFile() as file:
        file.write(b"3")


def test_fails_in_a_fake_world(fs):
    os.mkdir("/shop")
    os.chdir("/shop")
    assert os.getcwd() == "/"


def test_no_room(fs):
    fs.set_disk_usage(10)
    with pytest.raises(OSError, match="No space"):
        pathlib.Path("/bill").write_text("x" * 100)


def test_leak_in_a_fake_world(fs):
    fs.create_file("/bill")
    shop.sell()


def test_in_the_real_world():
    assert os.path.exists(__file__)
