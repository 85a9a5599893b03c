"""Which commit and branch is under test, without running git: from its files, or from what CI systems say of it."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping

from pytest_memguard.settings.nearby import upwards
from pytest_memguard.values import dataclass

__all__ = ["Revision", "revision_of"]

_HEADS = "refs/heads/"
_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")  # SHA-1 or SHA-256
_LONGEST = 4096
_MOST_REFS = 1_000_000
_MOST_LINKS = 5

# First what a pull request is made of, then what was pushed.
_COMMITS = (
    *("GITHUB_SHA", "CI_COMMIT_SHA", "BUILD_SOURCEVERSION", "BITBUCKET_COMMIT", "BUILDKITE_COMMIT"),
    *("CIRCLE_SHA1", "TRAVIS_COMMIT", "GIT_COMMIT"),
)
_BRANCHES = (
    *("GITHUB_HEAD_REF", "GITHUB_REF_NAME", "CI_MERGE_REQUEST_SOURCE_BRANCH_NAME", "CI_COMMIT_REF_NAME"),
    *("SYSTEM_PULLREQUEST_SOURCEBRANCH", "BUILD_SOURCEBRANCH", "BITBUCKET_BRANCH", "BUILDKITE_BRANCH"),
    *("CIRCLE_BRANCH", "TRAVIS_PULL_REQUEST_BRANCH", "TRAVIS_BRANCH", "CHANGE_BRANCH", "BRANCH_NAME", "GIT_BRANCH"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """What is under test, as far as it can be told; a detached HEAD has no branch of its own."""

    commit: str | None = None
    branch: str | None = None


def revision_of(folder: str, environ: Mapping[str, str]) -> Revision:
    """The revision of the work tree that *folder* is in; what its files do not say is taken from *environ*.

    Never raises: a repository that cannot be read is none.
    """
    try:
        found = _of_git(folder)
    except (OSError, ValueError):
        found = Revision()
    return Revision(
        commit=found.commit or _commit(environ),
        branch=found.branch or _first(environ, _BRANCHES),
    )


def _commit(environ: Mapping[str, str]) -> str | None:
    commit = (_first(environ, _COMMITS) or "").lower()
    return commit if _COMMIT.fullmatch(commit) else None


def _first(environ: Mapping[str, str], names: tuple[str, ...]) -> str | None:
    found = next((value for name in names if (value := environ.get(name, "").strip())), None)
    return None if found is None else found.removeprefix(_HEADS)[:_LONGEST]


def _of_git(folder: str) -> Revision:
    private = _git_folder(folder)
    if private is None:
        return Revision()
    common = os.path.join(private, _line(os.path.join(private, "commondir")) or "")
    name = "HEAD"
    branch = None
    for _ in range(_MOST_LINKS):
        value = _line(os.path.join(private, name)) or _line(os.path.join(common, name)) or _packed(common, name)
        if value is None:
            return Revision(branch=branch)
        if not value.startswith("ref:"):
            return Revision(commit=value if _COMMIT.fullmatch(value) else None, branch=branch)
        name = value.removeprefix("ref:").strip()
        # The new format of refs keeps this name in HEAD and the truth in binary tables.
        if not name.startswith("refs/") or ".." in name or name == f"{_HEADS}.invalid":
            return Revision()
        branch = name.removeprefix(_HEADS)
    return Revision()


def _git_folder(folder: str) -> str | None:
    """The ``.git`` above *folder*; of a worktree or a submodule the one that its file points to."""
    for above in upwards(os.path.realpath(folder)):
        path = os.path.join(above, ".git")
        if os.path.isdir(path):
            return path
        if os.path.isfile(path):
            target = (_line(path) or "").removeprefix("gitdir:").strip()
            return os.path.join(above, target) if target else None
    return None


def _packed(common: str, name: str) -> str | None:
    try:
        with open(os.path.join(common, "packed-refs"), encoding="utf-8", errors="replace") as lines:
            for _, line in zip(range(_MOST_REFS), lines, strict=False):
                commit, _, ref = line.rstrip("\n").partition(" ")
                if ref == name:
                    return commit
    except FileNotFoundError:
        pass
    return None


def _line(path: str) -> str | None:
    """The first line of a small file; None where there is no such file."""
    if not os.path.isfile(path):
        return None
    with open(path, encoding="utf-8", errors="replace") as stream:
        return stream.read(_LONGEST).partition("\n")[0].strip() or None
