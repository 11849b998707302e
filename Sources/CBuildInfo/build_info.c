#include "build_info.h"

// Defined on the command line by Package.swift; in C, because Swift takes no strings from there.
#ifndef ROOST_COMMIT
#define ROOST_COMMIT "unknown"
#endif

const char *roost_build_commit(void) { return ROOST_COMMIT; }
