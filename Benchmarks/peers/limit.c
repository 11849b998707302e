/* The limit: what a room server costs that does nothing but what the kernel asks for. One thread, epoll, one recv per
 * readable socket, one send per reader and turn; no users, no log, no presence, no limits, no care for slow readers
 * beyond not losing their bytes. Speaks what nchan speaks here: whoever connects to /ps/ROOM hears the room, each text
 * frame is published to it; /echo answers.
 *
 *   limit PORT
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { READ = 65536, HEAD = 4096, ROOMS = 4096 };

struct bytes { char *at; size_t length, room; };

struct room {
    char name[128];
    struct connection **members;
    int count, capacity, is_dirty;
    struct bytes news; /* this turn's, as frames */
    struct room *next;
};

struct connection {
    int fd, index, is_open, waits_to_write, is_over;
    struct room *room; /* NULL: it is echoed to */
    struct bytes in, out; /* half a frame that has come; what the kernel did not take */
    struct connection *next_over;
};

static int poller;
static struct room *rooms[ROOMS], *dirty[ROOMS];
static int dirty_count;
static struct connection *over; /* freed after the turn: events of this turn may still name them */

static void add(struct bytes *to, const void *from, size_t length) {
    if (to->length + length > to->room) {
        to->room = (to->length + length) * 2;
        to->at = realloc(to->at, to->room);
        if (!to->at) abort();
    }
    memcpy(to->at + to->length, from, length);
    to->length += length;
}

static void drop(struct bytes *bytes) { free(bytes->at); *bytes = (struct bytes){0}; }

/* ---- Rooms ---- */

static struct room *room_named(const char *name, size_t length) {
    char copy[128] = {0};
    memcpy(copy, name, length < sizeof copy - 1 ? length : sizeof copy - 1);
    uint32_t hash = 2166136261u;
    for (char *c = copy; *c; c++) hash = (hash ^ (unsigned char)*c) * 16777619u;
    struct room **place = &rooms[hash % ROOMS];
    while (*place && strcmp((*place)->name, copy)) place = &(*place)->next;
    if (!*place) {
        *place = calloc(1, sizeof **place);
        strcpy((*place)->name, copy);
    }
    return *place;
}

static void enter(struct connection *one, struct room *room) {
    if (room->count == room->capacity) {
        room->capacity = room->capacity ? 2 * room->capacity : 4;
        room->members = realloc(room->members, room->capacity * sizeof *room->members);
    }
    one->room = room;
    one->index = room->count;
    room->members[room->count++] = one;
}

static void leave(struct connection *one) {
    if (!one->room) return;
    struct connection *last = one->room->members[--one->room->count];
    one->room->members[one->index] = last;
    last->index = one->index;
    one->room = NULL;
}

/* ---- Writing ---- */

static void end(struct connection *one) {
    if (one->is_over) return;
    one->is_over = 1;
    leave(one);
    close(one->fd);
    one->next_over = over;
    over = one;
}

static void await(struct connection *one, int writable) {
    struct epoll_event event = {.events = EPOLLIN | (writable ? EPOLLOUT : 0), .data.ptr = one};
    epoll_ctl(poller, EPOLL_CTL_MOD, one->fd, &event);
    one->waits_to_write = writable;
}

static void put(struct connection *one, const char *bytes, size_t length) {
    ssize_t sent = 0;
    if (!one->out.length) {
        sent = send(one->fd, bytes, length, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent == (ssize_t)length) return;
        if (sent < 0) {
            if (errno != EAGAIN) return end(one);
            sent = 0;
        }
    }
    add(&one->out, bytes + sent, length - sent);
    if (!one->waits_to_write) await(one, 1);
}

static void writable(struct connection *one) {
    ssize_t sent = send(one->fd, one->out.at, one->out.length, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent < 0) {
        if (errno != EAGAIN) end(one);
        return;
    }
    memmove(one->out.at, one->out.at + sent, one->out.length - sent);
    if (one->out.length -= sent) return;
    drop(&one->out);
    await(one, 0);
}

/* ---- The handshake (RFC 6455 section 4.2) ---- */

