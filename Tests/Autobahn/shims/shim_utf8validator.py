"""Autobahn's validator for text that has one character per byte."""

from autobahn.websocket import utf8validator


class Utf8Validator(utf8validator.Utf8Validator):
    def validate(self, data):
        return super().validate(data.encode("latin-1") if isinstance(data, str) else data)
