// A message on its way, and the lane of its room.

/** The messages of one room that wait to be acked. */
export function newLane() {
  return {
    entries: [],
    // Nothing is written before then.
    holdUntil: null,
  };
}

/**
 * The message of a lane that goes first, and alone, while something comes again that was refused for now, or not acked in
 * time: the first of those that come again and those that are to go before them.
 */
export function probeOf(lane) {
  if (!lane.entries.some((entry) => entry.comesAgain)) return undefined;
  return lane.entries.find((entry) => entry.comesAgain || !entry.isWritten);
}

/** Whether the log is known to have a message. */
export function isInLog(entry) {
  return entry.isSent || entry.heardAt !== null;
}

/** A message that waits to be acked. */
export function newEntry({ messageId, room, content, createdAt, since = null, attemptedAt = null, sender = null }) {
  return {
    messageId,
    room,
    content,
    createdAt,
    // The room's position at the first attempt; when that was, by the calendar; and by whom.
    since,
    attemptedAt,
    sender,
    bytes: utf8Length(JSON.stringify(content)),
    attempts: 0,
    isWritten: false,
    // How many times it was written over this connection without an answer so far.
    unanswered: 0,
    // Whether it was refused over this connection and has not been written since.
    wasRefused: false,
    // Whether it was refused for now, or not acked in time, over this connection.
    comesAgain: false,
    // When it was last written.
    writtenAt: null,
    // Until when the attempt on its way must be answered.
    deadline: null,
    // Its seq, where it was heard before it was acked.
    heardAt: null,
    // Whether the application was told that it is in the log.
    isSent: false,
    // Whether storage has it.
    isKept: false,
    // Why it failed.
    code: null,
  };
}

/** How many bytes a text takes as UTF-8. */
export function utf8Length(text) {
  let length = 0;
  for (const letter of text) {
    const code = letter.codePointAt(0);
    length += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
  }
  return length;
}
