"""The test suites of others that the plugin is measured on: one row a project, versions pinned, nothing of theirs kept.

A row is chosen for what it exercises, not for how it comes out. Left out of a project's own tests is only what needs a
network, fails here without the plugin too, or takes most of the time with a handful of tests.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Suite:
    """How to get and run one project's tests.

    ``requirements`` are pip requirements besides the project itself (``name[extras]==version``); ``tests`` the files
    and folders below the source's root, or packages where ``source`` is ``wheel``; ``known_failures`` how many tests
    may fail in the plain run. ``oldest`` is the oldest Python that the pinned versions support.
    """

    name: str
    version: str
    about: str
    tests: tuple[str, ...]
    extras: str = ""
    requirements: tuple[str, ...] = ()
    arguments: tuple[str, ...] = ()
    source: Literal["sdist", "wheel"] = "sdist"
    known_failures: int = 0
    oldest: tuple[int, int] = field(default=(3, 10))

    @property
    def project(self) -> str:
        """The pip requirement of the project itself."""
        return f"{self.name}{self.extras}=={self.version}"

    @property
    def pytest_arguments(self) -> tuple[str, ...]:
        """What pytest gets besides the options of the benchmark."""
        where = ("--pyargs", *self.tests) if self.source == "wheel" else self.tests
        return (*self.arguments, *where)


SUITES: tuple[Suite, ...] = (
    Suite(
        name="jinja2",
        version="3.1.6",
        about="template engine: classes, compiled modules, zip imports",
        requirements=("trio==0.35.0",),
        tests=("tests",),
    ),
    Suite(
        name="click",
        version="8.5.1",
        about="command line toolkit: captured streams, one shared cause with many witnesses",
        tests=("tests",),
    ),
    Suite(
        name="attrs",
        version="26.1.0",
        about="classes made at run time, Hypothesis",
        requirements=("hypothesis==6.170.15", "cloudpickle==3.1.2", "pympler==1.1"),
        tests=("tests",),
        arguments=(
            "--hypothesis-seed=0",
            "--deselect=tests/test_converters.py::TestPipe::test_wrapped_annotation",
        ),
    ),
    Suite(
        name="cachetools",
        version="8.0.1",
        about="caching collections: TestCase, subtests, threads",
        tests=("tests",),
    ),
    Suite(name="boltons", version="26.2.0", about="utilities: files, sockets, temporary files", tests=("tests",)),
    Suite(
        name="tomlkit",
        version="0.15.2",
        about="parser, parametrized",
        requirements=("PyYAML==6.0.3",),
        tests=("tests",),
    ),
    Suite(
        name="marshmallow",
        version="4.4.0",
        about="serialiser: registries of classes",
        requirements=("simplejson==4.3.0",),
        tests=("tests",),
    ),
    Suite(
        name="babel",
        version="2.18.0",
        about="locale data loaded at first use, doctest namespace",
        requirements=("freezegun==1.5.5", "pytz==2026.6", "tzdata==2026.6"),
        tests=("tests/messages", "tests/test_dates.py", "tests/test_numbers.py"),
    ),
    Suite(
        name="structlog",
        version="26.1.0",
        about="logging: pytest-asyncio, frozen time, warnings",
        requirements=(
            "pytest-asyncio==1.5.0",
            "freezegun==1.5.5",
            "pretend==1.0.9",
            "time-machine==3.6.0",
            "simplejson==4.3.0",
            "rich==15.0.0",
            "twisted==26.10.0",
        ),
        tests=("tests",),
    ),
    Suite(
        name="wrapt",
        version="2.5.2",
        about="object proxies in C, modules compiled by the tests",
        tests=("tests",),
    ),
    Suite(
        name="sqlalchemy",
        version="2.1.9",
        about="ORM with a pytest plugin of its own and class-level tables",
        tests=("test/orm/test_query.py", "test/base"),
    ),
    Suite(
        name="networkx",
        version="3.4.2",
        about="graphs: class-based tests, some that count gc objects themselves",
        requirements=("numpy==2.2.6",),
        tests=("networkx/classes", "networkx/utils", "networkx/generators"),
    ),
    Suite(
        name="pandas",
        version="2.3.3",
        about="data frames: C extensions, a large heap",
        source="wheel",
        requirements=("numpy==2.2.6", "hypothesis==6.170.15", "python-dateutil==2.9.0.post0"),
        tests=("pandas.tests.series.methods",),
        arguments=("--deselect=test_rank.py::test_pct_max_many_rows",),
    ),
    Suite(
        name="anyio",
        version="4.16.0",
        about="asynchronous primitives on asyncio and trio through a plugin of its own",
        requirements=(
            "trio==0.35.0",
            "psutil==7.2.2",
            "trustme==1.2.1",
            "hypothesis==6.170.15",
            "blockbuster==1.5.29",
            "pytest-mock==3.17.0",
            "pytest-timeout==2.4.0",
            "truststore==0.10.5",
            "exceptiongroup==1.3.1",
        ),
        tests=("tests/test_synchronization.py", "tests/test_taskgroups.py", "tests/streams"),
        arguments=("--ignore=tests/streams/test_tls.py",),
    ),
    Suite(
        name="trio",
        version="0.35.0",
        about="an event loop's own tests: warnings are errors, gc is watched by the tests",
        requirements=("trustme==1.2.1", "pyopenssl==26.4.0", "astor==0.8.1", "async_generator==1.10"),
        tests=("src/trio/_core",),
    ),
    Suite(
        name="pydantic",
        version="2.14.3",
        extras="[email]",
        about="data validation with a core in Rust, warnings are errors",
        requirements=(
            "dirty-equals==0.11",
            "jsonschema==4.26.0",
            "pytest-mock==3.17.0",
            "pytest-benchmark==5.3.1",
            "pytest-examples==0.0.18",
            "pytest-run-parallel==0.10.0",
            "faker==40.54.0",
            "cloudpickle==3.1.2",
            "pytz==2026.6",
            "tzdata==2026.6",
            "inline-snapshot==0.36.1",
            "attrs==26.1.0",
        ),
        tests=(
            "tests/test_validators.py",
            "tests/test_types.py",
            "tests/test_main.py",
            "tests/test_edge_cases.py",
            "tests/test_fields.py",
            "tests/test_networks.py",
            "tests/test_config.py",
        ),
    ),
    Suite(
        name="werkzeug",
        version="3.1.9",
        about="web toolkit: request contexts, temporary files, warnings are errors",
        requirements=(
            "pytest-timeout==2.4.0",
            "pytest-xprocess==1.0.2",
            "ephemeral-port-reserve==1.1.4",
            "watchdog==6.0.0",
            "cryptography==50.0.2",
        ),
        tests=("tests",),
        arguments=("--ignore=tests/test_serving.py",),
    ),
    Suite(
        name="starlette",
        version="1.10.0",
        extras="[full]",
        about="ASGI: test clients, threads, each test on two event loops",
        requirements=("trio==0.35.0",),
        tests=("tests",),
        arguments=(
            "--ignore=tests/middleware/test_opentelemetry.py",
            "--deselect=tests/test_requests.py::test_request_headers",
            "--deselect=tests/test_websockets.py::test_websocket_headers",
            "--deselect=tests/test_staticfiles.py::test_staticfiles_with_invalid_dir_permissions_returns_401",
        ),
    ),
    Suite(
        name="urllib3",
        version="2.8.0",
        extras="[brotli,h2,socks]",
        about="connection pools, TLS objects, sockets",
        requirements=(
            "trustme==1.2.1",
            "tornado==6.6.1",
            "hypercorn==0.18.0",
            "quart==0.22.0",
            "quart-trio==0.12.0",
            "trio==0.35.0",
            "httpx==0.28.1",
            "pytest-timeout==2.4.0",
            "pytest-socket==0.8.1",
            "cryptography==50.0.2",
        ),
        tests=("test",),
        arguments=("--ignore=test/with_dummyserver", "--ignore=test/contrib"),
    ),
    Suite(
        name="wtforms",
        version="3.3.2",
        extras="[email]",
        about="forms: many small classes and translations",
        requirements=("babel==2.18.0",),
        tests=("tests",),
    ),
)


def chosen(names: str | None) -> tuple[Suite, ...]:
    """The rows of a comma list, all without one. Raises ValueError on an unknown name."""
    if names is None:
        return SUITES
    wanted = [name.strip() for name in names.split(",") if name.strip()]
    rows = {suite.name: suite for suite in SUITES}
    unknown = [name for name in wanted if name not in rows]
    if unknown:
        raise ValueError(f"no suite called {', '.join(unknown)}; there are {', '.join(rows)}")
    return tuple(rows[name] for name in wanted)
