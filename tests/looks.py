"""What is wrong with a page that a browser shows: to axe, to the keyboard, to a narrow screen.

axe-core comes from npm at its pinned version. It is evaluated over the debugging protocol, because
the pages' policy lets no script in that is not theirs.
"""

from __future__ import annotations

from dataclasses import dataclass

from playwright.sync_api import Page

from tests.running import ROOT

AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"

COLOURS = ("color-contrast",)

RUN_AXE = """async (only) => {
  const options = { resultTypes: ["violations"], ...(only.length && { runOnly: only }) };
  const { violations } = await axe.run(document, options);
  return violations.flatMap(({ id, nodes }) =>
    nodes.map(({ target, failureSummary }) => `${id} at ${target.join(" ")}: ${failureSummary}`));
}"""

# What can be used now: of a group of radio buttons one is on the way, and a dialog hides the rest.
START_TABBING = """() => {
  const shown = (each) => each.checkVisibility({ visibilityProperty: true }) &&
    each.getClientRects().length > 0;
  const usable = (each) => shown(each) && !each.disabled && each.tabIndex >= 0;
  const root = [...document.querySelectorAll("dialog:modal")].pop() ?? document.body;
  const kinds = "a[href], button, input, select, textarea, summary, [tabindex]";
  const controls = [...root.querySelectorAll(kinds)].filter(usable);
  const outlined = (each) => each && (getComputedStyle(each).outlineStyle !== "none" &&
    parseFloat(getComputedStyle(each).outlineWidth) >= 2);
  const ring = (each) => outlined(each) || outlined(each.closest("li, label"));
  window.tabbing = { controls, usable, reached: new Set(), dull: new Set() };
  document.addEventListener("focusin", ({ target }) => {
    tabbing.reached.add(target.type === "radio" ? target.name : target);
    if (!ring(target) && target.tabIndex >= 0) tabbing.dull.add(target);
  });
  document.activeElement?.blur();
  return tabbing.controls.length;
}"""
TABBED = """() => {
  const { controls, usable, reached, dull } = window.tabbing;
  const name = (each) => each.outerHTML.replace(/\\s+/g, " ").slice(0, 120);
  const missed = (each) => each.isConnected && usable(each) &&
    !reached.has(each.type === "radio" ? each.name : each);
  return [
    ...controls.filter(missed).map((each) => `Tab does not reach ${name(each)}`),
    ...[...dull].map((each) => `no ring around ${name(each)}`),
  ];
}"""

# Several changes within a second are one: what was changed first is not read out any more.
LISTEN = """() => {
  const places = "[role=status], [role=alert], [aria-live=polite], [aria-live=assertive]";
  window.heard = new Map();
  new MutationObserver((changes) => {
    for (const { target } of changes) {
      const place = (target.nodeType === 1 ? target : target.parentElement)?.closest(places);
      if (!place?.checkVisibility()) continue;
      const name = place.id || place.className;
      const before = heard.get(name) ?? { times: 0, at: -Infinity };
      if (performance.now() - before.at < 1000) continue;
      heard.set(name, { times: before.times + 1, at: performance.now() });
    }
  }).observe(document.body, { subtree: true, childList: true, characterData: true });
}"""
HEARD = "() => Object.fromEntries([...heard].map(([name, { times }]) => [name, times]))"

MOVING = """() => [...document.querySelectorAll("*")].filter((each) => {
  const style = getComputedStyle(each);
  return style.animationName !== "none" || style.transitionDuration.split(",").some(parseFloat);
}).map((each) => `moves: ${each.outerHTML.slice(0, 120)}`)"""

TOO_WIDE = """() => {
  const root = document.documentElement;
  return root.scrollWidth > root.clientWidth ? [`${root.scrollWidth} px wide`] : [];
}"""


@dataclass(frozen=True, slots=True)
class Shape:
    """One way in which a page is looked at."""

    name: str
    width: int
    height: int
    scheme: str

    def put_on(self, page: Page) -> None:
        page.set_viewport_size({"width": self.width, "height": self.height})
        other = "dark" if self.scheme == "light" else "light"
        # Charts take their colours, and the room for their labels, when the scheme changes. Colours
        # that fade would be measured half way.
        page.emulate_media(color_scheme=other, reduced_motion="reduce")
        page.emulate_media(color_scheme=self.scheme)


SHAPES = tuple(
    Shape(f"{size}-{scheme}", width, height, scheme)
    for size, width, height in (("wide", 1366, 900), ("phone", 390, 844))
    for scheme in ("light", "dark")
)


def axe(page: Page, *rules: str) -> list[str]:
    """What axe finds: by all its rules, best practices among them, or by some."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE.read_text(encoding="utf-8"))
    return list(page.evaluate(RUN_AXE, list(rules)))


def tab_through(page: Page) -> list[str]:
    """Press Tab until everything should have had the focus once."""
    for _ in range(page.evaluate(START_TABBING) + 3):
        page.keyboard.press("Tab")
    return list(page.evaluate(TABBED))


def moving(page: Page) -> list[str]:
    return list(page.evaluate(MOVING))


def too_wide(page: Page) -> list[str]:
    return list(page.evaluate(TOO_WIDE))
