"""`python -m tts_cli` is `tts`."""

from tts_cli.cli.app import main

if __name__ == "__main__":
    main()
