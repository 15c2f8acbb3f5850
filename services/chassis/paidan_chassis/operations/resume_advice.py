"""What a halt needs before it is resumed, and from where its consumer then continues, by the halt's reason."""

from collections.abc import Mapping
from typing import Final, NamedTuple

from paidan_chassis.consumer.halts import ResumeFrom


class ResumeAdvice(NamedTuple):
    """Where to continue, the likeliest first, and what to do before, in English and Chinese."""

    at: tuple[ResumeFrom, ...]
    en: str
    zh: str


_ANOTHER_LOG: Final = ResumeAdvice(
    ("start", "kept"),
    "find out whose log this is: `start` if its records were never read, `kept` if they were copied with their offsets",
    "查明这是何处的日志：其记录从未读过，选 start；记录连同偏移量复制而来，选 kept",
)
_ADVICE: Final[Mapping[str, ResumeAdvice]] = {
    "dead_letter_limit": ResumeAdvice(
        ("kept",),
        "look at the dead letters and fix the cause; each resume allows as many again, and continues after them",
        "查看死信并排除原因；每次恢复都重新计数，并从其后继续",
    ),
    "cluster_changed": _ANOTHER_LOG,
    "topic_changed": _ANOTHER_LOG,
    "offset_before_log": ResumeAdvice(
        ("start",),
        "the broker has deleted records that were not read: let their sources send them again",
        "代理服务器删除了尚未读取的记录：请各来源重新发送",
    ),
    "offset_after_log": ResumeAdvice(
        ("end",),
        "the broker has lost records that were applied already; continue at the log's end",
        "代理服务器丢失了已处理的记录；从日志末尾继续",
    ),
    "outbox_incomplete": ResumeAdvice(
        ("kept",),
        "restore the database: messages that were never sent are missing, and until then it halts again",
        "恢复数据库：缺少从未发出的消息，恢复之前会再次停机",
    ),
    "outbox_unreadable": ResumeAdvice(
        ("kept",), "start the newer release that wrote the outbox", "启动写入该发件箱的较新版本"
    ),
}
_OTHER: Final = ResumeAdvice(
    ("kept",), "do what the detail says; the service's README tells more", "按详情所述处理；更多说明见该服务的 README"
)


def advice_for(reason: str) -> ResumeAdvice:
    """Return what a halt for this reason needs."""
    return _ADVICE.get(reason, _OTHER)
