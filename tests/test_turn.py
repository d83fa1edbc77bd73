"""One holder at a time, in the order of their arrival."""

import trio

from vcnd.turn import Turn


async def test_turns_are_taken_one_after_another() -> None:
    turn, done = Turn(), list[int]()

    async def take(number: int) -> None:
        async with turn:
            done.append(number)
            await trio.lowlevel.checkpoint()
            done.append(number)

    async with trio.open_nursery() as tasks:
        for number in range(5):
            tasks.start_soon(take, number)
            await trio.testing.wait_all_tasks_blocked()
    assert done == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]


async def test_free_turn_is_taken_without_a_task_switch() -> None:
    turn = Turn()
    with trio.testing.assert_no_checkpoints():
        async with turn:
            pass
