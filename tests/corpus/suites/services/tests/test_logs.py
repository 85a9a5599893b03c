from __future__ import annotations

import logging
import random
import uuid

import pytest
from svc import logs


def test_configure_gives_the_audit_log():
    assert logs.configure().name == "svc.audit"


def test_requests_are_tagged():
    assert logs.tag_requests(uuid.uuid4().hex).filters


def test_each_request_has_a_logger():
    logs.request_logger().debug("begin")


@pytest.mark.parametrize("level", logs.LEVELS)
def test_parts_log_at_every_level(level):
    for child in logs.CHILDREN:
        getattr(child, level)("part at %s: %d", level, random.randrange(10**6))


def test_random_part_is_enabled_for_errors():
    part = random.choice(logs.CHILDREN)
    assert part.isEnabledFor(logging.ERROR)


def test_counted_by_a_handler_of_its_own():
    assert logs.counted("once") == 1


def test_level_is_put_back(caplog):
    with caplog.at_level(logging.DEBUG, logger="svc.part1"):
        logs.CHILDREN[1].debug("visible %s", uuid.uuid4())
    assert len(caplog.records) == 1


def test_configuration_from_a_dict():
    import logging.config

    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "handlers": {"null": {"class": "logging.NullHandler"}},
            "loggers": {"svc.configured": {"handlers": ["null"], "level": "INFO"}},
        }
    )
    assert len(logging.getLogger("svc.configured").handlers) == 1
