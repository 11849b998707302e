"""What became of a crowd's messages, and whether that is what was promised."""


class Account:
    """Compares what publishers were acked and what readers heard with the room's log: (seq, messageId), oldest first."""

    def __init__(self, publishers, readers, resumed, history):
        self.log = dict(history)
        self.acks = {key: seq for publisher in publishers for key, seq in publisher.acked.items()}
        self.acked, self.stored, self.readers = len(self.acks), len(history), len(readers)
        self.resumed = resumed  # how often clients came back after their connection was lost
        self.repeated = sum(publisher.repeats for publisher in publishers)  # how often was sent again what had no ack
        self.lost = 0  # acked, and not heard by some reader
        self.doubled = 0  # heard more than once by some reader
        self.problems = []
        self.read_log(history, {
            f"{publisher.user}-{number}" for publisher in publishers for number in range(1, publisher.sent + 1)})
        for reader in readers:
            self.read(reader)

    def __repr__(self):
        return (f"{self.acked} acked, {self.stored} stored, {self.readers} readers, {self.resumed} resumed, "
                f"{self.repeated} repeated, {self.lost} lost, {self.doubled} doubled; problems: {self.problems}")

    def read_log(self, history, sent):
        say = self.problems.append
        if [seq for seq, _ in history] != list(range(1, len(history) + 1)):
            say("the log's seqs are not 1, 2, 3, …")
        if len(set(self.log.values())) != len(history):
            say("the log has messages twice")
        if strange := set(self.log.values()) - sent:
            say(f"nobody sent {sorted(strange)[:5]}")
        for key, seq in self.acks.items():
            if self.log.get(seq) != key:
                say(f"{key} was acked with seq {seq}, where the log has {self.log.get(seq)}")

    def read(self, reader):
        heard = set(reader.heard)
        if missing := {key for key, seq in self.acks.items() if seq >= reader.first} - heard:
            self.lost += len(missing)
            self.problems.append(f"{reader.user} did not hear {sorted(missing)[:5]} ({len(missing)} in all)")
        self.doubled += len(reader.heard) - len(heard)
        if reader.heard != [self.log.get(seq) for seq in range(reader.first, reader.last + 1)]:
            self.problems.append(f"{reader.user} heard another order than the log's")
