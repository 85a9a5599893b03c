"""Write the parts of the reference that are made of the code: ``python -m tests.reference``."""

from __future__ import annotations

from tests.reference import pages, remade

if __name__ == "__main__":
    for page in pages():
        page.write_text(remade(page.read_text("utf-8")), "utf-8")
