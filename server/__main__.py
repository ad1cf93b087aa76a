"""`python -m server` is `gongjian`."""

from server.cli import main

if __name__ == "__main__":
    main(prog_name="gongjian")
