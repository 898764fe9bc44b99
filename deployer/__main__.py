"""`python -m deployer`: the same as `patchmill-deploy`."""

from deployer.cli import main

if __name__ == "__main__":
    main()
