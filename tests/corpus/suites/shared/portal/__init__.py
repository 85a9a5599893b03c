"""A web portal whose request tracing and record keeping are shared by many tests."""
