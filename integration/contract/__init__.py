"""Oracle's own SDK as the judge of the fake: its clients, signers and waiters."""
