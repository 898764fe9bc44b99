"""serverless.yml and stages/<stage>.yml in; one checked `Declaration` out. The first stage of the deployer."""

from deployer.declaration.load import DeclarationError, load
from deployer.declaration.model import Declaration

__all__ = ["Declaration", "DeclarationError", "load"]
