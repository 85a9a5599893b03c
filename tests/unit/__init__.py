"""Tests of single modules: no pytester, no process, no waiting."""
