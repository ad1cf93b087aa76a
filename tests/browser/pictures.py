"""The pictures of the console in docs/images/console, taken from a running `make run`:

    .venv/bin/python -m tests.browser.pictures http://127.0.0.1:8080 lishuji PASSWORD

Each page at 1366×768 and as on a phone (390×844), light; the home page also dark. In 256 colours, so that the repository stays small.
"""

from __future__ import annotations

import io
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

from tests.browser.conftest import DESKTOP, FLAGS, PHONE, chromium

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "images" / "console"
PAGES = {
    "today": "/console",
    "requests": "/console/requests",
    "tasks": "/console/tasks/month",
    "codes": "/console/codes",
    "members": "/console/members",
    "rosters": "/console/rosters",
    "figures": "/console/figures",
    "wishes": "/console/wishes",
}


def keep(page: Page, name: str) -> None:
    """The part of the page one sees without scrolling, in 256 colours."""
    picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB").quantize(256)
    picture.save(FOLDER / f"{name}.png", optimize=True)


def main(base: str, login: str, password: str) -> None:
    """Sign in and walk through the pages."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
        for size, viewport in {"desktop": DESKTOP, "phone": PHONE}.items():
            context = browser.new_context(base_url=base, viewport=viewport, locale="zh-CN", timezone_id="Asia/Shanghai")
            page = context.new_page()
            page.goto("/console/sign-in")
            page.fill("#login", login)
            page.fill("#password", password)
            page.press("#password", "Enter")
            page.wait_for_url("**/console")
            for name, path in PAGES.items():
                page.goto(path)
                page.wait_for_load_state("networkidle")
                keep(page, f"{name}-{size}")
        context.add_cookies([{"name": "gj_look", "value": "dark.normal", "url": f"{base}/console"}])
        page.goto("/console")
        keep(page, "today-phone-dark")
        browser.close()


if __name__ == "__main__":
    main(*sys.argv[1:4])
