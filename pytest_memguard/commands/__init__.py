"""What ``memguard`` can be asked for: one module a command, each with ``add``, which describes it to the parser."""
