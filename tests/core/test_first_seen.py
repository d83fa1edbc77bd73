"""Since when something is found."""

from vcnd.core.first_seen import FirstSeen


def test_what_is_found_again_keeps_its_time() -> None:
    seen = FirstSeen[str]()
    assert seen.note(["a"], 1.0) == {"a": 1.0}
    assert seen.note(["a", "b"], 3.0) == {"a": 1.0, "b": 3.0}


def test_what_was_away_once_begins_anew() -> None:
    seen = FirstSeen[str]()
    seen.note(["a"], 1.0)
    assert seen.note([], 2.0) == {}
    assert seen.note(["a"], 3.0) == {"a": 3.0}
