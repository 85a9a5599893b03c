"""A run that can be talked to while it goes: its socket, the words that are exchanged, and who asks from outside.

The socket is one of datagrams: a question comes whole or not at all, an answer is sent or dropped, and nobody who asks
can hold the run up. The kernel rings when a question has come (see ``Door.ring``), so that nothing polls and no thread
waits.
"""
