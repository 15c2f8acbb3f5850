"""The Chinese names of the codes under which services halt a loop or dead-letter a record."""

from collections.abc import Mapping
from typing import Final

CODE_NAMES: Final[Mapping[str, str]] = {
    "cluster_changed": "集群已换",
    "topic_changed": "主题已重建",
    "offset_before_log": "偏移量早于日志开头",
    "offset_after_log": "偏移量晚于日志末尾",
    "outbox_unreadable": "发件箱无法读取",
    "outbox_incomplete": "发件箱不全",
    "city_pack_missing": "缺少城市配置包",
    "city_pack_damaged": "城市配置包损坏",
    "release_needed": "须由另一版本决定",
    "null_value": "内容为空",
    "bad_header": "消息头有误",
    "unreadable": "无法读取",
    "unknown_type": "类型未知",
    "invalid_field": "字段有误",
    "too_large": "过大",
    "too_slow": "处理过慢",
    "refused_by_database": "数据库拒绝",
    "ended_its_process": "使进程退出",
    "unknown_department": "部门未知",
}


def named(code: str) -> str:
    """Return a code with its Chinese name beside it."""
    return f"{code} {CODE_NAMES[code]}" if code in CODE_NAMES else code
