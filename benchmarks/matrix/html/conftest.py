import pytest


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    report.extras = [*getattr(report, "extras", []), {"name": "when", "format_type": "text", "content": call.when, "extension": "txt", "mime_type": "text/plain"}]
    return report


def pytest_html_report_title(report):
    report.title = "Shop"
