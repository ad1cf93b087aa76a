"""`gongjian run`: everything on one machine, for trying out and for development."""

import sys

import click


@click.command("run")
@click.option("--no-demo", is_flag=True, help="数据库为空时也不演示示例社区。")
def command(no_demo: bool) -> None:
    """在本机启动全部：Redis、SQLite、模拟微信、网站、任务进程、定时进程；Ctrl-C 全部停止。

    端口：GONGJIAN_PORT（默认 8080）、GONGJIAN_SIM_PORT（默认 8081）。设了 REDIS_URL 或 DATABASE_URL 就用它们。
    """
    from server.dev import local

    sys.exit(local.run(seed=not no_demo))
