import unittest

from durations import parse, write


class WritingTest(unittest.TestCase):
    def test_largest_unit_comes_first(self):
        self.assertEqual(write(5430), "1h 30m 30s")

    def test_nothing_is_zero_seconds(self):
        self.assertEqual(write(0), "0s")

    def test_a_full_unit_is_written_as_that_unit(self):
        self.assertEqual(write(3600), "1h")

    def test_what_was_written_can_be_parsed(self):
        for seconds in (59, 3671, 93784):
            self.assertEqual(parse(write(seconds)), seconds)


if __name__ == "__main__":
    unittest.main()
