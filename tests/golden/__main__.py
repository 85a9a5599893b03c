"""Write the golden files anew: ``python -m tests.golden``; what has changed is then to be read in the diff."""

from __future__ import annotations

from tests.golden import FOLDER, outputs

if __name__ == "__main__":
    for name, text in outputs():
        (FOLDER / name).write_text(text, "utf-8", newline="\n")
