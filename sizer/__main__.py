"""`python -m sizer` is the command line."""

from sizer.cli import main

if __name__ == "__main__":
    main()
