"""What a person can do about an error of a server or of a setting: one line that names which, never its password."""

import asyncpg
from aiokafka.errors import KafkaError
from pydantic import ValidationError

from paidan_chassis.errors import Unacknowledged
from paidan_deploy.errors import DeployError
from paidan_deploy.settings import StackSettings
from paidan_deploy.stack.stack import Stack


def explain(error: BaseException) -> str | None:
    """Return what to do about an error, in one line; None for a bug."""
    match error:
        case BaseExceptionGroup():
            return next(filter(None, map(explain, error.exceptions)), None)
        case ValidationError() if error.title == StackSettings.__name__:
            return "; ".join(
                f"PAIDAN_{'_'.join(map(str, each['loc']))}".upper() + f": {each['msg']}"
                for each in error.errors(include_url=False, include_input=False, include_context=False)
            )
        case KafkaError() | Unacknowledged():
            return _kafka_message(error)
        case DeployError() | OSError() | asyncpg.PostgresError() | asyncpg.InterfaceError():
            return _message(error)
        case _:
            return None


def _message(error: BaseException) -> str:
    text = str(error) or type(error).__name__
    match error:
        case asyncpg.UndefinedTableError() | asyncpg.InvalidSchemaNameError() | asyncpg.UndefinedColumnError():
            return (
                f"the database lacks a table of this release ({text}): `paidan prepare` or `paidan up` creates it"
                f" / 数据库缺少本版的表（{text}）：`paidan prepare` 或 `paidan up` 会创建"
            )
        case asyncpg.PostgresError() | asyncpg.InterfaceError():
            return (
                f"PostgreSQL failed: {text}; PAIDAN_DATABASE names it"
                f" / PostgreSQL 出错：{text}；其地址见 PAIDAN_DATABASE"
            )
        case TimeoutError() | ConnectionError():
            return (
                f"a server does not answer: {text}; PAIDAN_KAFKA and PAIDAN_DATABASE name them"
                f" / 有服务器没有应答：{text}；其地址见 PAIDAN_KAFKA 和 PAIDAN_DATABASE"
            )
        case OSError():
            return f"the system refuses it / 系统拒绝执行: {text}"
        case _:
            return text


def _kafka_message(error: Exception) -> str:
    try:
        address = Stack.current().servers.bootstrap
    except (DeployError, ValidationError, OSError):
        address = "the address given 所给地址"
    reason = str(error) or type(error).__name__
    return (
        f"Kafka at {address} cannot be used: {reason}."
        " Is it up? PAIDAN_KAFKA names another; `paidan up --detach` starts the stack's own"
        f" / 无法使用 {address} 的 Kafka（{reason}）。它启动了吗？"
        "PAIDAN_KAFKA 可指定另一个；`paidan up --detach` 启动本地栈自带的"
    )
