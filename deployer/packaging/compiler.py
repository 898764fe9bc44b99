"""Runs under the target's Python, alone: compiles the files that it is told on standard input. Part of bytecode.py.

in   {"python", "folder", "mounted", "names": [...]} as JSON
out  __pycache__ beside each file; on standard output {name: reason} of those that do not compile
"""

import json
import py_compile
import sys
import warnings

job = json.load(sys.stdin)
if job["python"] != "{}.{}".format(*sys.version_info):
    sys.exit("not the target's Python")
warnings.simplefilter("ignore")  # of invalid escapes and the like in other people's packages
failed = {}
for name in job["names"]:
    try:
        py_compile.compile(
            f"{job['folder']}/{name}",
            dfile=f"{job['mounted']}/{name}",
            doraise=True,
            invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
        )
    except py_compile.PyCompileError as error:
        failed[name] = f"{error.exc_type_name}: {error.exc_value}"
    except (ValueError, RecursionError) as error:
        failed[name] = f"{type(error).__name__}: {error}"
json.dump(failed, sys.stdout)
