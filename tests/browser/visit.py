"""One page that is open in a browser, with all that went wrong there; and what can be asked of any page."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

SCHEMES = ("light", "dark")
WIDTHS = (1440, 390)
# What no page has, and no name may bring.
FOREIGN = "main img, header img, iframe, object, embed, script[src], [onerror], [onload], [onclick]"
LAYOUT = (Path(__file__).parent / "layout.js").read_text("utf-8")
# A page says what it has to say in its own words; these are for machines.
_FOCUSED = """() => {
    const element = document.activeElement;
    const words = (element.getAttribute("aria-label") || element.textContent || "").trim().slice(0, 100);
    return [element.tagName.toLowerCase(), element.getAttribute("role"), words].filter(Boolean).join(" ");
}"""
# Plots are drawn again a while after the window has another size, so that nothing moves for a tenth of a second.
_SETTLED = """async () => {
    const boxes = () => [...document.querySelectorAll("main, main svg")].map((element) => {
        const { width, height, top } = element.getBoundingClientRect();
        return [width, height, top, getComputedStyle(element).color];
    }).join();
    for (let last = "", same = 0, rounds = 0; same < 5 && rounds < 200; rounds++) {
        await new Promise((done) => setTimeout(done, 20));
        const now = boxes();
        same = now === last ? same + 1 : 0;
        last = now;
    }
}"""
# What plotly.js draws is a picture to axe-core, whose sources it would look for on the network unless told not to.
_VIOLATIONS = """async (rules) => (await axe.run({ exclude: [[".plot-live"]] }, {
    resultTypes: ["violations"], preload: false, ...(rules.length ? { runOnly: rules } : {}),
})).violations"""
_RULES = {
    (WIDTHS[0], "dark"): ("color-contrast",),
    (WIDTHS[1], "light"): ("scrollable-region-focusable",),
    (WIDTHS[1], "dark"): None,
}
_WHEN_PRINTED = """() => addEventListener("beforeprint", () => {
    window.foldedOnPaper = document.querySelectorAll("details:not([open])").length;
})"""
_OUTLINE = "() => getComputedStyle(document.activeElement).outlineStyle"
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

    def look(self, width: int, scheme: str) -> None:
        """At that width and in those colours, drawn anew."""
        self.page.set_viewport_size({"width": width, "height": 900})
        self.page.emulate_media(color_scheme=scheme)
        self.settle()

    def settle(self) -> None:
        """Until what has changed is drawn."""
        self.tell(_SETTLED)

    def unfold(self) -> None:
        """Open all that is folded away."""
        self.tell("() => document.querySelectorAll('details').forEach((details) => { details.open = true; })")

    def folded_on_paper(self) -> int:
        """How much is still folded away when the page is printed."""
        self.tell(_WHEN_PRINTED)
        self.page.pdf(format="A4")
        return int(self.tell("() => window.foldedOnPaper"))

    def problems(self, axe: str | None = None, *, rules: Sequence[str] = ()) -> dict[str, list[str]]:
        """What is wrong with how the page looks now, also by the axe-core of source *axe*, or by some *rules* of it."""
        found: dict[str, list[str]] = self.tell(f"() => {{ {LAYOUT}; return problems(); }}")
        if axe is not None and (violations := self.accessibility(axe, rules)):
            found["accessibility"] = violations
        return found

    def accessibility(self, script: str, rules: Sequence[str] = ()) -> list[str]:
        """What axe-core has to say against the page, an element a line."""
        if not self.tell("() => 'axe' in window"):
            self.tell(script)
        violations = self.tell(_VIOLATIONS, list(rules))
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

    def tab_to(self, wanted: str) -> None:
        """The Tab key until something with these words has the focus, which must be to be seen."""
        for _ in range(200):
            self.page.keyboard.press("Tab")
            if wanted in self.focused():
                assert self.tell(_OUTLINE) not in ("none", "0px"), f"nobody sees the focus on {self.focused()}"
                return
        raise AssertionError(f"the Tab key never gets to {wanted!r}")

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


def looks(
    visit: Visit, axe: str | None = None, *, schemes: Sequence[str] = SCHEMES
) -> dict[tuple[int, str], dict[str, list[str]]]:
    """What is wrong with a page, by width and scheme; the backgrounds of the schemes must differ."""
    found, backgrounds = {}, set()
    for width in WIDTHS:
        for scheme in schemes:
            visit.look(width, scheme)
            backgrounds.add(visit.tell("() => getComputedStyle(document.body).backgroundColor"))
            # All but the colours is the same in both, and nearly all at every width; axe-core is slow.
            rules = _RULES.get((width, scheme), ())
            found[width, scheme] = visit.problems(axe if rules is not None else None, rules=rules or ())
    assert len(backgrounds) == len(schemes)
    return {look: problems for look, problems in found.items() if problems}


def count(visit: Visit, expected: int) -> None:
    """Wait until the page tells that it has found so many tests: a search waits for the next key."""
    told = "told => document.querySelector('[role=status]').textContent.startsWith(told)"
    visit.page.wait_for_function(told, arg=f"{expected:,} of ")
