from __future__ import annotations

import copyreg
import pickle

import pytest
from svc import hooks


@pytest.fixture
def resource():
    return hooks.Resource("database")


def test_closed_at_exit(resource):
    hooks.at_exit(resource)
    assert resource.open


def test_exit_hook_taken_back(resource):
    hooks.at_exit_once(resource)
    assert resource.open


def test_closed_after_fork(resource):
    hooks.after_fork(resource)
    assert resource.open


def test_finalizer_is_alive(resource):
    assert hooks.finalized(resource).alive


def test_finalizer_that_knows_only_the_name(resource):
    assert hooks.finalized_by_name(resource).alive


def test_codec_is_registered():
    hooks.codec("rot14")
    with pytest.raises(LookupError):
        "x".encode("no-such-codec-here")


def test_import_hook_finds_nothing():
    hooks.import_hook("plugins.")
    with pytest.raises(ModuleNotFoundError):
        __import__("no_such_module_here")


def test_resource_follows_collections(resource):
    hooks.on_collection(resource)
    assert resource.open in (True, False)


def test_local_class_can_be_pickled_by_factory():
    class Point:
        pass

    hooks.pickled_by(Point, lambda point: (complex, (1, 2)))
    assert pickle.loads(pickle.dumps(Point())) == complex(1, 2)


def test_fixed_class_can_be_pickled_by_factory():
    hooks.pickled_by(hooks.Resource, lambda resource: (hooks.Resource, (resource.name,)))
    assert pickle.loads(pickle.dumps(hooks.Resource("cache"))).name == "cache"
    assert hooks.Resource in copyreg.dispatch_table


def test_renderer_of_a_local_class():
    class Chart:
        pass

    hooks.renderer_for(Chart)
    assert hooks.render(Chart()) == "<Chart>"


@pytest.mark.parametrize("value", [1, 1.5, "text", None, [1]], ids=repr)
def test_renderer_of_builtins(value):
    assert hooks.render(value) == str(value)
