"""Settings files that are not what they should be."""

from __future__ import annotations

from tests.integration.mistakes import Bad, yaml

FILE = "settings file memguard.yaml"
LIMIT_BOMB = "\n".join(
    ["a0: &a0 [1, 2, 3]", *(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}, *a{n - 1}]" for n in range(1, 12)), "memory: *a11"]
)
FILES = [
    yaml(
        "a key twice",
        "memory:\n  limit: 1 GiB\n  confirm: all\n  limit: 2 GiB\n",
        told=("key 'limit'", f"{FILE}, line 4", "is already in line 2", "keep one of the two"),
    ),
    yaml(
        "a list",
        "- memory\n- confirm\n",
        told=(
            "['memory', 'confirm']",
            FILE,
            "expected a mapping with the key 'memory'",
            "put the settings under `memory:`",
        ),
    ),
    yaml(
        "a tab for indentation",
        "memory:\n\tlimit: 1 GiB\n",
        told=("'\\t'", f"{FILE}, line 2", "is not valid YAML", "tabs, missing quotes and indentation"),
    ),
    yaml(
        "a bracket that stays open",
        "memory: {confirm: all\n",
        told=("'<stream end>'", f"{FILE}, line 2", "expected ',' or '}'", "tabs, missing quotes and indentation"),
    ),
    yaml(
        "two documents",
        "memory: {}\n---\nmemory: {}\n",
        told=(
            "another document",
            f"{FILE}, line 2",
            "expected a single document",
            "tabs, missing quotes and indentation",
        ),
    ),
    yaml(
        "an alias of nothing",
        "memory: *defaults\n",
        told=("'defaults'", f"{FILE}, line 1", "undefined alias", "tabs, missing quotes and indentation"),
    ),
    yaml(
        "a Python object",
        "memory: !!python/object/apply:os.getcwd []\n",
        told=("'!!python/object/apply:os.getcwd'", f"{FILE}, line 1", "is not supported", "take the tag out"),
    ),
    yaml(
        "a date that no calendar has",
        "memory: 2026-99-99\n",
        told=("'2026-99-99'", f"{FILE}, line 1", "is not a valid timestamp", "correct it, or quote it"),
    ),
    yaml(
        "aliases of aliases",
        LIMIT_BOMB + "\n",
        told=("more than 20000 values", FILE, "once its aliases are expanded", "write fewer aliases"),
    ),
    yaml(
        "an alias of what contains it",
        "memory: &all\n  confirm: *all\n",
        told=("an alias", f"{FILE}, line 1", "refers to what contains it", "take the alias out"),
    ),
    yaml(
        "too deep a nesting",
        "memory: " + "[" * 60 + "]" * 60 + "\n",
        told=("nested", f"{FILE}, line 1", "deeper than 50 levels", "tabs, missing quotes and indentation"),
    ),
    yaml("another encoding", b"memory:\n  # \xfcber\n", told=("byte 0xfc", FILE, "is not UTF-8", "save it as UTF-8")),
    yaml(
        "a binary file",
        b"memory: a\x00b\n",
        told=("#x0000", FILE, "special characters are not allowed", "tabs, missing quotes and indentation"),
    ),
    yaml(
        "a huge file",
        b"# padding\n" * 110_000,
        told=("larger than 1 MiB", FILE, "larger than 1 MiB", "check that this is the file you mean"),
    ),
    Bad(
        title="a directory",
        folders=("memguard.yaml",),
        told=("memguard.yaml", "(from rootdir)", "is a directory", "name a file in it"),
    ),
    Bad(
        title="a link to itself",
        links={"memguard.yaml": "memguard.yaml"},
        args=("--memguard-config=memguard.yaml",),
        told=("memguard.yaml", "(from the command line)", "cannot be read", "check its path and permissions"),
    ),
    Bad(
        title="two files to choose from",
        files={"memguard.yaml": "memory: {}\n", "memguard.yml": "memory: {}\n"},
        told=("memguard.yaml and memguard.yml", "are in ", "both", "keep one of the two"),
    ),
]
