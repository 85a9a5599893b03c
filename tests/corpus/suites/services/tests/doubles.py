"""Test doubles that the whole suite shares."""

from __future__ import annotations

from unittest import mock

gateway = mock.Mock()
gateway.charge.return_value = "ok"
clock = mock.MagicMock()
clock.return_value = 12.0
