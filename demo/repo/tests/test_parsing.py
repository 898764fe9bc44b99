import unittest

from durations import parse


class ParsingTest(unittest.TestCase):
    def test_parts_are_added_up(self):
        self.assertEqual(parse("1h 30m"), 5400)

    def test_spaces_do_not_matter(self):
        self.assertEqual(parse(" 2d4h "), 187200)

    def test_other_text_is_refused(self):
        with self.assertRaises(ValueError):
            parse("soon")


if __name__ == "__main__":
    unittest.main()
