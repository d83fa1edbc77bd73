"""The statement about where a release's files come from."""

import json

import pytest

from integration.release import provenance
from integration.release.provenance import Origin, statement, subjects, text_of
from integration.release.source import Commit
from integration.release.sums import ReleaseError

FILES = {"b.whl": "b" * 64, "a.tar.gz": "a" * 64}
ORIGIN = Origin(
    commit=Commit("c" * 40, 1_700_000_000),
    source="git+https://example.org/vcnd",
    builder="https://example.org/builder",
    locks={"requirements.txt": "d" * 64},
    tools={"cc": "12.2.0"},
)


def test_statement_has_the_parts_that_slsa_asks_for() -> None:
    made = statement(ORIGIN, FILES)
    assert made["_type"] == "https://in-toto.io/Statement/v1"
    assert made["predicateType"] == "https://slsa.dev/provenance/v1"
    definition = made["predicate"]["buildDefinition"]
    assert {"buildType", "externalParameters", "resolvedDependencies"} <= {*definition}
    checkout, lock = definition["resolvedDependencies"]
    assert checkout == {
        "uri": f"git+https://example.org/vcnd@{'c' * 40}",
        "digest": {"gitCommit": "c" * 40},
    }
    assert lock == {"name": "requirements.txt", "digest": {"sha256": "d" * 64}}
    builder = made["predicate"]["runDetails"]["builder"]
    assert builder == {"id": "https://example.org/builder", "version": {"cc": "12.2.0"}}


def test_subjects_are_the_files_with_their_digests() -> None:
    assert subjects(text_of(statement(ORIGIN, FILES))) == FILES


def test_order_of_the_files_changes_nothing() -> None:
    turned = dict(reversed(FILES.items()))
    assert text_of(statement(ORIGIN, FILES)) == text_of(statement(ORIGIN, turned))


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"_type": 1, "subject": 2}', "1"])
def test_text_of_another_form_is_refused(text: str) -> None:
    with pytest.raises(ReleaseError, match="cannot be read"):
        subjects(text)


def test_statement_of_another_kind_is_refused() -> None:
    body = statement(ORIGIN, FILES) | {"predicateType": "https://slsa.dev/other"}
    with pytest.raises(ReleaseError, match="of another kind"):
        subjects(json.dumps(body))


def test_default_names_are_no_machines() -> None:
    told = provenance.BY_HAND + provenance.SOURCE + provenance.BUILD_TYPE
    assert told.count("vcnd.invalid") == 3
