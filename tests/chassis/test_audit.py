"""The trail of what was done with keys: refusals counted, uses, grants and looks, read by those whose duty it is."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import asyncpg
import pytest

from paidan_chassis.clock import real_now
from paidan_chassis.database import Pool
from paidan_chassis.edge import audit
from paidan_chassis.edge.api_keys import open_key_ring
from paidan_chassis.edge.audit import AccessEvent, AccessRecorder, log_access
from paidan_chassis.edge.limits import DEFAULT_LIMITS
from paidan_chassis.edge.rate_limit import NO_LIMIT
from tests import servers as real
from tests.chassis.audited_edge import AuditedEdge, open_audited_edge
from tests.chassis.raw_http import answer, served


@pytest.fixture(scope="module")
async def edge(servers: real.ServerAddresses) -> AsyncIterator[AuditedEdge]:
    """Open an edge on a database of this module's own."""
    async with open_audited_edge(servers) as opened:
        yield opened


async def test_refusals_are_counted_by_key_address_route_and_minute(edge: AuditedEdge) -> None:
    key_id, reader = await edge.add_key("reader")
    _, guard = await edge.add_key("guard")
    for _ in range(3):
        assert (await edge.client.get("/v1/audit/keys", headers=reader)).status_code == 403
    assert (await edge.client.get("/v1/audit/keys")).status_code == 401
    assert (await edge.client.get("/v1/audit/keys?x=1", headers=guard)).status_code == 422
    await edge.keys.recorder.flush()
    assert (await edge.client.get("/v1/audit/keys", headers=reader)).status_code == 403
    await edge.keys.recorder.flush()

    rows = (await edge.client.get("/v1/audit/refusals", headers=guard)).json()["refusals"]

    counted: dict[tuple[str, int], int] = {}
    for row in rows:
        assert (row["address"], row["route"]) == ("192.0.2.7", "/v1/audit/keys")
        counted[row["key_id"], row["status"]] = counted.get((row["key_id"], row["status"]), 0) + row["number"]
    assert counted[key_id, 403] == 4
    assert counted["", 401] == 1
    assert sum(number for (_, status), number in counted.items() if status == 422) == 1


async def test_what_is_refused_before_routing_is_counted_by_address(edge: AuditedEdge) -> None:
    async with served(DEFAULT_LIMITS, edge.app) as connect:
        for _ in range(2):
            reader, writer = await connect()
            writer.write(b"GET / HTTP/1.1\r\n\r\n")
            assert (await answer(reader))[0] == 400
    await edge.keys.recorder.flush()

    counted = await edge.pool.fetch("SELECT address, status, number FROM refusal WHERE route = 'before routing'")

    assert {(row["address"], row["status"]) for row in counted} == {("127.0.0.1", 400)}
    assert sum(row["number"] for row in counted) == 2


async def test_refusals_are_bounded_in_memory_and_none_goes_uncounted(edge: AuditedEdge) -> None:
    recorder = AccessRecorder(edge.pool)

    for number in range(10_500):
        recorder.count_refusal(key_id="", address=f"2001:db8::{number:x}", route="/v1/x", status=401)
    await recorder.flush()

    sums = await edge.pool.fetchrow("SELECT count(*) AS rows, sum(number) AS total FROM refusal WHERE route = '/v1/x'")
    assert sums is not None
    assert (sums["rows"] <= 10_003, sums["total"]) == (True, 10_500)


async def test_last_use_is_written_once_a_minute(edge: AuditedEdge) -> None:
    key_id, reader = await edge.add_key("reader")
    recorder = edge.keys.recorder

    async def last_use() -> datetime | None:
        found: datetime | None = await edge.pool.fetchval("SELECT last_used_at FROM api_key WHERE key_id = $1", key_id)
        return found

    assert await last_use() is None
    await edge.client.get("/v1/audit/keys", headers=reader)
    await recorder.flush()
    first = await last_use()
    for _ in range(5):
        recorder.note_use(key_id)
    await recorder.flush()

    assert first is not None
    assert real_now() - first < timedelta(minutes=1)
    assert await last_use() == first


@pytest.mark.parametrize("stopped_by", [None, RuntimeError, asyncio.CancelledError])
async def test_counts_survive_a_stop_in_the_midst_of_a_flush(
    edge: AuditedEdge, monkeypatch: pytest.MonkeyPatch, stopped_by: type[BaseException] | None
) -> None:
    """The flush in hand is finished, and what was counted after it began is written, too."""
    monkeypatch.setattr(audit, "FLUSH_INTERVAL_S", 0.01)
    route = f"/v1/stopped/{stopped_by and stopped_by.__name__}"
    written = "SELECT coalesce(sum(number), 0) FROM refusal WHERE route = $1"

    def refuse(recorder: AccessRecorder) -> None:
        recorder.count_refusal(key_id="", address="192.0.2.1", route=route, status=401)

    async with edge.pool.acquire() as blocker:
        transaction = blocker.transaction()
        await transaction.start()
        await blocker.execute("LOCK TABLE refusal")
        expected = pytest.raises((stopped_by, ExceptionGroup)) if stopped_by else contextlib.nullcontext()
        with expected:
            async with open_key_ring(edge.pool, NO_LIMIT) as keys:
                refuse(keys.recorder)
                await _until_blocked(edge.pool)
                refuse(keys.recorder)
                asyncio.get_running_loop().call_later(0.05, lambda: asyncio.ensure_future(transaction.rollback()))
                if stopped_by:
                    raise stopped_by

    assert await edge.pool.fetchval(written, route) == 2


