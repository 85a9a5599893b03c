"""Test doubles that the whole suite shares."""

from __future__ import annotations

from unittest import mock

gateway = mock.Mock()  # leak: shared-mock
gateway.charge.return_value = "ok"
clock = mock.MagicMock()  # leak: shared-clock
clock.return_value = 12.0
