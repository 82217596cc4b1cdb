"""Messages of the GenAI conventions as the rows of `expected.py` write them."""

import json


def value(text):
    """What a value says: JSON read, and a single text message as its text."""
    read = loads(text)
    if is_messages(read):
        read = messages(read)
        return read[0][1] if len(read) == 1 and not read[0][2] else read
    return read


def messages(read):
    """`[role, text, calls]` of each message; nothing where there are none."""
    return [one for message in (read if is_messages(read) else []) for one in told(message)]


def told(message):
    text, calls = "", []
    for part in message.get("parts", []):
        if part["type"] == "text":
            text += part["content"]
        elif part["type"] == "tool_call":
            calls.append([part["name"], loads(part["arguments"])])
        elif part["type"] == "tool_call_response":
            text = loads(part.get("response"))
    return [[message["role"], text, calls]]


def is_messages(read):
    return isinstance(read, list) and all(isinstance(m, dict) and "role" in m for m in read)


def loads(text):
    if isinstance(text, str):
        try:
            return json.loads(text)
        except ValueError:
            pass
    return text
