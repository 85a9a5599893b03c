import os
import socket

import pytest

from dock import boats, chores, crew, files, links, scratch


def test_cargo_list(cargo):
    assert files.read_cargo_list(cargo) == "apples\n"


def test_seal():
    assert files.seal("/etc/hostname") > 2


def test_signal_pipe():
    assert files.signal_pipe() > 2


def test_second_look(cargo):
    with open(cargo, "rb") as stream:
        assert files.second_look(stream.fileno()) > 2


def test_log_to_a_file_of_its_own(tmp_path):
    files.log_to(str(tmp_path / "harbour.log"), "arrived")


def test_scratch_sheet():
    assert files.scratch_sheet() > 2


def test_problem_is_remembered(cargo):
    files.check_all([cargo])


def test_chart(cargo):
    assert files.chart(cargo) == b"apple"


@pytest.mark.parametrize("name", ["north", "south"])
def test_register_seal(cargo, name):
    files.register_seal(name, cargo)


def test_call(listener):
    links.call(listener)


def test_open_office():
    assert links.open_office()[1]


def test_hand_over():
    assert links.hand_over() > 2


def test_watch():
    links.watch()


def test_hire():
    crew.hire(17)


def test_post_watchman():
    crew.post_watchman()


def test_by_hand():
    crew.by_hand()


def test_gang():
    assert crew.gang(3) == 8


def test_alarm():
    crew.set_alarm()


def test_stowaway():
    crew.stowaway()


def test_subscribe(office):
    office.ask(chores.subscribe())


def test_plan(office):
    office.ask(chores.plan())


def test_another_loop():
    chores.another_loop()


def test_launch():
    boats.launch()


def test_launch_with_line():
    assert boats.launch_with_line() == b"x"


def test_ghost():
    assert boats.ghost()


def test_fork_off():
    boats.fork_off()


def test_crate():
    assert os.path.isdir(scratch.crate())


def test_bill():
    scratch.bill("3 crates")


def test_note():
    scratch.note("3 crates")


def test_garbage():
    scratch.keep_garbage()


@pytest.fixture
def spyglass():
    return os.open("/etc/hostname", os.O_RDONLY)  # leak: spyglass


def test_spyglass(spyglass):
    assert os.read(spyglass, 1)
