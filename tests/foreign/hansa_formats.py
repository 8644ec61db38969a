"""What both verifiers need of Hansa's formats: tags, bytes, texts.

Written from ledger/FORMATS.md alone; a section number says whose rules are followed.
"""
import hashlib
import pathlib
import re
import sys

from nacl.exceptions import BadSignatureError
from nacl.signing import VerifyKey

MAX_U64 = 2**64 - 1
NAME = "[a-z0-9-]{1,32}"
FREE = "[^\0-\x1f\x7f-\x9f]*"
# Every kind of text: its pattern, and the least and most bytes it may have (sections 3 and 4).
TEXTS = {"name": (NAME, 1, 32), "account": (NAME + "/[A-Za-z0-9._-]{1,40}", 3, 73),
         "asset code": ("[A-Z0-9]{3,12}", 3, 12), "memo": (FREE, 0, 128), "topic": (FREE, 1, 64),
         "record key": (FREE, 1, 128)}


class Refused(Exception):
    """Names what is to blame, and says what is wrong with it."""

    def __init__(self, field, problem):
        super().__init__(f"{field}: {problem}")
        self.field = field


def need(condition, field, problem):
    if not condition:
        raise Refused(field, problem)


def B(data):
    """The hash of the Merkle trees (section 5), the only one without a tag."""
    return hashlib.blake2b(data, digest_size=32).digest()


def tagged(tag, data):
    return tag.encode().ljust(16, b"\0") + data


def H(tag, data):
    return B(tagged(tag, data))


def u(size, value):
    return value.to_bytes(size, "little")


def text8(text):
    return u(1, len(text.encode())) + text.encode()


def is_signed(key, message, signature):
    try:
        VerifyKey(key).verify(message, signature)
    except BadSignatureError:
        return False
    return True


def as_text(raw, kind, field):
    """The bytes as a text, if they are one of this kind."""
    pattern, least, most = TEXTS[kind]
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        raise Refused(field, f"the {kind} is not UTF-8") from None
    good = least <= len(raw) <= most and re.fullmatch(pattern, text)
    need(good, field, f"this is no {kind}: {text!a}")
    return text


class Reader:
    """Takes values off the front of some bytes; `field` is blamed when they are not there."""

    def __init__(self, data, field):
        self.data, self.field, self.at = data, field, 0

    def take(self, size, what):
        need(size <= len(self.data) - self.at, self.field, f"the bytes end inside the {what}")
        self.at += size
        return self.data[self.at - size:self.at]

    def number(self, size, what, least=0, most=MAX_U64):
        value = int.from_bytes(self.take(size, what), "little")
        need(least <= value <= most, self.field, f"the {what} is {value}")
        return value

    def text8(self, kind):
        return as_text(self.take(self.number(1, f"length of the {kind}"), kind), kind, self.field)

    def end(self):
        left = len(self.data) - self.at
        need(left == 0, self.field, f"{left} bytes are left over")


def decimal(amount, decimals):
    """An amount in minor units as people write it (section 3)."""
    whole, part = divmod(amount, 10**decimals)
    return f"{whole}.{part:0{decimals}}" if decimals else str(whole)


def quoted(text):
    """The text in quotes and on one line, whatever characters it has."""
    shown = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(c if c.isprintable() else ascii(c)[1:-1] for c in shown) + '"'


def begin(data, magic, genesis):
    """The first three steps of sections 10 and 11; the reader stands behind what they judged."""
    reader = Reader(data, "magic")
    need(reader.take(8, "magic") == magic, "magic", f"it is not {magic.decode()}")
    reader.field = "structure"
    need(reader.take(32, "chain id") == genesis.chain_id, "chain id", "not that of the genesis")
    changes = reader.number(2, "number of epoch changes")
    need(changes == 0, "epoch changes", f"there are {changes}")
    return reader


def main(usage, verify, load_genesis):
    """What both programs do with their arguments; a file that cannot be read is wrong usage."""
    sys.stdout.reconfigure(errors="backslashreplace")
    if len(sys.argv) != 3:
        print("usage: " + usage, file=sys.stderr)
        return 2
    try:
        data, genesis_file = [pathlib.Path(path).read_bytes() for path in sys.argv[1:]]
    except OSError as error:
        print(f"{error.filename}: {error.strerror}", file=sys.stderr)
        return 2
    try:
        print(verify(data, load_genesis(genesis_file)))
    except Refused as refusal:
        print(refusal, file=sys.stderr)
        return 1
    return 0
