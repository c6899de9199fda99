"""``python -m benchmarks``: a list of the commands."""

from benchmarks.commands import FOLDERS, list_commands

__all__ = ["main"]


def main() -> None:
    """Print the commands of each folder, with a line each."""
    commands = list_commands()
    width = max(map(len, commands))
    print("Commands, to be run from the checkout as python -m NAME; each has --help.")
    for folder, about in FOLDERS.items():
        print(f"\n{folder}: {about}")
        for name, line in commands.items():
            if name.split(".")[1] == folder:
                print(f"  {name:{width}}  {line}")


if __name__ == "__main__":
    main()
