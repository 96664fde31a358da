"""`./run demo`: see lab.demo."""

import sys

try:
    from lab.demo.command import main
except KeyboardInterrupt:
    sys.exit(130)  # nothing was begun yet

if __name__ == "__main__":
    sys.exit(main())
