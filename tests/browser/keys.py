"""The keyboard in the hands of somebody without a mouse: Tab until it is reached, see that it is, press Enter."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

MOST = 40  # steps of the Tab key: whoever needs more needs another page
FOCUSED = """() => {
  const one = document.activeElement;
  const label = one.getAttribute('aria-label') || (one.labels && one.labels[0] || one).innerText || '';
  const box = one.getBoundingClientRect();
  const style = getComputedStyle(one);
  const middle = [box.left + box.width / 2, box.top + Math.min(box.height / 2, 20)];
  return {
    name: label.trim(), tag: one.tagName.toLowerCase(), id: one.id,
    ringed: style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2,
    inside: box.bottom > 0 && box.right > 0 && middle[0] < innerWidth && middle[1] < innerHeight,
  };
}"""


def skip(page: Page) -> None:
    """The first Tab of a page offers to skip the menu; taken. A form that was sent from there has its answer begin there."""
    if page.url.endswith("#main"):
        return
    page.keyboard.press("Tab")
    assert page.evaluate(FOCUSED)["name"] == "跳到正文"
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()


def tab_to(page: Page, name: str = "", *, at: str = "*", back: bool = False, most: int = MOST) -> None:
    """Press Tab (`back`: with Shift) until what is called `name` and matches the selector `at` has the focus, and is seen to have it."""
    passed = []
    for _ in range(most):
        page.keyboard.press("Shift+Tab" if back else "Tab")
        now = page.evaluate(FOCUSED)
        if now["name"].startswith(name) and page.evaluate("(at) => document.activeElement.matches(at)", at):
            assert now["ringed"], f"nobody sees that {name or at} has the focus"
            assert now["inside"], f"{name or at} has the focus outside the screen"
            return
        passed.append(now["name"] or now["tag"])
    pytest.fail(f"no Tab leads to {name or at}; past {passed}")


def follow(page: Page, name: str = "", *, at: str = "*", back: bool = False, most: int = MOST) -> None:
    """Tab to a link or button that opens another page, press Enter, and wait until that page's scripts have run."""
    tab_to(page, name, at=at, back=back, most=most)
    go(page)


def go(page: Page, key: str = "Enter") -> None:
    """Press a key that opens another page, and wait until that page's scripts have run: a key pressed before that is nobody's."""
    with page.expect_navigation(wait_until="load"):
        page.keyboard.press(key)


def write(page: Page, text: str, name: str = "", *, at: str = "*") -> None:
    """Tab to a field and type over what stands in it."""
    tab_to(page, name, at=at)
    page.keyboard.press("Control+A")
    page.keyboard.insert_text(text)
