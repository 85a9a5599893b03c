"""Fixtures above function scope are set up for repetitions as they were for the run, and no test is run for that."""

from __future__ import annotations

import pytest

from tests.integration.suite import UNLIMITED

CASES = """
import unittest

class Case(unittest.TestCase):
    def setUp(self): self.shelf = ["bread"]
    def tearDown(self): self.shelf.clear()

""" + "\n".join(
    f"""
class Test{name}(Case):
    def test_{name.lower()}(self): self.assertEqual(self.shelf, ["bread"])
"""
    for name in ("Milk", "Flour", "Salt", "Sugar", "Yeast", "Water", "Oats", "Rye")
)


def test_a_class_costs_no_repetition_of_its_first_test(suite):
    """That test may take as long as all others, and every ``TestCase`` has a fixture of its class."""
    suite.write("test_cases.py", CASES)
    run = suite.run(UNLIMITED)

    assert run.verdicts == dict.fromkeys(run.tests, "clean")
    assert run.report["session"]["repetitions"] <= len(run.tests) + 2


FIXTURES = """
import os, warnings
import pytest

def note(text):
    with open(os.path.join(os.path.dirname(__file__), "notes"), "a") as file:
        file.write(text + "\\n")

@pytest.fixture(scope="session", params=["oven", "stove"])
def heat(request, tmp_path_factory):
    warnings.warn("heat is old", UserWarning, stacklevel=1)
    folder = tmp_path_factory.mktemp("heat")
    yield folder
    assert folder.is_dir()
    note("cooled")

@pytest.fixture(scope="module")
def stock(heat):
    print("stock is printed")
    yield {"bread": 3}

class TestShop:
    @pytest.fixture(scope="class", autouse=True)
    def opened(self, stock):
        assert type(self) is TestShop
        self.__class__.till = []
        yield
        del self.__class__.till

    def test_buys(self, stock):
        assert stock["bread"] == 3
        assert self.till == []

    def test_folder(self, heat):
        assert heat.is_dir()

def test_alone(stock, tmp_path):
    assert stock["bread"] == 3
"""


def test_they_are_what_the_run_had(suite):
    suite.write("test_shop.py", FIXTURES)
    plain = suite.run(memguard=False)
    cooled = (suite.path / "notes").read_text().count("cooled")
    run = suite.run(UNLIMITED)

    assert run.verdicts == dict.fromkeys(run.tests, "clean")
    assert len(run.tests) == 6
    assert run.outcomes == plain.outcomes
    assert "stock is printed" not in run.out
    assert (suite.path / "notes").read_text().count("cooled") >= 3 * cooled  # and what pass 2 sets up it tears down
    assert run.quiet


BROKEN = """
import pytest

made = []

@pytest.fixture(scope="module")
def port():
    made.append(1)
    if len(made) == 2:
        FAILS
    yield

def test_uses(port): pass

def test_does_not(): pass
"""


@pytest.mark.parametrize("fails", ["raise OSError('in use')", "pytest.skip('not here')", "pytest.exit('enough')"])
def test_where_that_fails_it_is_tried_with_the_test(suite, fails):
    suite.write("test_broken.py", BROKEN.replace("FAILS", fails))
    run = suite.run(UNLIMITED)

    assert run.code == 0, run.out
    assert run.quiet
    assert run.verdicts == {"test_uses": "clean", "test_does_not": "clean"}
