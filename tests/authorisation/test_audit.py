"""What the auditor reads of a whole installation: looks at persons among grants, wherever they are stored."""

from tests.authorisation.services import Edges


async def test_look_at_a_person_is_read_by_the_auditor_with_reader_and_reason(edges: Edges) -> None:
    client, report_id = edges.clients["intake"], edges.ids["intake"]["report_id"]
    caller, auditor = edges.keys.valid["caller", "tiny"], edges.keys.valid["auditor", "*"]

    look = await client.post(f"/v1/reports/{report_id}/reporter", json={"reason": "回访一次"}, headers=caller)
    events = (await client.get("/v1/audit/events?limit=1000", headers=auditor)).json()["events"]

    assert look.status_code == 200
    [seen] = [each for each in events if each["detail"] == "回访一次"]
    assert (seen["kind"], seen["subject"], seen["actor"]) == ("person_read", report_id, "caller")
    assert "王敏" not in str(events)
