"""SCF on one machine: what is deployed through its API in, running functions and their triggers out.

The functions cannot tell: events, context, environment, limits, log lines and status codes are the platform's. What is
not documented by the vendor, and therefore assumed, stands in the docstring of the module that assumes it.
"""

from emulator.scf.invocation import Invocation
from emulator.scf.service import Scf, ScfSettings

__all__ = ["Invocation", "Scf", "ScfSettings"]
