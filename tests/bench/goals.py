"""The figures of the table, in its order, and their goals on two cores."""

from typing import Final, NamedTuple


class Goal(NamedTuple):
    """A line of the table; without a goal its figure is only printed."""

    case: str
    figure: str
    """Of the measurement's figures, or ``<process>_us``: the CPU of one process."""
    label: str
    unit: str
    goal: float | None = None
    at_most: bool = False

    def met(self, measured: float) -> bool:
        """Return whether the goal is reached."""
        return self.goal is None or (measured <= self.goal if self.at_most else measured >= self.goal)


def _at_most(case: str, figure: str, label: str, unit: str, goal: float) -> Goal:
    return Goal(case, figure, label, unit, goal, at_most=True)


GOALS: Final = (
    Goal("http", "cases_per_s", "HTTP to score, one case a request", "cases/s", 3_300),
    _at_most("http", "intake_us", "  CPU of intake", "us a case", 175),
    _at_most("http", "dispatch_us", "  CPU of dispatch", "us a case", 190),
    _at_most("http", "scoring_us", "  CPU of scoring", "us a case", 45),
    _at_most("http", "Kafka_us", "  CPU of Kafka", "us a case", 45),
    _at_most("http", "PostgreSQL_us", "  CPU of PostgreSQL", "us a case", 95),
    Goal("http", "wal_bytes_per_case", "  PostgreSQL's log (WAL)", "bytes a case"),
    Goal("http", "disk_bytes_per_case", "  PostgreSQL's tables and indexes", "bytes a case"),
    Goal("bulk", "cases_per_s", "Kafka to score", "cases/s", 5_500),
    Goal("bulk_all", "cases_per_s", "  while intake follows", "cases/s", 5_000),
    Goal("drain", "cases_per_s", "dispatch alone, a backlog", "cases/s", 6_500),
    Goal("drain", "of_bare", "  divided by the bare loop's rate", "", 0.26),
    _at_most("drain", "wal_bytes_per_case", "  PostgreSQL's log (WAL)", "bytes a case", 4_200),
    _at_most("drain", "disk_bytes_per_case", "  PostgreSQL's tables and indexes", "bytes a case", 5_500),
    Goal("bare", "cases_per_s", "bare loop: one row, one message", "cases/s"),
    Goal("bare_batched", "cases_per_s", "  with COPY and batches", "cases/s"),
    _at_most("http_1000", "score_p50_ms", "at 1,000/s, due to score, p50", "ms", 35),
    _at_most("http_1000", "score_p99_ms", "at 1,000/s, due to score, p99", "ms", 90),
    _at_most("http_1000", "answers_p50_ms", "  due to 202, p50", "ms", 5),
    _at_most("http_1000", "answers_p99_ms", "  due to 202, p99", "ms", 25),
    Goal("http_1000", "cpu_us_per_case", "  CPU of services and servers", "us a case"),
    _at_most("http_200", "score_p50_ms", "at 200/s, due to score, p50", "ms", 35),
    _at_most("http_200", "score_p99_ms", "at 200/s, due to score, p99", "ms", 75),
    Goal("http_200", "answers_p50_ms", "  due to 202, p50", "ms"),
    Goal("http_200", "answers_p99_ms", "  due to 202, p99", "ms"),
    _at_most("http_200", "cpu_us_per_case", "  CPU of services and servers", "us a case", 3_500),
    Goal("rebuild", "cases_per_s", "scoring rebuilt", "cases/s", 25_000),
    Goal("rebuild", "records_per_s", "  in records of the log", "records/s"),
    Goal("http_cockpit", "cases_per_s", "HTTP to score while the cockpit follows", "cases/s"),
    _at_most("http_cockpit", "cockpit_us", "  CPU of the cockpit, words included", "us a case", 60),
    Goal("http_cockpit", "postgres_for_cockpit_us", "  CPU of PostgreSQL for the cockpit", "us a case"),
    Goal("rebuild_cockpit", "cases_per_s", "the cockpit's read model rebuilt", "cases/s"),
    Goal("rebuild_cockpit", "finish_s", "  then indexes", "s"),
    _at_most("lanes_four", "of_one_lane", "CPU a case of two dispatches, four lanes, divided by one, one", "", 1.1),
    _at_most("scale_large", "of_small", "CPU a case with a large database, divided by a small one's", "", 1.2),
    Goal("scale_small", "stored_cases", "  the small one", "cases"),
    Goal("scale_large", "stored_cases", "  the large one", "cases"),
    Goal("timers_waiting", "pending", "timers that wait, dispatch idle", "timers"),
    Goal("timers_waiting", "idle_cores_without", "  dispatch and PostgreSQL without any", "cores"),
    _at_most("timers_waiting", "waiting_cores", "  what waiting costs beyond that", "cores", 0.01),
    Goal("timers_firing", "cases_per_s", "timers that fire, 1,000 due a second", "timers/s"),
    Goal("timers_firing", "fired_p50_ms", "  due to being in the inbox, p50", "ms"),
    _at_most("timers_firing", "fired_p99_ms", "  due to being in the inbox, p99", "ms", 250),
    Goal("timers_firing", "decided_p99_ms", "  due to the step on paidan.cases, p99", "ms"),
    Goal("queues", "stored_cases", "dispatch's lists of cases", "cases"),
    Goal("queues", "lists_p50_ms", "  a page of any filter or pair, on one core, p50", "ms"),
    _at_most("queues", "lists_p99_ms", "  a page of any filter or pair, on one core, p99", "ms", 100),
    Goal("queues", "lists_max_ms", "  the slowest", "ms"),
    Goal("cockpit_pages", "stored_cases", "the cockpit's read model", "cases"),
    _at_most("cockpit_pages", "pages_p95_ms", "  its pages on one core, not computed before, p95", "ms", 150),
    _at_most("cockpit_pages", "slowest_pages_p95_ms", "  the slowest page and kind of person, p95", "ms", 150),
    _at_most("cockpit_pages", "searches_p95_ms", "  searches by words, p95", "ms", 300),
    _at_most("cockpit_pages", "slowest_searches_p95_ms", "  the slowest kind of search and person, p95", "ms", 300),
    _at_most("cockpit_live", "cores", "  200 open overviews at 100 events/s, PostgreSQL included", "cores", 0.25),
    _at_most("cockpit_live", "shown_max_s", "  committed to shown, the slowest", "s", 2),
)
