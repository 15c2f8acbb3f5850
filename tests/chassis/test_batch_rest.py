"""How long a consumer rests after a batch."""

from paidan_chassis.consumer.batch_runner import rest_s
from paidan_chassis.consumer.config import ConsumerTuning

GATHERING = ConsumerTuning(max_gather_s=0.25)


def test_a_lone_record_is_followed_at_once_and_many_are_gathered() -> None:
    assert rest_s(GATHERING, 1, 0.0) == GATHERING.min_batch_interval_s
    assert rest_s(GATHERING, 20, 0.0) == 0.1
    assert rest_s(GATHERING, 1_000, 0.05) == 0.2


def test_who_does_not_gather_rests_for_a_third_of_the_batch() -> None:
    assert rest_s(ConsumerTuning(), 1_000, 0.003) == 0.010 - 0.003
    assert rest_s(ConsumerTuning(), 1_000, 0.024) == 0.008
