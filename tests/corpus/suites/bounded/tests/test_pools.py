from __future__ import annotations

from limits import pools


def test_any_buffer():
    assert len(pools.objects.any().data) == 10_000


def test_connection_is_given_back():
    connection = pools.connections.take()
    assert connection.execute("select 1").fetchone() == (1,)
    pools.connections.give(connection)


def test_two_connections_at_once():
    first, second = pools.connections.take(), pools.connections.take()
    assert first is not second
    pools.connections.give(first)
    pools.connections.give(second)


def test_inbox(key):
    assert pools.receive(key) <= 40


def test_cursors_of_a_live_connection(key):
    connection = pools.database()
    for _ in range(3):
        connection.execute("select ?", (key,)).fetchall()
    cursors = [connection.cursor() for _ in range(10)]
    assert cursors[0].execute("select count(*) from visit").fetchone() is not None


def test_rows_are_deleted_again(key):
    connection = pools.database()
    with connection:
        connection.execute("insert into visit (page) values (?)", (key,))
    with connection:
        connection.execute("delete from visit where page = ?", (key,))
    assert connection.execute("select count(*) from visit where page = ?", (key,)).fetchone() == (0,)


def test_drain_empties_its_queue(key):
    for n in range(20):
        pools.drain.put(lambda n=n: f"{key} {n}")
    pools.drain.jobs.join()
    assert pools.drain.results[-1] == f"{key} 19"
