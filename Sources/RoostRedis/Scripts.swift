/// A script that Redis keeps by the SHA-1 of its text: called by that, and sent whole where it is not known.
struct Script: Sendable {
    let sha: String
    let text: String
}

// The digests are written down, since nothing here could work them out; a test has Redis do it.
extension Script {
    /// Takes or renews a lease, and drops those that have lapsed. Returns whether it is a new one, and the cards of all.
    /// Keys: leases, cards. Arguments: node, card, milliseconds.
    static let renew = Script(
        sha: "82679e415cc7644f51c89f6602a8a808cfdacd5f",
        text: """
            local time = redis.call('TIME')
            local now = time[1] * 1000 + math.floor(time[2] / 1000)
            for _, node in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now)) do
              redis.call('HDEL', KEYS[2], node)
              redis.call('ZREM', KEYS[1], node)
            end
            local new = redis.call('ZADD', KEYS[1], now + ARGV[3], ARGV[1])
            redis.call('HSET', KEYS[2], ARGV[1], ARGV[2])
            redis.call('PEXPIRE', KEYS[1], 86400000)
            redis.call('PEXPIRE', KEYS[2], 86400000)
            return {new, redis.call('HGETALL', KEYS[2])}
            """)

    /// Gives a lease back. Keys: leases, cards. Argument: node.
    static let release = Script(
        sha: "2d2b7e49bfd66edbc0dd17c4d963011b991a029e",
        text: """
            redis.call('ZREM', KEYS[1], ARGV[1])
            redis.call('HDEL', KEYS[2], ARGV[1])
            return 1
            """)

    /// Applies one change of a board, unless a later one of the same node is there: what was on its way on a connection
    /// that was given up may come after what was sent on the next.
    /// Key: board. Arguments: node, version, 1 if it is all that the node has there, number of rows set, each with its
    /// value, rows removed.
    static let write = Script(
        sha: "68695e61a23f4d26aa4054a31e86ebad8653100f",
        text: """
            local version = ARGV[1] .. '/'
            local known = redis.call('HGET', KEYS[1], version)
            if known and tonumber(known) >= tonumber(ARGV[2]) then return 0 end
            if ARGV[3] == '1' then
              for _, field in ipairs(redis.call('HKEYS', KEYS[1])) do
                if string.sub(field, 1, #version) == version then redis.call('HDEL', KEYS[1], field) end
              end
            end
            local last = 4 + 2 * ARGV[4]
            for i = 5, last, 2 do redis.call('HSET', KEYS[1], version .. ARGV[i], ARGV[i + 1]) end
            for i = last + 1, #ARGV do redis.call('HDEL', KEYS[1], version .. ARGV[i]) end
            redis.call('HSET', KEYS[1], version, ARGV[2])
            redis.call('PEXPIRE', KEYS[1], 86400000)
            return 1
            """)

    /// Removes what nodes have on a board, except where they have written since. Key: board. Arguments: nodes, each with
    /// the highest version that is removed.
    static let clean = Script(
        sha: "dc632ca17b8887ce2fd4f7f8fd4c045e722cc8b0",
        text: """
            local gone = {}
            for i = 1, #ARGV, 2 do
              local known = redis.call('HGET', KEYS[1], ARGV[i] .. '/')
              gone[ARGV[i]] = not known or tonumber(known) <= tonumber(ARGV[i + 1])
            end
            local removed = 0
            for _, field in ipairs(redis.call('HKEYS', KEYS[1])) do
              if gone[string.match(field, '^[^/]*')] then
                removed = removed + redis.call('HDEL', KEYS[1], field)
              end
            end
            return removed
            """)

    /// Keeps a board for another day. Key: board. Arguments: node, version. Returns whether the node's part of it is there
    /// at that version.
    static let keep = Script(
        sha: "ef37f5f58a79903f09a78a47e4ddfcebbd5bd60d",
        text: """
            if redis.call('HGET', KEYS[1], ARGV[1] .. '/') ~= ARGV[2] then return 0 end
            return redis.call('PEXPIRE', KEYS[1], 86400000)
            """)

    /// Counts a visit. Key: session. Arguments: milliseconds that it is kept, 1 if an unknown one begins. Returns the visits
    /// and the last room, or nothing.
    static let visit = Script(
        sha: "0f593ee1eb20a80a43e8be7267a642c437a0ca34",
        text: """
            if ARGV[2] == '0' and redis.call('EXISTS', KEYS[1]) == 0 then return false end
            local visits = redis.call('HINCRBY', KEYS[1], 'visits', 1)
            redis.call('PEXPIRE', KEYS[1], ARGV[1])
            return {visits, redis.call('HGET', KEYS[1], 'room')}
            """)

    /// Notes the last room of a session that there is. Key: session. Argument: room.
    static let note = Script(
        sha: "7ea8398fa47e6726445b8146f09d06a11387aace",
        text: """
            if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
            redis.call('HSET', KEYS[1], 'room', ARGV[1])
            return 1
            """)

    /// Takes tokens out of a bucket, in whole millionths, so that nothing is rounded: a rate per second times microseconds.
    /// Key: bucket. Arguments: tokens wanted, rate, burst.
    static let take = Script(
        sha: "618d9b6b84e5f0d488494780b82fc6ce1a6ac5bc",
        text: """
            local time = redis.call('TIME')
            local now = time[1] * 1000000 + time[2]
            local rate, full = tonumber(ARGV[2]), ARGV[3] * 1000000
            local bucket = redis.call('HMGET', KEYS[1], 'left', 'at')
            local left = full
            if bucket[1] then left = math.min(full, bucket[1] + math.max(0, now - bucket[2]) * rate) end
            local taken = math.min(tonumber(ARGV[1]), math.floor(left / 1000000))
            left = left - taken * 1000000
            redis.call('HSET', KEYS[1], 'left', string.format('%.0f', left), 'at', string.format('%.0f', now))
            if rate > 0 then redis.call('PEXPIRE', KEYS[1], math.ceil((full - left) / rate / 1000) + 1000) end
            return taken
            """)

    static let all = [renew, release, write, clean, keep, visit, note, take]
}