static uint32_t turned(uint32_t word, int by) { return word << by | word >> (32 - by); }

/* SHA-1 (FIPS 180-4) of at most 119 bytes. */
static void sha1(const char *text, size_t length, unsigned char digest[20]) {
    unsigned char padded[128] = {0};
    size_t whole = length < 56 ? 64 : 128;
    memcpy(padded, text, length);
    padded[length] = 0x80;
    for (int i = 0; i < 4; i++) padded[whole - 1 - i] = (uint32_t)(length * 8) >> (8 * i);
    uint32_t h[5] = {0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476, 0xC3D2E1F0};
    for (unsigned char *block = padded; block < padded + whole; block += 64) {
        uint32_t w[80], v[5];
        for (int i = 0; i < 16; i++)
            w[i] = (uint32_t)block[4 * i] << 24 | block[4 * i + 1] << 16 | block[4 * i + 2] << 8 | block[4 * i + 3];
        for (int i = 16; i < 80; i++) w[i] = turned(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
        memcpy(v, h, sizeof v);
        for (int i = 0; i < 80; i++) {
            uint32_t f = i < 20   ? ((v[1] & v[2]) | (~v[1] & v[3])) + 0x5A827999
                         : i < 40 ? (v[1] ^ v[2] ^ v[3]) + 0x6ED9EBA1
                         : i < 60 ? ((v[1] & v[2]) | (v[1] & v[3]) | (v[2] & v[3])) + 0x8F1BBCDC
                                  : (v[1] ^ v[2] ^ v[3]) + 0xCA62C1D6;
            uint32_t next = turned(v[0], 5) + f + v[4] + w[i];
            v[4] = v[3], v[3] = v[2], v[2] = turned(v[1], 30), v[1] = v[0], v[0] = next;
        }
        for (int i = 0; i < 5; i++) h[i] += v[i];
    }
    for (int i = 0; i < 20; i++) digest[i] = h[i / 4] >> (24 - 8 * (i % 4));
}

static void base64(const unsigned char from[20], char to[29]) {
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    unsigned char padded[21] = {0};
    memcpy(padded, from, 20);
    for (int i = 0, o = 0; i < 21; i += 3) {
        uint32_t three = padded[i] << 16 | padded[i + 1] << 8 | padded[i + 2];
        for (int shift = 18; shift >= 0; shift -= 6) to[o++] = letters[three >> shift & 63];
    }
    to[27] = '=';
    to[28] = 0;
}

/* How many bytes the handshake had; 0: it is not all there; -1: it is none. */
static int handshake(struct connection *one, char *bytes, size_t length) {
    char head[HEAD + 1], text[128], accepted[29], answer[256];
    unsigned char digest[20];
    size_t copied = length < HEAD ? length : HEAD;
    memcpy(head, bytes, copied);
    head[copied] = 0;
    char *last = strstr(head, "\r\n\r\n");
    if (!last) return length < HEAD ? 0 : -1;
    char *key = strcasestr(head, "\r\nSec-WebSocket-Key: "), *path = head + 4, *path_end = strchr(path, ' ');
    if (!key || strncmp(head, "GET ", 4) || !path_end) return -1;
    int joined = snprintf(text, sizeof text, "%.24s258EAFA5-E914-47DA-95CA-C5AB0DC85B11", key + 21);
    sha1(text, joined, digest);
    base64(digest, accepted);
    if (!strncmp(path, "/ps/", 4)) enter(one, room_named(path + 4, path_end - path - 4));
    one->is_open = 1;
    int size = snprintf(answer, sizeof answer, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
        "Connection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n", accepted);
    put(one, answer, size);
    return last + 4 - head;
}

/* ---- Frames (RFC 6455 section 5), each message in one ---- */

static void frame(struct bytes *to, int opcode, const char *payload, size_t length) {
    unsigned char header[4] = {0x80 | opcode, length < 126 ? length : 126, length >> 8, length};
    add(to, header, length < 126 ? 2 : 4);
    add(to, payload, length);
}

static void unmask(char *payload, size_t length, uint32_t mask) {
    uint64_t both = (uint64_t)mask << 32 | mask, word;
    size_t at = 0;
    for (; at + 8 <= length; at += 8) {
        memcpy(&word, payload + at, 8);
        word ^= both;
        memcpy(payload + at, &word, 8);
    }
    for (; at < length; at++) payload[at] ^= (char)(mask >> (8 * (at % 4)));
}

static void publish(struct room *room, const char *payload, size_t length) {
    frame(&room->news, 1, payload, length);
    if (room->is_dirty) return;
    room->is_dirty = 1;
    dirty[dirty_count++] = room;
}

/* How many bytes the frame had; 0: it is not all there; -1: it is the last, or none of ours. */
static int take_frame(struct connection *one, char *bytes, size_t length, struct bytes *answers) {
    if (length < 6) return 0;
    size_t payload = bytes[1] & 127, header = 2;
    if (payload == 126) {
        if (length < 8) return 0;
        payload = (size_t)(unsigned char)bytes[2] << 8 | (unsigned char)bytes[3];
        header = 4;
    } else if (payload == 127) return -1;
    if (length < header + 4 + payload) return 0;
    uint32_t mask;
    memcpy(&mask, bytes + header, 4);
    char *content = bytes + header + 4;
    unmask(content, payload, mask);
    switch (bytes[0] & 15) {
    case 1:
        if (one->room) publish(one->room, content, payload);
        else frame(answers, 1, content, payload);
        break;
    case 8: frame(answers, 8, content, payload); return -1;
    case 9: frame(answers, 10, content, payload); break;
    default: break;
    }
    return header + 4 + payload;
}

static void readable(struct connection *one, char *buffer, struct bytes *answers) {
    size_t before = one->in.length;
    if (before) {
        memcpy(buffer, one->in.at, before);
        drop(&one->in);
    }
    ssize_t got = recv(one->fd, buffer + before, READ - before, MSG_DONTWAIT);
    if (got <= 0) {
        if (got == 0 || errno != EAGAIN) end(one);
        else if (before) add(&one->in, buffer, before);
        return;
    }
    size_t length = before + got, at = 0;
    int took = 1;
    answers->length = 0;
    while (at < length && took > 0) {
        took = one->is_open ? take_frame(one, buffer + at, length - at, answers) : handshake(one, buffer + at, length - at);
        if (took > 0) at += took;
    }
    if (answers->length) put(one, answers->at, answers->length);
    if (took < 0 || length - at == READ) end(one);
    else if (at < length) add(&one->in, buffer + at, length - at);
}

/* ---- The loop ---- */

static void accept_all(int listener) {
    int fd;
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
        struct connection *one = calloc(1, sizeof *one);
        one->fd = fd;
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = one};
        epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event);
    }
}

