"""What a run could leave behind is told apart from what others have."""

from integration.lab.snapshot import difference, without

RULES = ["table inet ours {", "\tset a {", "\t}", "}", "table ip others {", "}"]


def test_named_tables_are_left_out_with_all_their_lines() -> None:
    assert without(RULES, ["ours"]) == RULES[4:]
    assert without(RULES, ["others"]) == RULES[:4]
    assert without(RULES, ()) == RULES


def test_difference_names_added_and_removed_lines() -> None:
    before, after = {"links": ["a", "b"]}, {"links": ["b", "c"], "files": ["x"]}
    assert difference(before, after) == [
        *("files: left x", "links: left c", "links: gone a"),
    ]
