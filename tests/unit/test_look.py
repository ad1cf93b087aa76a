"""The badge that lists show a hundred times is made once of each kind, and never of unescaped text."""

from __future__ import annotations

from markupsafe import Markup

from server.console.look import badge


def test_words_are_escaped_whatever_looked_like_them_before() -> None:
    assert "<i>待看</i>" in badge(Markup("<i>待看</i>"), "wait")
    assert "&lt;i&gt;待看&lt;/i&gt;" in badge("<i>待看</i>", "wait")


def test_the_sign_goes_with_the_tone() -> None:
    shown = [badge("有效", tone) for tone in ("good", "wait", "bad", "plain")]
    assert [next(sign for sign in "✓◷✕•" if sign in one) for one in shown] == ["✓", "◷", "✕", "•"]
    assert all(one.startswith(f'<span class="badge {tone}">') for one, tone in zip(shown, ("good", "wait", "bad", "plain"), strict=True))
