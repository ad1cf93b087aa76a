"""What the background jobs are called at the console."""

from __future__ import annotations

from collections.abc import Mapping

JOB_NAMES: Mapping[str, str] = {
    "audit.seal": "给审计链加封",
    "audit.verify": "核验审计链",
    "ballots.open": "开封评分",
    "care.miss": "查有没有漏访",
    "claims.remind": "活动提醒",
    "contents.lapse": "放行查不出结果的内容",
    "documents.render": "印制回执与证明",
    "exports.forget": "删除到期的台账",
    "exports.make": "生成台账",
    "figures.count": "统计数据",
    "house.prune": "清理过期的记录",
    "keys.reseal": "重新加密",
    "media.check": "送检图片",
    "media.forget": "删除到期的图片",
    "media.reencode": "处理图片",
    "notices.push": "推送通知",
    "outbox.resend": "重发没送到的任务",
    "posters.print": "印制海报",
    "requests.escalate": "升级逾期的诉求",
    "rosters.forget": "删除没有导入的名册",
    "rosters.import": "导入名册",
    "scheduler": "定时进程",
    "tallies.drain": "汇总数字",
    "tasks.end": "结束到点的活动",
    "transfers.release": "到期自动转出",
    "wechat.work": "处理微信推送",
    "wishes.release": "放回没有联系的微心愿",
}


def job_name(job: str) -> str:
    """The word for a job."""
    return JOB_NAMES.get(job, job)
