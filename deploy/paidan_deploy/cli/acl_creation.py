"""Creates Kafka's ACLs where `paidan prepare` and `paidan city publish` change who there is."""

from paidan_deploy.cli.output import error_console
from paidan_deploy.provisioning.acls import AclsNotKept, acls_of, create_acls, published_packs
from paidan_deploy.provisioning.connection import open_connection
from paidan_deploy.stack.stack import Stack


async def keep_acls(stack: Stack) -> bool:
    """Create the ACLs of all published cities on a Kafka with logins, and return whether it was done.

    A cluster without an authorizer, or one that lets this login create none, is noted on standard error.
    """
    if stack.settings.kafka_sasl is None or not stack.settings.acl_principal:
        return False
    async with open_connection(stack.servers.running_dsn()) as connection:
        packs = await published_packs(connection)
    acls = acls_of(packs, topic_prefix=stack.settings.topic_prefix, principal=stack.settings.acl_principal)
    try:
        await create_acls(stack.servers.cluster, acls)
    except AclsNotKept as error:
        error_console.print(
            f"note / 注意: Kafka's ACLs are not set; `paidan topics acls` prints them for who runs Kafka ({error})"
            f" / 未设置 Kafka 的 ACL；`paidan topics acls` 会打印，供 Kafka 管理方执行（{error}）",
            highlight=False,
            markup=False,
            soft_wrap=True,
        )
        return False
    return True
