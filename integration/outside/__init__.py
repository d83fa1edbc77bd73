"""The distributions as users have them: installed, in projects outside this one."""
