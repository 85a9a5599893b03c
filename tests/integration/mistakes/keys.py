"""Mistakes in the settings that a YAML file gives."""

from __future__ import annotations

from tests.integration.mistakes import yaml

MODES = "all, suspects, marked or none"
LINE = "from memguard.yaml, line"
YAML = [
    yaml(
        "a key of the top level that does not exist",
        "memroy:\n  limit: 1 GiB\n",
        told=("'memroy'", f"{LINE} 1", "expected memory", "did you mean 'memory'?"),
    ),
    yaml(
        "settings outside of memory",
        "monitoring:\n  historySize: 5\n",
        told=("'monitoring'", f"{LINE} 1", "expected memory", "put it under `memory:`"),
    ),
    yaml(
        "a key that does not exist",
        "memory:\n  monitoring:\n    checkIntervall: 30000\n",
        told=("'checkIntervall'", f"{LINE} 3", "expected enabled, checkInterval", "did you mean 'checkInterval'?"),
    ),
    yaml(
        "a key in the wrong section",
        "memory:\n  monitoring:\n    warning: 0.8\n",
        told=("'warning'", f"{LINE} 3", "expected enabled", "it belongs under memory.thresholds"),
    ),
    yaml(
        "a key in two spellings",
        "memory:\n  monitoring:\n    checkInterval: 100\n    check_interval: 200\n",
        told=("200", f"{LINE} 4", "checkInterval is the same setting", "keep one of the two"),
    ),
    yaml(
        "a percentage without its sign",
        "memory:\n  thresholds:\n    warning: 80\n",
        told=("80", f"{LINE} 3", "a fraction from 0 to 1", 'write "80%"'),
    ),
    yaml(
        "a negative interval",
        "memory:\n  monitoring:\n    checkInterval: -1\n",
        told=("-1", f"{LINE} 3", "it cannot be negative"),
    ),
    yaml(
        "a size that is not a number",
        "memory:\n  thresholds:\n    rss: .nan\n",
        told=("nan", f"{LINE} 3", "a size such as"),
    ),
    yaml("a size of no bytes", "memory:\n  limit: 0\n", told=("0", f"{LINE} 2", '"auto" or a size')),
    yaml(
        "a unit that does not exist",
        "memory:\n  limit: 400 MX\n",
        told=("'400 MX'", f"{LINE} 2", '"auto" or a size', "units are B, KB, MB"),
    ),
    yaml(
        "a number in quotes",
        'memory:\n  monitoring:\n    historySize: "100"\n',
        told=("'100'", f"{LINE} 3", "a whole number from 1"),
    ),
    yaml(
        "a switch in quotes",
        'memory:\n  cleanup:\n    autoCleanup: "no"\n',
        told=("'no'", f"{LINE} 3", "true or false"),
    ),
    yaml(
        "a word that YAML takes for false",
        "memory:\n  confirm: no\n",
        told=("False", f"{LINE} 2", MODES, "YAML reads a bare yes, no, on and off as true or false"),
    ),
    yaml(
        "a key without a value",
        "memory:\n  limit:\n",
        told=("None", f"{LINE} 2", '"auto" or a size', "give it a value"),
    ),
    yaml(
        "a value where a section belongs",
        "memory:\n  monitoring: true\n",
        told=("True", f"{LINE} 2", "a mapping of enabled, checkInterval"),
    ),
    yaml(
        "levels in the wrong order",
        "memory:\n  thresholds:\n    warning: 0.92\n",
        told=(
            "warning 92%",
            "(memguard.yaml: memory.thresholds.warning)",
            "must be below critical 90% (default)",
            "lower warning or raise critical",
        ),
    ),
    yaml(
        "a window longer than the history",
        "memory:\n  monitoring:\n    historySize: 12\n",
        told=(
            "history_size 12",
            "(memguard.yaml: memory.monitoring.historySize)",
            "leak_detection_window 15 (default) must be at most",
            "lower leak_detection_window or raise history_size",
        ),
    ),
    yaml(
        "an unknown floor",
        "memory:\n  confirm:\n    floors: {blcks: 2}\n",
        told=("'blcks'", f"{LINE} 3", "blocks or heap", "did you mean 'blocks'?"),
    ),
    yaml(
        "a component that is no mapping",
        "memory:\n  components:\n    cart: shop.cart\n",
        told=("'shop.cart'", f"{LINE} 3", "a mapping with track, limits, cleanup"),
    ),
    yaml(
        "a reference without a colon",
        "memory:\n  components:\n    cart:\n      track: [shop.cart.orders]\n",
        told=("'shop.cart.orders'", f"{LINE} 4", '"module:attribute"'),
    ),
    yaml(
        "a limit on what is not tracked",
        'memory:\n  components:\n    cart:\n      track: ["shop.cart:orders"]\n      limits: {order: 5}\n',
        told=("'order'", f"{LINE} 5", "expected orders", "did you mean 'orders'?"),
    ),
    yaml(
        "a cleanup level that does not exist",
        'memory:\n  components:\n    cart:\n      cleanup: {agressive: "shop.cart:reset"}\n',
        told=("'agressive'", f"{LINE} 4", "gentle, moderate, aggressive or emergency", "did you mean 'aggressive'?"),
    ),
    yaml(
        "a plan for a level that does not exist",
        "memory:\n  strategies:\n    between_tests: soft\n",
        told=("'soft'", f"{LINE} 3", "gentle, moderate, aggressive or emergency"),
    ),
    yaml(
        "a suppression without a reason",
        'memory:\n  suppressions:\n    - test: "tests/test_cart.py::*"\n',
        told=("tests/test_cart.py::*", f"{LINE} 3", "expected a reason", 'reason: "..."'),
    ),
    yaml(
        "a suppression without a pattern",
        "memory:\n  suppressions:\n    - reason: known\n",
        told=("{'reason': 'known'}", f"{LINE} 3", "at least one pattern", "name what is accepted"),
    ),
    yaml(
        "a date that is none",
        "memory:\n  suppressions:\n    - {test: x, reason: y, expires: soon}\n",
        told=("'soon'", f"{LINE} 3", "a date such as 2027-01-31"),
    ),
    yaml(
        "three mistakes at once",
        "memory:\n  limit: lots\n  confirm: sometimes\n  thresholds: {warning: high}\n",
        told=("'lots'", f"{LINE} 3", "'high'"),
    ),
]
