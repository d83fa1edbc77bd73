"""``python -m vcnd.ctl`` is ``vcndctl``."""

from vcnd.ctl import main

main()
