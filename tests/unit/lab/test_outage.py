"""What the measuring client's samples say of an outage."""

from lab.outage import Sample, outage_after


def samples(text: str) -> list[Sample]:
    """`sent-ended:ok` words."""
    result = []
    for word in text.split():
        times, ok = word.split(":")
        sent, ended = times.split("-")
        result.append(Sample(int(sent), int(ended), "page", ok == "1"))
    return result


def test_an_outage_reaches_from_the_last_good_attempt_to_the_first_good_one() -> None:
    seen = samples("0-5:1 20-25:1 40-140:0 60-160:0 1200-1205:1 1220-1225:1")
    outage = outage_after(seen, "page", 30)
    assert outage is not None
    assert (outage.last_good, outage.first_good, outage.milliseconds) == (20, 1205, 1185)


def test_there_is_no_outage_while_the_service_has_not_come_back() -> None:
    assert outage_after(samples("0-5:1 20-25:1 40-140:0"), "page", 30) is None


def test_an_outage_that_ended_before_the_cause_does_not_count() -> None:
    seen = samples("0-5:1 20-120:0 200-205:1 220-225:1 300-305:1")
    assert outage_after(seen, "page", 250) is None


def test_of_several_gaps_the_longest_counts() -> None:
    seen = samples("0-5:1 20-120:0 140-145:1 160-260:0 900-905:1")
    outage = outage_after(seen, "page", 0)
    assert outage is not None
    assert outage.milliseconds == 765
