"""The `paidan` command, before any group of commands is added to it."""

import typer

app = typer.Typer(
    name="paidan",
    help="Paidan (派单): take in what a city hears and sees, send it to who must act, score who did.",
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
    rich_markup_mode="rich",
)


@app.callback()
def _keep_subcommand_names() -> None:
    """Keep the command's name needed where only one is loaded: typer drops it from a lone command."""


def example_epilog(line: str) -> str:
    """Give the epilog that shows how a command is used."""
    return f"[dim]Example:[/dim]  {line}"
