"""The `paidan` command, before any group of commands is added to it."""

import typer

app = typer.Typer(
    name="paidan",
    help="Paidan (派单): receive reports, dispatch cases to departments, and score how departments handle them.",
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
    rich_markup_mode="rich",
)


@app.callback()
def _keep_subcommand_names() -> None:
    """Keep command names required where only one is registered: typer drops the name of a lone command."""


def example_epilog(line: str) -> str:
    """Return the epilog that shows a command in use."""
    return f"[dim]Example:[/dim]  {line}"
