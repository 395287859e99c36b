"""`make local`: the local stack with its page, see `local.command`."""

import gc
import signal
import sys

from local.provider import Provider


def main() -> int:
    """Runs the command; returns its exit status."""
    # Importing it takes half a second, in which Ctrl-C would give a traceback. Nothing has been
    # started yet that would not end with it, so the process may just end.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    # Looking for garbage would be a quarter of what a start costs, and finds hardly any.
    gc.disable()
    provider = Provider()  # It needs as long, on another core.
    from local import command  # noqa: PLC0415 - see above
    from operate.page.routes import StackPage  # noqa: PLC0415 - see above

    return command.main(StackPage(), provider)


if __name__ == "__main__":
    sys.exit(main())
