"""Functions of all kinds, run inside a context of their own."""

import inspect
from collections.abc import AsyncIterator, Callable, Generator
from contextlib import AbstractContextManager
from functools import wraps
from typing import Any

Context = Callable[[], AbstractContextManager[Any]]
"""Makes a new context for each call."""


def decorated(function: Callable[..., Any], context: Context) -> Callable[..., Any]:
    """Return a function that runs inside a context, until it has ended.

    Raises:
        TypeError: it is no function.
    """
    if inspect.isclass(function) or not callable(function):
        raise TypeError(
            f"mock_oci() decorates functions, not {function!r}: in a class, decorate"
            " its methods, or use a fixture"
        )
    if inspect.iscoroutinefunction(function):
        return _coroutine(function, context)
    if inspect.isasyncgenfunction(function):
        return _async_generator(function, context)
    if inspect.isgeneratorfunction(function):
        return _generator(function, context)
    return _plain(function, context)


def _plain(function: Callable[..., Any], context: Context) -> Callable[..., Any]:
    @wraps(function)
    def call(*arguments: Any, **options: Any) -> Any:
        with context():
            result = function(*arguments, **options)
        if inspect.isawaitable(result):
            if inspect.iscoroutine(result):
                result.close()
            raise TypeError(
                f"{function!r} returns an awaitable, which would run after mock_oci()"
                " has ended: decorate the `async def` function itself"
            )
        return result

    return call


def _coroutine(function: Callable[..., Any], context: Context) -> Callable[..., Any]:
    @wraps(function)
    async def call(*arguments: Any, **options: Any) -> Any:
        with context():
            return await function(*arguments, **options)

    return call


def _generator(function: Callable[..., Any], context: Context) -> Callable[..., Any]:
    @wraps(function)
    def call(*arguments: Any, **options: Any) -> Generator[Any, Any, Any]:
        with context():
            return (yield from function(*arguments, **options))

    return call


def _async_generator(
    function: Callable[..., Any], context: Context
) -> Callable[..., Any]:
    @wraps(function)
    async def call(*arguments: Any, **options: Any) -> AsyncIterator[Any]:
        with context():
            inner = function(*arguments, **options)
            try:
                value = await anext(inner)
                while True:
                    try:
                        sent = yield value
                    except GeneratorExit:
                        raise
                    except BaseException as error:  # noqa: BLE001 - it is the inner's
                        value = await inner.athrow(error)
                    else:
                        value = await inner.asend(sent)
            except StopAsyncIteration:
                return
            finally:
                await inner.aclose()

    return call
