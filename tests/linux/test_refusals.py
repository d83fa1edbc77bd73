"""What the kernel refuses is told in words."""

import errno
import os

import pytest

from vcnd.linux.nft import KernelRefusedError, in_words
from vcnd.model.errors import BadNetnsError


def test_refusal_names_the_step_and_the_kernels_reason() -> None:
    with (
        pytest.raises(
            KernelRefusedError, match="a step of the pod's namespace"
        ) as said,
        in_words("the pod's namespace"),
    ):
        raise OSError(errno.ENOMEM, os.strerror(errno.ENOMEM))
    assert "Cannot allocate memory" in said.value.details


def test_other_errors_pass_unchanged() -> None:
    with pytest.raises(BadNetnsError), in_words("the pod's namespace"):
        raise BadNetnsError("CNI_NETNS is no namespace")
