from __future__ import annotations

import time
import uuid

from shop import sessions


def test_session_stays_open():
    store = sessions.SessionStore()
    assert store.user(store.open("ada")) == "ada"


def test_session_is_closed():
    store = sessions.SessionStore()
    key = store.open("ada")
    store.close(key)
    assert key not in store.sessions


def test_login_is_counted():
    assert sessions.log_in("ada", time.time()) >= 1


def test_recent_pages():
    assert len(sessions.visit("home")) <= 20


def test_tokens_are_evicted():
    for _ in range(5):
        sessions.tokens.remember(uuid.uuid4().hex, "ada")
    assert len(sessions.tokens) <= 24


def test_shape_of_a_value():
    assert sessions.shape({"width": 3})[0] == 300
