// zlib, with what Swift can't call since it is a macro there.
#include <zlib.h>

/// deflateInit2 without zlib's own header and trailer, as RFC 7692 wants it.
static inline int CZlib_deflateInit(z_streamp stream, int level, int windowBits, int memLevel) {
    return deflateInit2(stream, level, Z_DEFLATED, -windowBits, memLevel, Z_DEFAULT_STRATEGY);
}

/// inflateInit2, likewise.
static inline int CZlib_inflateInit(z_streamp stream, int windowBits) {
    return inflateInit2(stream, -windowBits);
}
