"""State has one owner: no code assigns an attribute of another object."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FILES = [
    ROOT / "vcnd" / "node.py",
    *sorted((ROOT / "vcnd" / "flow").glob("*.py")),
    *sorted((ROOT / "vcnd" / "core").glob("*.py")),
]


def foreign_assignments(code: str) -> list[str]:
    """Return the assignments to attributes of objects besides ``self``, as source."""
    found: list[str] = []
    for node in ast.walk(ast.parse(code)):
        targets: list[ast.expr] = []
        match node:
            case ast.Assign():
                targets = node.targets
            case ast.AugAssign() | ast.AnnAssign():
                targets = [node.target]
            case ast.Delete():
                targets = node.targets
            case _:
                pass
        for target in (t for whole in targets for t in ast.walk(whole)):
            if isinstance(target, ast.Attribute) and isinstance(
                target.ctx, ast.Store | ast.Del
            ):
                owner = target.value
                if not (isinstance(owner, ast.Name) and owner.id == "self"):
                    found.append(ast.unparse(target))
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda p: f"{p.parent.name}/{p.name}")
def test_no_attribute_is_assigned_from_outside(path: Path) -> None:
    assert foreign_assignments(path.read_text()) == []


def test_foreign_assignments_are_found() -> None:
    code = "self.a = 1\npool.b = 2\nself.pool.c += 3\nx, pool.d = 1, 2\ndel pool.e"
    assert foreign_assignments(code) == ["pool.b", "self.pool.c", "pool.d", "pool.e"]
