"""Sets the logs against the tables: each line of the check is a claim, and what speaks against it. Pure."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from paidan_contracts import ids

from .log_contents import (
    AlarmsLog,
    CasesLog,
    InboxLog,
    OutcomesLog,
    Position,
)
from .tables import Tallied

_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Claim:
    """Something that must hold, how many speak for it, and the first of those that speak against it."""

    name: str
    holds: bool
    counted: int
    against: int = 0
    examples: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Remark:
    """Something that a person should see and that is no loss of ours: others said it, and it does not hold."""

    name: str
    counted: int
    found: int
    examples: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Photos:
    """Of the photos that are named: those that are lost, and those that nobody ever sent."""

    lost: Collection[str] = ()
    never_sent: Collection[str] = ()


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that was read. ``whole``: the logs still have their first records."""

    inbox: InboxLog
    cases: CasesLog
    alarms: AlarmsLog
    outcomes: OutcomesLog
    whole: bool
    decided: Mapping[str, tuple[str, str]]
    case_now: Mapping[str, tuple[int, str]]
    facts: Mapping[str, int]
    tallied: Tallied
    inbox_buried: Collection[Position]
    alarms_buried: Collection[Position]
    unsealed: Collection[str]
    """Reports of which the vault should hold something, and knows nothing."""
    photos: Photos


@dataclass(frozen=True, slots=True)
class Balance:
    """The one line that a person reads, and the claims behind it."""

    received: int
    ends: Mapping[str, int]
    claims: tuple[Claim, ...]
    remarks: tuple[Remark, ...] = ()

    @property
    def holds(self) -> bool:
        """Tell whether every claim holds."""
        return all(claim.holds for claim in self.claims)

    @property
    def line(self) -> str:
        """Write it as an equation, true of its numbers whatever else fails."""
        ends = " + ".join(f"{count} {name}" for name, count in self.ends.items())
        return f"{self.received} received {'=' if self.adds_up else '≠'} {ends}"

    @property
    def adds_up(self) -> bool:
        """Tell whether the numbers of the line do."""
        return self.received == sum(self.ends.values())


def balance(found: Evidence) -> Balance:
    """Judge all claims."""
    screened = {
        name: result
        for name, result in found.outcomes.results.items()
        if found.outcomes.about[name] == "report" and name not in found.decided and name not in found.inbox.reports
    }
    ends = Counter(result for name, (about, result) in found.decided.items() if about == "report")
    ends.update(screened.values())
    order = ("opened", "merged", "suppressed", "refused", "dead_lettered")
    reused = {name for name, original in found.inbox.reused.items() if original in found.inbox.reports}
    received = len({*found.inbox.reports, *reused, *screened})
    return Balance(
        received=received,
        ends={name: ends[name] for name in order},
        claims=(_adds_up(received, ends, whole=found.whole), *_claims(found, set(screened))),
        remarks=(_never_sent(found),),
    )


def _adds_up(received: int, ends: Counter[str], *, whole: bool) -> Claim:
    wrong = [f"{received} received, {ends.total()} ended"] if whole and received != ends.total() else []
    return _against("what was received is what ended", wrong, range(received))


def _claims(found: Evidence, screened: set[str]) -> Iterator[Claim]:
    yield _every_report(found)
    yield _every_action(found)
    yield _nothing_from_nowhere(found)
    yield _every_unreadable(found)
    yield _every_alarm(found, screened)
    yield _against(
        "each published outcome is the only one for its id", found.outcomes.contradictions, found.outcomes.results
    )
    yield _against(
        "each case's versions come first in their order, without a gap", found.cases.gaps, found.cases.versions
    )
    yield _cases_agree(found)
    yield _reports_in_cases(found)
    yield _scoring_agrees(found)
    yield _tallies_agree(found)
    yield _every_sealed(found)
    yield _against("every photo is there", found.photos.lost, _sent(found))


def _against(name: str, against: Iterable[str], counted: Collection[object]) -> Claim:
    problems = sorted(against)
    return Claim(name, not problems, len(counted), len(problems), tuple(problems[:_SHOWN]))


def _ended(found: Evidence, name: str, about: str) -> bool:
    if name in found.decided:
        return found.decided[name][0] == about
    # Set aside before its id could be read: the record itself is among the dead letters.
    return all(position in found.inbox_buried for position in found.inbox.at[name])


