"""The subcommands of `patchmill`, one file each; `common.py` is what they share."""
