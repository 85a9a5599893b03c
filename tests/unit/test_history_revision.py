"""Commit and branch as they are found without git."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest

from pytest_memguard.history.revision import Revision, revision_of

COMMIT = "3fa9c1d2" * 5
OTHER = "0123abcd" * 5
GIT = shutil.which("git")


def files(folder, **content):
    for name, text in content.items():
        path = folder / name.replace("__", "/").replace("_REFS", "-refs")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def test_of_a_branch(tmp_path):
    files(tmp_path / ".git", HEAD="ref: refs/heads/topic/a\n", refs__heads__topic__a=f"{COMMIT}\n")
    (tmp_path / "src" / "deep").mkdir(parents=True)

    assert revision_of(str(tmp_path / "src" / "deep"), {}) == Revision(commit=COMMIT, branch="topic/a")


def test_of_a_packed_branch(tmp_path):
    packed = f"# pack-refs with: peeled\n{OTHER} refs/heads/main2\n{COMMIT} refs/heads/main\n^{OTHER}\n"
    files(tmp_path / ".git", HEAD="ref: refs/heads/main\n", packed_REFS=packed)

    assert revision_of(str(tmp_path), {}) == Revision(commit=COMMIT, branch="main")


def test_of_a_worktree(tmp_path):
    main = files(tmp_path / "main" / ".git", HEAD="ref: refs/heads/main\n", refs__heads__topic=COMMIT)
    files(main / "worktrees" / "tree", HEAD="ref: refs/heads/topic\n", commondir="../..\n")
    files(tmp_path / "tree", **{".git": f"gitdir: {main / 'worktrees' / 'tree'}\n"})

    assert revision_of(str(tmp_path / "tree"), {}) == Revision(commit=COMMIT, branch="topic")


def test_of_a_submodule(tmp_path):
    files(tmp_path / ".git" / "modules" / "sub", HEAD=f"{COMMIT}\n")
    files(tmp_path / "sub", **{".git": "gitdir: ../.git/modules/sub\n"})

    assert revision_of(str(tmp_path / "sub"), {}) == Revision(commit=COMMIT)


def test_a_branch_without_a_commit_yet(tmp_path):
    files(tmp_path / ".git", HEAD="ref: refs/heads/main\n")

    assert revision_of(str(tmp_path), {}) == Revision(branch="main")


@pytest.mark.parametrize(
    "content",
    [
        {"HEAD": "ref: refs/heads/.invalid\n"},  # refs in a format of their own
        {"HEAD": "ref: refs/heads/../../../outside\n"},
        {"HEAD": "ref: refs/heads/a\n", "refs__heads__a": "ref: refs/heads/a\n"},
        {"HEAD": "\x00\xff garbage"},
        {"HEAD": ""},
        {"config": ""},
    ],
)
def test_what_cannot_be_understood_is_not_known(tmp_path, content):
    files(tmp_path / ".git", **content)
    environ = {"GITHUB_SHA": OTHER, "GITHUB_REF_NAME": "main"}

    assert revision_of(str(tmp_path), {}).commit is None
    assert revision_of(str(tmp_path), environ).commit == OTHER


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"GITHUB_SHA": COMMIT, "GITHUB_REF_NAME": "main"}, Revision(commit=COMMIT, branch="main")),
        ({"GITHUB_HEAD_REF": "topic", "GITHUB_REF_NAME": "7/merge"}, Revision(branch="topic")),
        ({"GITHUB_HEAD_REF": "", "GITHUB_REF_NAME": "main"}, Revision(branch="main")),
        ({"CI_COMMIT_SHA": COMMIT.upper(), "CI_COMMIT_REF_NAME": "main"}, Revision(commit=COMMIT, branch="main")),
        ({"BUILD_SOURCEBRANCH": "refs/heads/main"}, Revision(branch="main")),
        ({"GITHUB_SHA": "$(whoami)"}, Revision()),
        ({}, Revision()),
    ],
)
def test_of_a_ci_system_where_there_is_no_repository(tmp_path, environ, expected):
    assert revision_of(str(tmp_path / "nowhere"), environ) == expected


def test_a_detached_head_has_the_branch_that_the_ci_system_names(tmp_path):
    files(tmp_path / ".git", HEAD=f"{COMMIT}\n")
    environ = {"GITHUB_SHA": OTHER, "GITHUB_HEAD_REF": "topic"}

    assert revision_of(str(tmp_path), environ) == Revision(commit=COMMIT, branch="topic")


@pytest.mark.skipif(GIT is None, reason="git is not installed")
def test_git_itself_says_the_same(tmp_path):
    home = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}

    def git(*arguments, cwd=tmp_path):
        who = ("-c", "user.name=t", "-c", "user.email=t@example.com")
        done = subprocess.run([GIT, *who, *arguments], cwd=cwd, env=home, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    git("init", "-q", "-b", "trunk")
    git("commit", "-q", "--allow-empty", "-m", "first")
    first = git("rev-parse", "HEAD")
    assert revision_of(str(tmp_path), {}) == Revision(commit=first, branch="trunk")
    git("pack-refs", "--all")
    assert revision_of(str(tmp_path), {}) == Revision(commit=first, branch="trunk")
    git("worktree", "add", "-q", "-b", "topic/x", "tree")
    git("commit", "-q", "--allow-empty", "-m", "second", cwd=tmp_path / "tree")
    second = git("rev-parse", "HEAD", cwd=tmp_path / "tree")
    assert revision_of(str(tmp_path / "tree"), {}) == Revision(commit=second, branch="topic/x")
    git("checkout", "-q", "--detach")
    assert revision_of(str(tmp_path), {}) == Revision(commit=first)