def _every_report(found: Evidence) -> Claim:
    reused = [name for name, original in found.inbox.reused.items() if original in found.inbox.reports]
    names = [*found.inbox.reports, *reused]
    return _against(
        "every report in the inbox came to one end", [n for n in names if not _ended(found, n, "report")], names
    )


def _every_action(found: Evidence) -> Claim:
    reused = [name for name, original in found.inbox.reused.items() if original in found.inbox.actions]
    names = [*found.inbox.actions, *reused]
    return _against(
        "every action in the inbox came to one end", [n for n in names if not _ended(found, n, "action")], names
    )


def _nothing_from_nowhere(found: Evidence) -> Claim:
    known = {*found.inbox.reports, *found.inbox.actions, *found.inbox.reused}
    stray = [] if not found.whole else [name for name in found.decided if name not in known]
    return _against("every outcome has its cause in the inbox", stray, found.decided)


def _every_unreadable(found: Evidence) -> Claim:
    missing = [f"{partition}:{offset}" for partition, offset in found.inbox.unreadable - set(found.inbox_buried)]
    return _against("every unreadable record of the inbox is a dead letter", missing, found.inbox.unreadable)


def _every_alarm(found: Evidence, screened: set[str]) -> Claim:
    buried = set(found.alarms_buried)
    missing = [f"{partition}:{offset}" for partition, offset in found.alarms.unreadable - buried]
    for name, positions in found.alarms.named.items():
        # One of which no city could be told was refused under an id beside its own, and may still be taken later.
        ended = name in found.inbox.reports or not screened.isdisjoint({name, ids.homeless_id(name)})
        if not ended and not buried.issuperset(positions):
            missing.append(name)
    return _against("every alarm became a report, was screened out, or is a dead letter", missing, found.alarms.named)


def _cases_agree(found: Evidence) -> Claim:
    logged = {name: (version, found.cases.statuses[name]) for name, version in found.cases.versions.items()}
    wrong = {name for name in {*logged, *found.case_now} if logged.get(name) != found.case_now.get(name)}
    return _against("cases are in the table as the log tells them", wrong, found.case_now)


def _reports_in_cases(found: Evidence) -> Claim:
    joined = sum(1 for about, result in found.decided.values() if about == "report" and result in ("opened", "merged"))
    opened = sum(1 for about, result in found.decided.values() if about == "report" and result == "opened")
    inside = sum(found.cases.reports.values())
    wrong = [f"{joined} opened or merged, {inside} in cases"] if joined != inside else []
    wrong += [f"{opened} opened, {len(found.case_now)} cases"] if opened != len(found.case_now) else []
    return _against("reports opened and merged are the reports that cases hold", wrong, range(inside))


def _scoring_agrees(found: Evidence) -> Claim:
    known = {name: version for name, (version, _) in found.case_now.items()}
    wrong = {name for name in {*known, *found.facts} if known.get(name) != found.facts.get(name)}
    return _against("scoring knows every case at its newest version", wrong, found.facts)


def _tallies_agree(found: Evidence) -> Claim:
    facts, tallied, negative = found.tallied.facts, found.tallied.tallied, found.tallied.negative
    wrong = [f"{facts} facts, {tallied} tallied"] if facts != tallied else []
    wrong += [f"{negative} tallies below nothing"] if negative else []
    return _against("every fact is tallied once", wrong, range(facts))


def _every_sealed(found: Evidence) -> Claim:
    # What dispatch could not read was not written by intake.
    buried, at = set(found.inbox_buried), found.inbox.at
    ours = [name for name in found.inbox.sealed if not buried.issuperset(at.get(name, ()))]
    unsealed = [name for name in ours if name in found.unsealed]
    return _against("every reference into the vault leads somewhere", unsealed, ours)


def _sent(found: Evidence) -> Collection[str]:
    return (found.inbox.photos | found.inbox.claimed) - set(found.photos.never_sent)


def _never_sent(found: Evidence) -> Remark:
    names = sorted(found.photos.never_sent)
    named = found.inbox.claimed
    return Remark(
        "photos named by departments or cameras that nobody sent", len(named), len(names), tuple(names[:_SHOWN])
    )
