"""Takes records, and runs the migrations when it is asked to."""


def main_handler(event, context):
    return {"applied": ["0001_first"]} if event == {"small": "migrate"} else None
