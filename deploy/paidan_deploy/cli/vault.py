"""`paidan vault reseal`."""

import json
import subprocess
import sys

import typer

from paidan_deploy.cli.app import example_epilog
from paidan_deploy.cli.output import console, print_errors
from paidan_deploy.errors import DeployError
from paidan_deploy.servers.dsn import dsn_for_role
from paidan_deploy.services import INTAKE, ServiceConfig, service_environment
from paidan_deploy.stack.stack import Stack


def register(app: typer.Typer) -> None:
    """Add these commands to the `paidan` command."""
    group = typer.Typer(help="The vault of personal data.", no_args_is_help=True)
    group.command("reseal", epilog=example_epilog("paidan vault reseal"))(reseal_command)
    group.callback()(_keep_subcommand_names)
    app.add_typer(group, name="vault")


def _keep_subcommand_names() -> None:
    """Keep the subcommand's name required, though there is one alone."""


@print_errors
def reseal_command() -> None:
    """Seal every entry under the newest key, after a rotation; then the former key of the vault can be retired.

    To rotate: put 32 new random bytes in base64 into the secret vault-key and the former ones into
    INTAKE_VAULT_OLD_KEYS, restart, and run this. Intake may run meanwhile. Keep a former key in INTAKE_VAULT_OLD_KEYS,
    or set INTAKE_DIGEST_KEY before, as long as retries of reports that came under it are to be recognized.
    """
    stack = Stack.current()
    config = ServiceConfig(
        kafka=stack.servers.bootstrap,
        database=dsn_for_role(stack.servers.dsn, INTAKE.role, stack.credentials.password(INTAKE.role)),
        topic_prefix=stack.settings.topic_prefix,
        port=INTAKE.port,
        clock="real",
    )
    env = service_environment(INTAKE, config, paths=stack.paths, credentials=stack.credentials)
    argv = [sys.executable, "-m", f"{INTAKE.package}.reseal"]
    ended = subprocess.run(argv, env=env, capture_output=True, text=True, check=False)
    if ended.returncode not in (0, 1) or not ended.stdout.strip():
        raise DeployError(f"the vault could not be sealed anew: {ended.stderr.strip()[-500:]}")
    total = json.loads(ended.stdout)
    console.print(f"{total['sealed']} entries sealed under the newest key.")
    if total["locked"]:
        raise DeployError(f"{total['locked']} entries are under a key that is not in INTAKE_VAULT_OLD_KEYS")
