"""What /queue says, and to whom."""

from bot import messages


def test_an_empty_queue_is_a_sentence() -> None:
    assert "nothing waits" in messages.queue(running=[], waiting=[], user_id=1)


def test_ones_own_jobs_are_marked_and_nobody_elses_are_named() -> None:
    shown = messages.queue(
        running=[(2, 0.5, 12.0)], waiting=[(3, 12.0), (1, 30.0), (3, None)], user_id=1
    )
    lines = shown.splitlines()
    assert lines[0] == "**1 job being drawn, 3 waiting**"
    assert lines[1].endswith("50%, about 15 s left")
    assert [("yours" in line) for line in lines] == [False, False, False, True, False]
    assert "<@" not in shown


def test_a_long_queue_fits_a_message_and_shows_ones_own_place() -> None:
    waiting = [(1 if number == 400 else 2, float(number)) for number in range(500)]
    shown = messages.queue(running=[(1, 1.0, 9e9)] * 5, waiting=waiting, user_id=1)
    assert "401." in shown
    assert len(messages.queue(running=[], waiting=[(1, 9e9)] * 500, user_id=1)) <= 2000
