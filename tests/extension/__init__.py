"""A small C extension with functions that leak and functions that do not, built where it is needed.

Names that begin with ``leak_`` leak at every call, those that begin with ``free_`` do not.
"""

from __future__ import annotations
