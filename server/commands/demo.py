"""`gongjian demo`: a week in 示例社区 against a fresh instance."""

import sys

import click


@click.command("demo")
def command() -> None:
    """另起一个全新的实例，把示例社区的一周演一遍；最后一行是一个 JSON 对象。

    名册导入、海报从像素读码、四十人报到、报名审核、扫码签到（含离线补传和拍照冒用）、确认、证明、统计，每个数都与故事核对，
    全部相符才以 0 退出。什么都不留下：实例在临时目录里，演完就删除。
    """
    from server.dev import local

    sys.exit(local.play_week())
