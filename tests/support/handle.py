"""Runs under Python 3.10 with only the zips on its path: one event through one handler, as the platform calls it.

in   a JSON event as the only argument; the function's environment
out  the last line of standard output: {"result", "elsewhere": modules from neither the path nor Python itself}
"""

import json
import os
import sys

import index

result = index.main_handler(json.loads(sys.argv[1]), {})
roots = (*os.environ["PYTHONPATH"].split(":"), os.path.dirname(os.__file__))
files = {name: getattr(module, "__file__", None) for name, module in list(sys.modules.items())}
del files["__main__"]
elsewhere = sorted(
    name for name, file in files.items() if file and (not file.startswith(roots) or "site-packages" in file)
)
print()
print(json.dumps({"result": result, "elsewhere": elsewhere}))
