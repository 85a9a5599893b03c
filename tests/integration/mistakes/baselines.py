"""Baselines that are not what they should be."""

from __future__ import annotations

from tests.integration.mistakes import Bad

NAME = "memguard-baseline.yaml"
BOMB = "\n".join(
    ["a0: &a0 [1, 2, 3]", *(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}, *a{n - 1}]" for n in range(1, 12)), "leaks: *a11"]
)


def base(title, text, *, told):
    return Bad(title=title, files={NAME: text}, told=told)


BASELINES = [
    Bad(
        title="a baseline that was never made",
        args=("--memguard-baseline=known.yaml",),
        told=("known.yaml", "(from the command line)", "does not exist", "make it with --memguard-update-baseline"),
    ),
    Bad(
        title="a baseline in a folder that is not there",
        args=("--memguard-baseline=ci/known.yaml", "--memguard-update-baseline"),
        told=("ci/known.yaml", "(from the command line)", "there is no such directory", "check the path"),
    ),
    Bad(
        title="a baseline that is a directory",
        folders=(NAME,),
        told=(NAME, "(from rootdir)", "is a directory", "name a file in it"),
    ),
    base(
        "an accepted leak without a reason",
        'leaks:\n  - signature: "3fa9c1d2e4ab"\n',
        told=("'3fa9c1d2e4ab'", f"from {NAME}, line 2", "expected a reason", "say why this leak is accepted"),
    ),
    base(
        "an accepted leak without a signature",
        'leaks:\n  - reason: "the audit log"\n',
        told=("'the audit log'", f"from {NAME}, line 2", "expected a signature", "the report shows it in brackets"),
    ),
    base(
        "a signature that is a number for YAML",
        "leaks:\n  - signature: 750237\n    reason: the audit log\n",
        told=(
            "750237",
            f"from {NAME}, line 2",
            "6 to 12 hexadecimal digits in quotes",
            "the report shows it in brackets",
        ),
    ),
    base(
        "an accepted leak until a day that is none",
        'leaks:\n  - {signature: "3fa9c1", reason: known, expires: soon}\n',
        told=("'soon'", f"from {NAME}, line 2", "expected a date", "correct it there, or leave it out"),
    ),
    base(
        "a signature twice",
        'leaks:\n  - {signature: "3fa9c1", reason: known}\n  - {signature: "3fa9c1", reason: known}\n',
        told=("'3fa9c1'", f"from {NAME}, line 3", "it is already in line 2", "keep one of the two"),
    ),
    base(
        "a misspelt key of an accepted leak",
        'leaks:\n  - {signature: "3fa9c1", reason: known, expire: 2027-01-31}\n',
        told=("'expire'", f"from {NAME}, line 2", "expires", "did you mean 'expires'?"),
    ),
    base(
        "a merge that was not finished",
        "<<<<<<< ours\nleaks:\n=======\nleaks: []\n>>>>>>> theirs\n",
        told=("baseline", f"{NAME}, line 2", "is not valid YAML", "tabs, missing quotes and indentation"),
    ),
    base(
        "a baseline of a newer version",
        "schema: 2\nleaks: []\n",
        told=("schema 2", f"from {NAME}, line 1", "expected at most 1", "use that version or a newer one"),
    ),
    base(
        "a baseline full of aliases",
        BOMB + "\n",
        told=("more than 20000 values", NAME, "once its aliases are expanded", "write fewer aliases"),
    ),
    base(
        "a baseline in another encoding",
        b"leaks:\n  # \xfcber\n",
        told=("byte 0xfc", f"baseline {NAME}", "is not UTF-8", "save it as UTF-8"),
    ),
    base(
        "a huge baseline",
        b"# padding\n" * 110_000,
        told=("baseline", NAME, "larger than 1 MiB", "check that this is the file you mean"),
    ),
]
