"""One page that is open in a browser, with all that went wrong there; and what can be asked of any page."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

LAYOUT = (Path(__file__).parent / "layout.js").read_text("utf-8")
# A page says what it has to say in its own words; these are for machines.
_FOCUSED = """() => {
    const element = document.activeElement;
    const words = (element.getAttribute("aria-label") || element.textContent || "").trim().slice(0, 60);
    return [element.tagName.toLowerCase(), element.getAttribute("role"), words].filter(Boolean).join(" ");
}"""
_QUIET = frozenset({"debug", "verbose"})


class Visit:
    """A page, opened from a file, with nothing else to be had. ``faults`` must stay empty."""

    def __init__(self, page: Any, address: str) -> None:
        self.page = page
        self.faults: list[str] = []
        self._address = address
        page.on("console", self._said)
        page.on("pageerror", lambda error: self.faults.append(f"error: {error}"))
        page.on("request", self._requested)
        page.on("websocket", lambda socket: self.faults.append(f"socket: {socket.url}"))
        page.on("dialog", self._dialog)
        page.goto(address)

    def tell(self, script: str, argument: object = None) -> Any:
        """What a script of the test's own gives on the page."""
        return self.page.evaluate(script, argument)

    def layout(self, check: str) -> list[str]:
        """What one of the checks of ``layout.js`` finds, in words; nothing is what it should find."""
        found: list[str] = self.tell(f"() => {{ {LAYOUT}; return {check}(); }}")
        return found

    def accessibility(self, script: str) -> list[str]:
        """What axe-core has to say against the page, an element a line."""
        self.tell(script)
        violations = self.tell("async () => (await axe.run(document, {resultTypes: ['violations']})).violations")
        return [
            f"{violation['id']}: {node['target']} {node['failureSummary'].splitlines()[1:]}"
            for violation in violations
            for node in violation["nodes"]
        ]

    def focused(self) -> str:
        """A description of what has the focus: tag, role and text."""
        return str(self.tell(_FOCUSED))

    def press(self, *keys: str) -> None:
        """Keys, one after the other."""
        for key in keys:
            self.page.keyboard.press(key)

    def texts(self, selector: str) -> Sequence[str]:
        """The visible texts of all elements that match."""
        return [text.strip() for text in self.page.locator(selector).all_inner_texts()]

    def _said(self, message: Any) -> None:
        if message.type not in _QUIET:
            self.faults.append(f"console {message.type}: {message.text}")

    def _requested(self, request: Any) -> None:
        if request.url.split("#")[0] != self._address and not request.url.startswith(("data:", "blob:")):
            self.faults.append(f"request: {request.url}")

    def _dialog(self, dialog: Any) -> None:
        self.faults.append(f"dialog: {dialog.message}")
        dialog.dismiss()
