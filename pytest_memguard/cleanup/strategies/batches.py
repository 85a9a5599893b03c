"""Batches: figures of matplotlib, memory blocks that Pillow keeps for images."""

from __future__ import annotations

from pytest_memguard.cleanup.registry import Strategy
from pytest_memguard.cleanup.strategies.living import loaded

__all__ = ["strategies"]

_PYPLOT, _IMAGE = "matplotlib.pyplot", "PIL.Image"


def strategies() -> tuple[Strategy, ...]:
    """Moderate: Pillow's spare blocks. Aggressive: figures."""
    return (
        Strategy(
            name="image_blocks",
            run=give_back_image_blocks,
            level="moderate",
            category="batches",
            needs=_IMAGE,
            during_tests=True,
        ),
        Strategy(name="figures", run=close_figures, level="aggressive", category="batches", needs=_PYPLOT),
    )


def give_back_image_blocks() -> int:
    """Free the blocks that Pillow keeps for its next images; gives their number. Images are left alone."""
    core = loaded(_IMAGE, "core")
    blocks = int(core.get_stats()["blocks_cached"])
    core.clear_cache()
    return blocks


def close_figures() -> int:
    """Close every figure that pyplot holds; gives their number. A figure that a fixture holds can still be drawn on."""
    pyplot = loaded(_PYPLOT)
    figures = len(pyplot.get_fignums())
    if figures:
        pyplot.close("all")
    return figures
