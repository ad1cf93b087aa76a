"""`gongjian poster`: print posters from the command line, one code or a whole community."""

from __future__ import annotations

from pathlib import Path

import click

FORMS = ("png_phone", "png_a4", "pdf_a4", "pdf_a3")


@click.command("poster")
@click.option("--task", help="任务编号：只印这一张。")
@click.option("--community", help="社区编号：社区码和所有已发布任务的静态码，合成一个 PDF。")
@click.option("--format", "form", type=click.Choice(FORMS), default="pdf_a4", show_default=True)
@click.option("--style", type=click.Choice(("link", "wxa")), default="link", show_default=True, help="普通二维码或小程序码。")
@click.argument("out", type=click.Path(path_type=Path, dir_okay=False))
def command(task: str | None, community: str | None, form: str, style: str, out: Path) -> None:
    """把海报写到 OUT；--task 和 --community 给一个。"""
    from server.config import load
    from server.process import start_process

    if (task is None) is (community is None):
        raise click.UsageError("请给 --task 或 --community 其中一个")
    start_process(load())
    data, sheets = _drawn(task, community, form, style)
    out.write_bytes(data)
    click.echo(f"已印 {sheets} 张：{out}")


def _drawn(task: str | None, community: str | None, form: str, style: str) -> tuple[bytes, int]:
    """Ask for the print as the API does, then do the job's work here; the file and how many sheets it has."""
    from jobs import posters as job
    from server import clock, files
    from server.db.base import reading, transaction
    from server.db.models.codes import PosterPrint
    from server.domain.permissions import SYSTEM
    from server.domain.posters import PosterForm, PosterStyle
    from server.domain.problems import Problem
    from server.services import code_lists, places, posters

    now = clock.now()
    chosen, drawn_as = PosterForm(form), PosterStyle(style)
    try:
        with transaction() as session:
            if task is not None:
                code, _ = code_lists.of_task(session, task, actor=SYSTEM)
                row = posters.of_code(session, code, form=chosen, style=drawn_as, actor=SYSTEM, now=now)
            else:
                place = places.community(session, community or "", now=now)
                row = posters.of_community(session, place, form=chosen, style=drawn_as, actor=SYSTEM, now=now)
        job.print_community(now, print_id=row.id)
    except Problem as problem:
        raise click.ClickException(problem.message) from None
    with reading() as session:
        done = session.get_one(PosterPrint, row.id)
    return files.get(posters.AREA, done.sha256 or ""), done.total