async def test_a_cancelled_flush_and_one_that_fails_halfway_count_nothing_twice_or_never(edge: AuditedEdge) -> None:
    recorder = AccessRecorder(edge.pool)
    recorder.count_refusal(key_id="", address="192.0.2.1", route="/v1/cancelled", status=401)
    async with edge.pool.acquire() as blocker, blocker.transaction():
        await blocker.execute("LOCK TABLE refusal")
        flush = asyncio.ensure_future(recorder.flush())
        await _until_blocked(edge.pool)
        flush.cancel()
        await asyncio.gather(flush, return_exceptions=True)
    recorder.note_use("key_of_nobody")
    async with edge.pool.acquire() as blocker, blocker.transaction():
        await blocker.execute("LOCK TABLE api_key")
        await recorder.flush()
    await recorder.flush()

    assert await edge.pool.fetchval("SELECT sum(number) FROM refusal WHERE route = '/v1/cancelled'") == 1


async def _until_blocked(pool: Pool) -> None:
    """Wait until a statement of this database waits for a lock."""
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    async with asyncio.timeout(30):
        while not await pool.fetchval(waiting):  # noqa: ASYNC110  # the server announces it nowhere
            await asyncio.sleep(0.01)


async def test_what_could_not_be_written_is_written_later(edge: AuditedEdge) -> None:
    recorder = AccessRecorder(edge.pool)
    recorder.count_refusal(key_id="", address="a", route="/v1/later", status=401)

    await edge.pool.execute("ALTER TABLE refusal RENAME TO gone")
    await recorder.flush()
    await edge.pool.execute("ALTER TABLE gone RENAME TO refusal")
    await recorder.flush()

    assert await edge.pool.fetchval("SELECT sum(number) FROM refusal WHERE route = '/v1/later'") == 1


@pytest.mark.parametrize("ends_in", [timedelta(seconds=-1), timedelta(days=-400)])
async def test_expired_key_is_no_key(edge: AuditedEdge, ends_in: timedelta) -> None:
    _, expired = await edge.add_key("auditor", expires_at=real_now() + ends_in)
    _, valid = await edge.add_key("auditor", expires_at=real_now() + timedelta(days=1))

    assert (await edge.client.get("/v1/audit/events", headers=expired)).status_code == 401
    assert (await edge.client.get("/v1/audit/events", headers=valid)).status_code == 200


async def test_access_log_only_grows(edge: AuditedEdge) -> None:
    """Whoever looked must not be able to take the look out again."""
    await log_access(edge.pool, AccessEvent("key_granted", "root", "key_1", detail="scopes=auditor"))

    for statement in ("DELETE FROM access_log", "UPDATE access_log SET actor = 'x'", "TRUNCATE access_log"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await edge.pool.execute(statement)


async def test_auditor_reads_grants_looks_and_who_read_the_trail_page_by_page(edge: AuditedEdge) -> None:
    for number in range(5):
        await log_access(edge.pool, AccessEvent("key_granted", "root", f"key_{number}", detail="scopes=reader"))
    auditor_id, auditor = await edge.add_key("auditor")

    seen: list[dict[str, Any]] = []
    after = ""
    for _ in range(50):
        page = (await edge.client.get(f"/v1/audit/events?limit=3{after}", headers=auditor)).json()
        seen += page["events"]
        if page["next"] is None:
            break
        after = f"&after={page['next']}"

    assert {"key_granted", "person_read", "audit_read"} <= {each["kind"] for each in seen}
    granted = [each["key_id"] for each in seen if each["kind"] == "key_granted" and each["detail"] == "scopes=reader"]
    assert granted == [f"key_{number}" for number in (4, 3, 2, 1, 0)]
    assert any(
        (each["kind"], each["subject"], each["detail"]) == ("person_read", "r1", "to call back") for each in seen
    )
    assert any((each["kind"], each["key_id"]) == ("audit_read", auditor_id) for each in seen)


async def test_duties_are_separated(edge: AuditedEdge) -> None:
    _, guard = await edge.add_key("guard")
    _, reader = await edge.add_key("reader")
    _, local = await edge.add_key("auditor", "guard", city="quancheng")

    async def statuses(headers: dict[str, str]) -> list[int]:
        paths = ("events", "refusals", "keys")
        answers = await asyncio.gather(*(edge.client.get(f"/v1/audit/{path}", headers=headers) for path in paths))
        return [each.status_code for each in answers]

    assert await statuses(guard) == [403, 200, 200]
    assert await statuses(reader) == await statuses(local) == [403, 403, 403]


async def test_listed_keys_show_grantor_end_and_last_use_but_no_hash(edge: AuditedEdge) -> None:
    key_id, guard = await edge.add_key("guard", expires_at=real_now() + timedelta(days=3), granted_by="root")

    listed = (await edge.client.get("/v1/audit/keys", headers=guard)).json()["keys"]

    [own] = [each for each in listed if each["key_id"] == key_id]
    assert (own["granted_by"], own["revoked_at"]) == ("root", None)
    assert own["expires_at"]
    assert "hash" not in own
