"""binascii for text that has one character per byte."""

import binascii


def b2a_hex(data):
    return binascii.b2a_hex(data.encode("latin-1") if isinstance(data, str) else data).decode()


def a2b_hex(digits):
    return binascii.a2b_hex(digits).decode("latin-1")


hexlify, unhexlify = b2a_hex, a2b_hex
