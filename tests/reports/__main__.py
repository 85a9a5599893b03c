"""Write the pages of these reports into a folder, to be looked at: ``python -m tests.reports FOLDER``."""

from __future__ import annotations

import sys
from pathlib import Path

from pytest_memguard.report import write_report
from pytest_memguard.report.pages.run import page_of_run
from tests.reports import REPORTS, ROOT

for name, make in REPORTS.items():
    target = Path(sys.argv[1]) / f"{name}.html"
    write_report(target, page_of_run(str(ROOT))(make()), setting="the page", origin="the command line")
