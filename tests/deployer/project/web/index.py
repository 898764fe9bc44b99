"""Answers with what the layer and the environment say."""

import os

import words


def main_handler(event, context):
    return {"statusCode": 200, "headers": {"Content-Type": "text/plain"}, "body": os.environ["GREETING"] + words.END}
