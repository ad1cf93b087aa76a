"""What a person does between his password and his desk: the authenticator's code, a password of his own, an authenticator.

Nobody is signed in meanwhile: that the password was right travels sealed in the form, for this browser, for ten minutes, and is void once
the password changes. docs/decisions/0012-sign-in-of-staff.md says why.
"""

from __future__ import annotations

import hashlib
from base64 import b64encode
from typing import Any

from flask import Response, request

from qr import bitmaps
from server import clock
from server.console import look, visitors
from server.console.views import seats
from server.db.base import reading, transaction
from server.db.models.people import StaffLogin
from server.domain.permissions import Actor
from server.domain.problems import Problem
from server.services import second_factors, staff
from server.services.staff import Step
from server.statuses import STATUS

SECONDS = 600
USE, SECRET = "step", "secret"
PAGES = {Step.SECOND: "console/sign_in/second.html", Step.RENEW: "console/sign_in/renew.html", Step.ENROL: "console/sign_in/enrol.html"}


def go_on(found: StaffLogin, *, proven: bool) -> Response:
    """The next step, or the desk."""
    now, known = clock.now(), visitors.known() or visitors.new_browser()
    with transaction() as session:
        row = staff.still(session, found)
        left = staff.outstanding(session, row, proven=proven, now=now)
        token = "" if left is not None else staff.sign_in(session, found=row, now=now, browser=seats.browser_label(), device=known)
    return seats.seated(token, known=known) if left is None else _ask(left, row, proven=proven)


def second() -> Response:
    """The authenticator's code, or one from paper."""
    return _step(Step.SECOND, _second)


def renew() -> Response:
    """A password of his own."""
    return _step(Step.RENEW, _renew)


def enrol() -> Response:
    """An authenticator; the recovery codes are shown on the way to the desk."""
    return _step(Step.ENROL, _enrol)


def _step(step: Step, work: Any) -> Response:
    """Whoever is at this step does its work; a refusal shows the step again."""
    try:
        visitors.check_csrf(visitors.browser())
        found, proven = _stood(step)
    except Problem as problem:
        return look.sign_in(draft=request.form.get("draft", ""), to=visitors.back("/console"), problem=problem, status=409)
    try:
        answer: Response = work(found, proven)
        return answer
    except Problem as problem:
        if problem.code in ("LOGIN_LOCKED", "LOGIN_FAILED", "FORM_EXPIRED"):
            return look.sign_in(problem=problem, status=STATUS[problem.kind])
        return _ask(step, found, proven=proven, problem=problem, status=STATUS[problem.kind])


def _second(found: StaffLogin, _proven: bool) -> Response:
    with transaction() as session:
        code = request.form.get("code", "")[:64]
        refused = staff.settle_code(session, found=found, code=code, now=clock.now(), device=visitors.known())
    if refused is not None:
        raise Problem(refused)
    return go_on(found, proven=True)


def _renew(found: StaffLogin, proven: bool) -> Response:
    fresh = request.form.get("new", "")
    if fresh != request.form.get("again", ""):
        raise Problem("PASSWORD_DIFFERS")
    with reading() as session:
        used = staff.used(session, found)
    hashed = staff.hashed(found.login, fresh, used)
    with transaction() as session:
        row = staff.still(session, found)
        staff.change(session, found=row, password=hashed, actor=Actor(found.person_id), now=clock.now())
    return go_on(row, proven=proven)


def _enrol(found: StaffLogin, _proven: bool) -> Response:
    now, secret, known = clock.now(), carried_secret(), visitors.known() or visitors.new_browser()
    if secret is None or found.totp_secret is not None:
        raise Problem("CODE_WRONG")
    with transaction() as session:
        code, row = request.form.get("code", "")[:64], staff.still(session, found)
        if row.totp_secret is not None:  # another who knows the password was quicker: his is not replaced
            raise Problem("FORM_EXPIRED")
        codes = second_factors.enrol(session, found=row, secret=secret, code=code, actor=Actor(row.person_id), now=now)
        token = staff.sign_in(session, found=row, now=now, browser=seats.browser_label(), device=known)
    kept = seats.kept_draft(token)
    shown = seats.page("console/sign_in/codes.html", token, codes=codes, draft=kept, to=visitors.back("/console"))
    return seats.with_cookie(shown, token, known=known)


def _ask(step: Step, found: StaffLogin, *, proven: bool, problem: Problem | None = None, status: int = 200) -> Response:
    values: dict[str, Any] = {"draft": request.form.get("draft", ""), "to": visitors.back("/console"), "problem": problem}
    values["step"] = visitors.seal(USE, found.id, _mark(found), proven)
    if step is Step.ENROL:
        values |= enrolment(found.login, carried_secret())
    return look.entrance(PAGES[step], status=status, **values)


def enrolment(login: str, secret: str | None) -> dict[str, str]:
    """What an enrolment page shows: the secret as picture and as text, and sealed for the form. The same again after a wrong code."""
    secret = secret or second_factors.new_secret()
    spaced = " ".join(secret[at : at + 4] for at in range(0, len(secret), 4))
    png = b64encode(bitmaps.png(bitmaps.modules(second_factors.link(secret, login), "M")))  # a secret, so by no cache of ours
    return {"picture": f"data:image/png;base64,{png.decode()}", "spaced": spaced, "sealed": visitors.seal(SECRET, secret)}


def carried_secret() -> str | None:
    """The secret that the form carries."""
    values = visitors.opened(SECRET, request.form.get("sealed", ""), seconds=SECONDS)
    return str(values[0]) if values else None


def _stood(step: Step) -> tuple[StaffLogin, bool]:
    """Whose password was right, and whether his code was, too. Raises FORM_EXPIRED, also where this step is not the one to do now."""
    values = visitors.opened(USE, request.form.get("step", ""), seconds=SECONDS)
    if values is None:
        raise Problem("FORM_EXPIRED")
    login_id, mark, proven = values
    with reading() as session:
        found = staff.by_id(session, int(login_id))
        if found is None or _mark(found) != mark or staff.outstanding(session, found, proven=bool(proven), now=clock.now()) is not step:
            raise Problem("FORM_EXPIRED")
    return found, bool(proven)


def _mark(found: StaffLogin) -> str:
    """Changes with the password and with the authenticator."""
    return hashlib.sha256(f"{found.password_hash} {found.totp_since}".encode()).hexdigest()[:16]
