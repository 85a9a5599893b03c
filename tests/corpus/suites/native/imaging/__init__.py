"""An imaging library that talks to C: libc through ctypes, and the C types of the standard library."""
