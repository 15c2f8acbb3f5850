"""A DSN is shown without its password."""

from paidan_deploy.servers.dsn import redact_password


def test_a_dsn_is_shown_without_its_password() -> None:
    redacted = redact_password("postgresql://someone:made-up@db.example:5432/paidan?sslmode=require&password=x")

    assert redacted == "postgresql://someone@db.example:5432/paidan"
