"""What may go wrong with tables and logs, each as the statement that does it."""

from typing import Final

MERGED_REPORT_ID: Final = "(SELECT id FROM dispatch.outcome WHERE about = 'report' AND result = 'merged' LIMIT 1)"
ONE_CASE: Final = "(SELECT case_id FROM dispatch.case_now ORDER BY case_id LIMIT 1)"
CASE_WITH_STEPS: Final = "(SELECT case_id FROM dispatch.case_now WHERE version > 1 ORDER BY case_id LIMIT 1)"
DAMAGES: Final = {
    "every report in the inbox has an outcome": "DELETE FROM dispatch.outcome WHERE id = " + MERGED_REPORT_ID,
    "every action in the inbox has an outcome": "DELETE FROM dispatch.outcome WHERE about = 'action'",
    "every outcome has its cause in the inbox": "INSERT INTO dispatch.outcome (id, about, result, decided_at)"
    " VALUES ('00000000-0000-0000-0000-000000000001', 'report', 'refused', now())",
    "what was received is what ended": "INSERT INTO dispatch.outcome (id, about, result, decided_at)"
    " VALUES ('00000000-0000-0000-0000-000000000001', 'report', 'refused', now())",
    "every unreadable record of the inbox is a dead letter": "DELETE FROM dispatch.dead_letter",
    "every alarm became a report, was screened out, or is a dead letter": "DELETE FROM intake.dead_letter",
    "every case is in the table as in the log": "UPDATE dispatch.case_now SET version = version + 1"
    " WHERE case_id = " + ONE_CASE,
    "reports opened and merged are the reports that cases hold": "UPDATE dispatch.outcome SET result = 'refused'"
    " WHERE id = " + MERGED_REPORT_ID,
    "scoring has every case at its newest version": "UPDATE scoring.fact SET version = version - 1"
    " WHERE case_id = " + ONE_CASE,
    "the cockpit has every case at its newest version": "UPDATE cockpit.case_row SET version = version - 1"
    " WHERE case_id = " + CASE_WITH_STEPS,
    "the cockpit counts every report of every case once": "DELETE FROM cockpit.report_row"
    " WHERE report_id = " + MERGED_REPORT_ID,
    "the cockpit finds every case by its words, or is about to index them": "DELETE FROM cockpit.case_words"
    " WHERE case_id = " + ONE_CASE,
    "the cockpit's active cases are those that are open or await a call, as they are": "DELETE FROM cockpit.active_case"
    " WHERE case_id = (SELECT min(case_id) FROM cockpit.active_case)",
    "the cockpit counts every noted report once, where and when it came": "UPDATE cockpit.noted_report"
    " SET recorded_at = recorded_at + interval '1 day'",
    "the cockpit counts every suppressed alarm once": "UPDATE cockpit.suppressed_tally SET alarms = alarms + 1",
    "the cockpit has every city's rates at their newest version": "DELETE FROM cockpit.city_score",
    "every fact is tallied once": "DELETE FROM scoring.tally WHERE dimension = 'city' AND number > 0",
    "every noted report is in its table with its answer": "DELETE FROM dispatch.noted_report",
    "every reference into the vault has an entry": "DELETE FROM intake.vault",
    "every case's present state is its newest step in the history": "UPDATE dispatch.case_now"
    " SET chain = sha256(chain) WHERE case_id = " + ONE_CASE,
}  # fmt: skip
HISTORY: Final = "every step of every case is in the history byte for byte as published"
CASES: Final = "(SELECT case_id FROM dispatch.history WHERE version > 2 GROUP BY 1 ORDER BY 1 LIMIT 1 OFFSET {})"
# As one does who has the database and knows how the chain is made.
CHAIN_ANEW: Final = """;
    WITH RECURSIVE chained AS (
        SELECT case_id, version, event, sha256(decode(repeat('00', 32), 'hex') || event) AS chain
          FROM dispatch.history
         WHERE version = 1
         UNION ALL
        SELECT next.case_id, next.version, next.event, sha256(chained.chain || next.event)
          FROM chained
          JOIN dispatch.history AS next ON next.case_id = chained.case_id AND next.version = chained.version + 1)
    UPDATE dispatch.history AS h SET chain = chained.chain
      FROM chained WHERE (h.case_id, h.version) = (chained.case_id, chained.version);
    UPDATE dispatch.case_now AS c SET chain = h.chain
      FROM dispatch.history AS h WHERE (h.case_id, h.version) = (c.case_id, c.version)
"""
REWRITINGS: Final = (
    "SET event = convert_to(replace(convert_from(event, 'UTF8'), 'status', 'Status'), 'UTF8')",  # in all its steps
    "SET event = event || ' ' WHERE version = 1",
    "SET event = convert_to(replace(convert_from(event, 'UTF8'), '2026-03', '2026-02'), 'UTF8') WHERE version = 3",
)
ADDED_CASE: Final = "tiny-" + "0" * 32
REMOVALS: Final = (
    "DELETE FROM dispatch.history WHERE version = 2 AND case_id = {}",
    "DELETE FROM dispatch.history WHERE case_id = {}",
    "INSERT INTO dispatch.history SELECT case_id, version + 1000, event, chain FROM dispatch.history"
    " WHERE version = 1 AND case_id = {}",
)
REJECTED_BY_DISPATCH: Final = (
    (b'{"type": "report.received.v1"}', ()),
    (b'{"type": "action.requested.v1", "action_id": 7}', ()),
    (b'{"type": "report.withdrawn.v1", "report_id": "00000000-0000-0000-0000-00000000000a"}', ()),
    (b"[", (("ce_id", b"00000000-0000-0000-0000-00000000000b"), ("ce_type", b"report.received.v1"))),
    (b"[", (("ce_id", b"00000000-0000-0000-0000-00000000000c"), ("ce_type", b"action.requested.v1"))),
)
"""Two that name no id, and three that cannot be read but name one: those come to an end under it."""
