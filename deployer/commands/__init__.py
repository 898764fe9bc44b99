"""The subcommands of `patchmill-deploy`: options in; calls of the engine and the operations; texts or JSON out."""
