"""``python -m nodulus``: the command line."""

from nodulus.app.__main__ import main

if __name__ == "__main__":
    main()
