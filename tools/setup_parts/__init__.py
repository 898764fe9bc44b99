"""The parts of tools/setup.py, each with one question: which programs, which interpreters, which packages."""
