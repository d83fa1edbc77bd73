"""Objects that are read into values as they change."""

from tests.kubeapi.test_cache import line, listing, pod
from vcnd.kube.followed import Followed
from vcnd.kube.wire import Pod
from vcnd.kubeapi.cache import Cache


def test_values_follow_their_objects() -> None:
    told: list[None] = []
    followed = Followed[Pod, list[str]](
        Cache(Pod),
        lambda found: [found.status.phase] if found.status.phase != "Done" else None,
        lambda: told.append(None),
    )
    cache = followed.cache
    followed.take(cache.replace(listing("10", pod("a", "5"), pod("b", "6"))))
    before = dict(followed.values)
    assert before == {"a": [""], "b": [""]}
    followed.take(cache.apply_line(line("MODIFIED", pod("a", "11", phase="Running"))))
    assert followed.values == {"a": ["Running"], "b": [""]}
    assert followed.values["b"] is before["b"]
    followed.take(cache.apply_line(line("MODIFIED", pod("a", "12", phase="Done"))))
    followed.take(cache.apply_line(line("DELETED", pod("b", "13"))))
    assert followed.values == {}
    assert followed.changes == len(told) == 4
