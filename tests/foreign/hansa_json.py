"""Judges the values in a genesis file (section 3 of ledger/FORMATS.md), one kind at a time."""
import ipaddress
import json
import re

from nacl.bindings import crypto_core_ed25519_is_valid_point as is_valid_point

from hansa_formats import MAX_U64, Refused, as_text, need, u

MAX_FILE_BYTES = 33554432
P = 2**255 - 19
# The coordinates of small order: no link key may be one of them.
SMALL_ORDER = (0, 1, P - 1, *(int.from_bytes(bytes.fromhex(u), "little") for u in (
    "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
    "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157")))


def must(condition, problem):
    need(condition, "genesis", problem)


def fields(value, required, **defaults):
    """The object's fields in the order asked for; those with a default may be left out."""
    must(isinstance(value, dict), f"there should be an object with {', '.join(required)}")
    for name in value:
        must(name in required or name in defaults, f"unknown field {name!a}")
    for name in required:
        must(name in value, f"the field {name} is missing")
    return [value[name] for name in required] + [value.get(*d) for d in defaults.items()]


def objects(value, what, least, most):
    must(isinstance(value, list) and least <= len(value) <= most,
         f"{what} should be a list of {least} to {most}")
    return value


def integer(value, what, least, most):
    # To Python, true and false are integers too.
    must(type(value) is int and least <= value <= most, f"{what} is not within {least} to {most}")
    return value


def text(value, kind):
    must(isinstance(value, str), f"a {kind} is not a text")
    # A text with half a surrogate pair has no bytes; it must be refused, not crash.
    return as_text(value.encode("utf-8", "surrogatepass"), kind, "genesis")


def choice(value, what, *names):
    must(value in names, f"{what} is none of {names}")
    return u(1, names.index(value))


def hex_bytes(value, what):
    must(isinstance(value, str) and re.fullmatch("[0-9a-f]{64}", value), f"a {what} is not hex")
    return bytes.fromhex(value)


def sign_key(value, what):
    key = hex_bytes(value, what)
    must(is_valid_point(key), f"the {what} {value} is no good key")
    return key


def link_key(value):
    key = hex_bytes(value, "link_key")
    number = int.from_bytes(key, "little")
    must(number < P and number not in SMALL_ORDER, f"the link_key {value} is no good key")
    return key


def address(value):
    """The address as it is compared with others."""
    must(isinstance(value, str) and len(value) <= 64, "an address is no text of at most 64 bytes")
    parts = re.fullmatch(r"([A-Za-z0-9.-]+|\[([0-9A-Fa-f:.]+)\]):([1-9][0-9]{0,4})", value)
    must(parts and int(parts[3]) <= 65535, f"{value!a} is no address")
    try:
        ipaddress.IPv6Address(parts[2] or "::")
    except ValueError:
        raise Refused("genesis", f"{value!a} has no IPv6 address in its brackets") from None
    return value.lower()


def unique(values, what):
    must(len(set(values)) == len(values), f"{what} stands twice")


def minor_units(value, decimals):
    # No number below 2^64 has more than 20 digits; the bound keeps int() from endless ones.
    pattern = "(0|[1-9][0-9]{0,19})" + (rf"\.[0-9]{{{decimals}}}" if decimals else "")
    must(isinstance(value, str) and re.fullmatch(pattern, value), f"{value!a} is no amount")
    return integer(int(value.replace(".", "")), "an amount", 1, MAX_U64)


def no_repeats(pairs):
    unique([name for name, _ in pairs], "a field")
    return dict(pairs)


def parse(file):
    must(len(file) <= MAX_FILE_BYTES, f"the file has {len(file)} bytes")
    try:
        return json.loads(file.decode("utf-8"), object_pairs_hook=no_repeats)
    except (ValueError, RecursionError) as error:
        raise Refused("genesis", f"the file is not JSON: {error}") from None
