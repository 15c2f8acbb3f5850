"""What the comparison of two checkouts makes of the results that they wrote."""

from tests.bench.compare import Run, compare, read_run


def result(*, dispatch_us: float, cases_per_s: float, p99_ms: float) -> Run:
    return read_run(
        {
            "measured": {
                "http": {
                    "us_per_case": {
                        "dispatch": dispatch_us,
                        "generator": 30.0,
                        "driver": 20.0,
                        "PostgreSQL for x": 9.0,
                    },
                    "figures": {"cases_per_s": cases_per_s, "score_p99_ms": p99_ms},
                    "processors_of_others": 0.1,
                }
            }
        }
    )


def test_costs_are_added_up_by_process_and_in_all() -> None:
    figures = result(dispatch_us=250, cases_per_s=1_000, p99_ms=90)["http"]
    assert (figures["dispatch, us"], figures["load, us"], figures["all processes, us"]) == (250, 50, 300)


def test_the_best_is_the_least_of_costs_and_latencies_and_the_most_of_rates() -> None:
    before = [result(dispatch_us=us, cases_per_s=rate, p99_ms=us / 2) for us, rate in ((300, 900), (200, 1_000))]
    after = [result(dispatch_us=us, cases_per_s=rate, p99_ms=us / 2) for us, rate in ((100, 2_000), (120, 1_800))]
    compared = compare(before, after)["http"]
    assert compared["dispatch, us"].best == (200, 100)
    assert compared["dispatch, us"].ratios == (0.5, 0.44)
    assert compared["cases_per_s"].best == (1_000, 2_000)
    assert compared["score_p99_ms"].best == (100, 50)


def test_what_only_one_of_them_measures_is_left_out() -> None:
    older, newer = result(dispatch_us=1, cases_per_s=1, p99_ms=1), result(dispatch_us=1, cases_per_s=1, p99_ms=1)
    newer = {"http": {**newer["http"], "wal_bytes_per_case": 4_000.0}, "scale": newer["http"]}
    assert compare([newer], [older]).keys() == {"http"}
    assert "wal_bytes_per_case" not in compare([newer], [older])["http"]