static void tell_rooms(void) {
    for (int i = 0; i < dirty_count; i++) {
        struct room *room = dirty[i];
        for (int m = room->count - 1; m >= 0; m--) put(room->members[m], room->news.at, room->news.length);
        room->news.length = 0;
        room->is_dirty = 0;
    }
    dirty_count = 0;
}

static void forget(void) {
    while (over) {
        struct connection *one = over;
        over = one->next_over;
        drop(&one->in);
        drop(&one->out);
        free(one);
    }
}

int main(int count, char **arguments) {
    if (count != 2) return fprintf(stderr, "usage: limit PORT\n"), 2;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), on = 1;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(atoi(arguments[1])),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    setsockopt(listener, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on); /* those it accepts have it, too */
    if (bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 4096))
        return perror("limit"), 1;
    poller = epoll_create1(0);
    struct epoll_event events[1024] = {{.events = EPOLLIN}};
    epoll_ctl(poller, EPOLL_CTL_ADD, listener, events);
    char *buffer = malloc(READ);
    struct bytes answers = {0};
    for (;;) {
        int ready = epoll_wait(poller, events, 1024, -1);
        for (int i = 0; i < ready; i++) {
            struct connection *one = events[i].data.ptr;
            if (!one) accept_all(listener);
            else if (!one->is_over && events[i].events & EPOLLOUT) writable(one);
            if (one && !one->is_over && events[i].events & ~EPOLLOUT) readable(one, buffer, &answers);
        }
        tell_rooms();
        forget();
    }
}
