"""What the how-to page on accepted leaks shows is what happens."""

from __future__ import annotations

import re

from tests import how_to

PAGE = how_to.ROOT / "docs" / "how-to" / "baseline.md"
UPDATE = "--memguard-update-baseline"


def shown(folder, name, *arguments, status=0):
    code, output = how_to.run(folder, *arguments)
    unwrapped = re.sub(r"(warning: .*)\n  (?=\S)", r"\1 ", output)
    unwrapped = re.sub(r"\n {13}(?=\S)", " ", unwrapped)
    assert code == status, output
    for line in (each for each in how_to.block(PAGE, name).splitlines() if each != ".."):
        assert how_to.plain(line) in how_to.plain(unwrapped.replace("\n", " ")), output


def without_days(text):
    return re.sub(r"\d{4}-\d\d-\d\d", "DAY", text)


def test_accepting_and_mending(tmp_path):
    how_to.write(tmp_path, PAGE, the_application="shop.py", the_tests="test_shop.py")
    (tmp_path / "conftest.py").touch()

    shown(tmp_path, "accepted", UPDATE)
    made = (tmp_path / "memguard-baseline.yaml").read_text("utf-8")
    assert without_days(made) == without_days(how_to.block(PAGE, "the baseline"))

    (tmp_path / "shop.py").write_text(how_to.block(PAGE, "the cure"), "utf-8")
    shown(tmp_path, "fixed")


def test_suppressing(tmp_path):
    how_to.write(tmp_path, PAGE, the_application="shop.py", the_tests="test_shop.py", suppressions="memguard.yaml")
    (tmp_path / "conftest.py").touch()

    shown(tmp_path, "the table")


def test_only_some_packages(tmp_path):
    how_to.write(tmp_path, PAGE, the_application="other.py", packages="memguard.yaml")
    test = how_to.block(PAGE, "the tests")
    (tmp_path / "test_shop.py").write_text(test.replace("shop", "other"), "utf-8")
    (tmp_path / "conftest.py").touch()

    code, output = how_to.run(tmp_path)

    assert code == 0, output
    assert "third-party: outside confirm.packages (shop)" in " ".join(output.split())


def test_every_file_that_is_linked_exists():
    targets = re.findall(r"\]\((?!https?:)([^)#]+)", PAGE.read_text("utf-8"))

    assert targets
    assert [target for target in targets if not (PAGE.parent / target).exists()] == []
